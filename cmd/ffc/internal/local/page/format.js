// Data in words.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const clockTime = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

export const count = (n) => whole.format(n);
export const percent = (n) => `${short.format(n)} %`;
// Clients may send invalid times.
const isTime = (ms) => Math.abs(ms) <= 8.64e15;
export const clock = (ms) => (isTime(ms) ? clockTime.format(ms) : "no time");
export const plural = (n, one, many = one + "s") => `${count(n)} ${n === 1 ? one : many}`;

// ago is how long ago ms was.
export function ago(ms) {
	const seconds = Math.max(0, Math.round((Date.now() - ms) / 1000));
	if (seconds < 5) return "just now";
	if (seconds < 60) return `${seconds} s ago`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
	return when(ms);
}

// when is the time of today, or another day.
export function when(ms) {
	const day = new Date(ms);
	if (day.toDateString() === new Date().toDateString()) return `at ${clock(ms)}`;
	return `on ${day.toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" })}`;
}

// baseName is the last part of a path.
export function baseName(path) {
	return path.replace(/^.*[\\/]/, "");
}

// problem takes "flags.json:12:7: expected ..." apart. Without a place there
// are only words.
export function problem(words) {
	const [, file, line, column, rest] = /^(.*?):(\d+):(\d+): ([\s\S]*)$/.exec(words) ?? [];
	return file ? { file, line, column, words: rest } : { words };
}

// goString is words as a Go string literal.
export function goString(words) {
	return JSON.stringify(words);
}
