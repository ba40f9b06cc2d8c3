// Turning flags on and off.
import { writeFlag } from "./api.js";
import { el, set } from "./dom.js";
import { complain, say, settle } from "./notice.js";
import { putFlag, store } from "./store.js";

// wishes are what flags with a write under way shall be at its end: a switch
// that is pressed twice in a hurry comes back to where it was.
const wishes = new Map();

export async function toggle(key) {
	const flag = store.flags.get(key);
	if (!flag || store.link === "lost") return;
	const underWay = wishes.has(key);
	wishes.set(key, !(wishes.get(key) ?? flag.on));
	if (underWay) return;
	const about = `${key} was not changed`;
	try {
		for (let on = flag.on; on !== wishes.get(key); ) {
			on = wishes.get(key);
			putFlag(await writeFlag(key, { on }));
			say(`${key} is ${on ? "on" : "off"}`);
		}
		settle(about);
	} catch (error) {
		complain(about, error, () => toggle(key));
	} finally {
		wishes.delete(key);
	}
}

// switchFor makes the switch of a flag; showSwitch brings it up to date.
export function switchFor(key, label) {
	return el("button", { type: "button", role: "switch", class: "switch", "aria-checked": "false", "aria-label": label, onclick: () => toggle(key) }, el("span", { class: "knob" }));
}

export function showSwitch(node, flag) {
	set(node, "aria-checked", String(flag.on));
	set(node, "aria-disabled", store.link === "lost" && "true");
}
