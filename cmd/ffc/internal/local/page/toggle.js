// Turning flags on and off.
import { writeFlag } from "./api.js";
import { el, set } from "./dom.js";
import { complain, say, settle } from "./notice.js";
import { putFlag, store } from "./store.js";

const underWay = new Set();

export async function toggle(key) {
	const flag = store.flags.get(key);
	if (!flag || underWay.has(key) || store.link === "lost") return;
	const on = !flag.on;
	const about = `${key} was not turned ${on ? "on" : "off"}`;
	underWay.add(key);
	try {
		putFlag(await writeFlag(key, { on }));
		settle(about);
		say(`${key} is ${on ? "on" : "off"}`);
	} catch (error) {
		complain(about, error, () => toggle(key));
	} finally {
		underWay.delete(key);
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
