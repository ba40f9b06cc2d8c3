// The list of flags: search, the state of each, moving by keyboard.
import { el, fill, set, text } from "./dom.js";
import { count, percent, plural } from "./format.js";
import { flagPath, replace } from "./route.js";
import { listen, store } from "./store.js";
import { showSwitch, switchFor, toggle } from "./toggle.js";
import { bar, chip, valueOf } from "./variation.js";

const list = document.getElementById("rows");
const search = document.getElementById("search");
const found = document.getElementById("found");
const empty = document.getElementById("list-empty");
const show = [...document.querySelectorAll("[data-show]")];

const rows = new Map(); // by key
let selected = "";
let showing = "all";

class Row {
	constructor(key) {
		this.key = key;
		this.switch = switchFor(key, key);
		this.name = el("span", { class: "row-name" });
		this.serves = el("span", { class: "row-serves" });
		this.facts = el("span", { class: "row-facts" });
		this.link = el("a", { class: "row-link", href: flagPath(key), tabindex: "-1" }, el("span", { class: "row-key mono", title: key }, key), this.serves, this.name, this.facts);
		this.switch.tabIndex = -1;
		this.node = el("li", { class: "row" }, this.switch, this.link);
		this.node.row = this;
	}

	// update does nothing when the flag is as it was, so that a state of a
	// thousand flags with one change costs one row.
	update(flag) {
		this.count(flag);
		showSwitch(this.switch, flag);
		const source = JSON.stringify({ ...flag, counts: null });
		if (source === this.source) return;
		this.source = source;
		this.flag = flag;
		this.words = [flag.key, flag.name, ...flag.variations.map((v) => v.value), ...flag.rules.map((rule) => rule.words)].join("\n").toLowerCase();
		text(this.name, flag.name && flag.name !== flag.key ? flag.name : "");
		set(this.name, "title", flag.name);
		this.node.classList.toggle("is-off", !flag.on);
		fill(this.serves, serves(flag));
		this.rules = flag.rules.length > 0 && plural(flag.rules.length, "rule");
		this.count(flag);
	}

	count(flag) {
		const total = Object.values(flag.counts).reduce((sum, n) => sum + n, 0);
		text(this.facts, [this.rules, total > 0 && `${count(total)}×`].filter(Boolean).join(" · "));
	}

	mark(selected) {
		this.node.classList.toggle("is-selected", selected);
		set(this.link, "aria-current", selected && "true");
	}

	matches(words) {
		if (showing !== "all" && this.flag.on !== (showing === "on")) return false;
		return words.every((word) => this.words.includes(word));
	}
}

// serves is what the flag gives those whom no rule or target catches.
function serves(flag) {
	if (!flag.on) return chip(flag, flag.offVariation);
	const shares = flag.shares.filter((share) => share.percent > 0);
	if (shares.length === 1) return chip(flag, shares[0].variation);
	const words = shares.map((share) => `${percent(share.percent)} ${valueOf(flag, share.variation)}`).join(", ");
	return [bar(flag, shares, "bar bar-mini"), el("span", { class: "unseen" }, words)];
}

function update() {
	const flags = store.state.flags;
	for (const key of rows.keys()) {
		if (store.flags.has(key)) continue;
		rows.get(key).node.remove();
		rows.delete(key);
	}
	let place = list.firstChild;
	for (const flag of flags) {
		let row = rows.get(flag.key);
		if (!row) {
			rows.set(flag.key, (row = new Row(flag.key)));
			row.mark(flag.key === selected);
		}
		row.update(flag);
		if (row.node === place) place = place.nextSibling;
		else list.insertBefore(row.node, place);
	}
	filter();
}

function filter() {
	const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
	let shown = 0;
	for (const row of rows.values()) {
		const matches = row.matches(words);
		if (matches) shown++;
		if (row.node.hidden === matches) row.node.hidden = !matches;
	}
	text(found, shown === rows.size ? plural(rows.size, "flag") : `${count(shown)} of ${plural(rows.size, "flag")}`);
	empty.hidden = shown > 0;
	if (shown === 0) fill(empty, rows.size === 0 ? noFlags() : noMatch());
	keepTabStop();
}

function noFlags() {
	return [el("p", { class: "empty-title" }, "No flags yet"), el("p", null, "Add one to ", el("span", { class: "mono" }, store.state.file), " and save it: the page and all clients follow the file.")];
}

function noMatch() {
	const clear = () => {
		search.value = "";
		setShowing("all");
		search.focus();
	};
	return [
		el("p", { class: "empty-title" }, "No flag matches"),
		el("p", null, "Searched are keys, names, values and the words of rules."),
		el("button", { type: "button", class: "button", onclick: clear }, "Show all flags"),
	];
}

function setShowing(what) {
	showing = what;
	for (const button of show) set(button, "aria-pressed", String(button.dataset.show === what));
	filter();
}

// select marks the row of the flag that is shown.
export function select(key) {
	if (key === selected) return;
	rows.get(selected)?.mark(false);
	selected = key;
	rows.get(selected)?.mark(true);
	keepTabStop();
}

// The list is one stop of the Tab key: the row that is selected, or the first.
let stop = null;

function keepTabStop() {
	const wanted = rows.get(selected);
	const next = wanted && !wanted.node.hidden ? wanted : firstShown();
	if (next === stop) return;
	for (const [row, index] of [[stop, -1], [next, 0]]) {
		if (row) row.link.tabIndex = row.switch.tabIndex = index;
	}
	stop = next;
}

function firstShown() {
	for (let node = list.firstChild; node; node = node.nextSibling) if (!node.hidden) return node.row;
	return null;
}

function lastShown() {
	for (let node = list.lastChild; node; node = node.previousSibling) if (!node.hidden) return node.row;
	return null;
}

export function firstKey() {
	return firstShown()?.key ?? "";
}

// move selects the next (1) or previous (-1) row that is shown.
export function move(step) {
	const from = stop?.node;
	if (!from) return;
	let node = from;
	const inList = list.contains(document.activeElement);
	if (inList || stop.key === selected) {
		do node = step > 0 ? node.nextSibling : node.previousSibling;
		while (node && node.hidden);
	}
	focusRow(node?.row ?? from.row);
}

function focusRow(row) {
	replace(flagPath(row.key, location.hash.endsWith("/evaluate") && location.hash !== "#/evaluate"));
	row.link.focus({ preventScroll: true });
	row.node.scrollIntoView({ block: "nearest" });
}

export function isInList(node) {
	return list.contains(node);
}

listen("state", update);
listen("link", () => store.state && update());
listen("counts", () => {
	for (const flag of store.state.flags) rows.get(flag.key)?.count(flag);
});

search.addEventListener("input", filter);
search.addEventListener("keydown", (event) => {
	if (event.key === "Enter" || event.key === "ArrowDown") {
		const first = firstShown();
		if (first) focusRow(first);
	} else if (event.key === "Escape" && search.value !== "") {
		search.value = "";
		filter();
	} else return;
	event.preventDefault();
	event.stopPropagation();
});
for (const button of show) button.addEventListener("click", () => setShowing(button.dataset.show));

list.addEventListener("keydown", (event) => {
	const row = event.target.closest(".row")?.row;
	if (!row) return;
	if (event.key === " " && event.target === row.link) toggle(row.key);
	else if (event.key === "Home") focusRow(firstShown());
	else if (event.key === "End") focusRow(lastShown());
	else return;
	event.preventDefault();
});
