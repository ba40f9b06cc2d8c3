// Notices. An error stays until it is closed, is no longer true, or for a while.
// Success is announced to screen readers only: the switch shows it to others.
import { el, icon, text } from "./dom.js";
import { listen, store } from "./store.js";

const notices = document.getElementById("notices");
const said = document.getElementById("said");

export function say(words) {
	text(said, words);
}

// complain shows why something failed and what to do. A later complaint about
// the same thing replaces the earlier one; retry, if given, becomes a button.
export function complain(about, error, retry) {
	settle(about);
	const close = () => (clearTimeout(timer), node.remove());
	// Not while somebody reads or is about to press a button.
	const fade = () => (node.matches(":hover, :focus-within") ? (timer = setTimeout(fade, 2_000)) : close());
	let timer = setTimeout(fade, longest);
	const node = el(
		"div",
		{ class: "notice", role: "alert" },
		icon("alert"),
		el("div", { class: "notice-words" }, el("p", { class: "notice-title" }, about), el("p", null, error.message), advice(error)),
		el(
			"div",
			{ class: "notice-actions" },
			retry && el("button", { type: "button", class: "button", onclick: () => (close(), retry()) }, "Try again"),
			el("button", { type: "button", class: "button quiet", onclick: close }, "Close"),
		),
	);
	node.about = about;
	node.offline = error.status === 0;
	notices.append(node);
	while (notices.children.length > 3) notices.firstChild.remove();
}

const longest = 20_000;

// Errors of the connection are stale once there is a connection.
listen("link", () => {
	if (store.link === "live") for (const node of [...notices.children]) if (node.offline) node.remove();
});

// settle removes the notices about something.
export function settle(about) {
	for (const node of [...notices.children]) if (node.about === about) node.remove();
}

// advice is what to do about a rejected write.
export function advice(error) {
	const file = store.state?.file ?? "the file";
	switch (error.status) {
		case 409:
			return el("p", null, "Nothing was written. Once the page shows what is in ", el("span", { class: "mono" }, file), " now, look at it and try again.");
		case 404:
			return el("p", null, "The flag may have been removed from ", el("span", { class: "mono" }, file), ".");
		case 403:
			return el("p", null, "Open the page by the address that ffc serve printed.");
		case 0:
			return el("p", null, "Start it again; this page connects by itself.");
	}
	return null;
}

export function copyButton(words, label) {
	const button = el("button", { type: "button", class: "button small", onclick: () => copy(words(), button) }, icon("copy"), el("span", null, label));
	return button;
}

// copy copies words to the clipboard. If the browser does not allow that, as on an
// address that is not loopback, it selects them to be copied by hand.
export async function copy(words, button) {
	try {
		await navigator.clipboard.writeText(words);
	} catch {
		const area = el("textarea", { readonly: true, class: "notice-copy", rows: 3, "aria-label": "Text to copy" });
		area.value = words;
		const node = el(
			"div",
			{ class: "notice" },
			el("div", { class: "notice-words" }, el("p", null, "The browser does not let the page copy. Copy it from here:"), area),
			el("button", { type: "button", class: "button quiet", onclick: () => node.remove() }, "Close"),
		);
		notices.append(node);
		area.select();
		return;
	}
	say("Copied");
	button.classList.add("copied");
	setTimeout(() => button.classList.remove("copied"), 1200);
}

