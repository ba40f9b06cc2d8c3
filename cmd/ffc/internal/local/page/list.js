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

const space = el("li", { class: "row-space", "aria-hidden": "true" });
list.append(space);

// Of thousands of flags only those have a row that can be seen: rows have one
// height and are put where they belong.
let shown = []; // the flags that match, in order
let places = new Map(); // their indexes, by key
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
		text(this.name, flag.name && flag.name !== flag.key ? flag.name : "");
		set(this.name, "title", flag.name);
		this.node.classList.toggle("is-off", !flag.on);
		fill(this.serves, serves(flag));
		this.warnings = flag.warnings.length > 0 && "⚠";
		set(this.facts, "title", flag.warnings.length > 0 && flag.warnings.join("\n"));
		this.rules = flag.rules.length > 0 && plural(flag.rules.length, "rule");
		this.count(flag);
	}

	count(flag) {
		const total = Object.values(flag.counts).reduce((sum, n) => sum + n, 0);
		text(this.facts, [this.warnings, this.rules, total > 0 && `${count(total)}×`].filter(Boolean).join(" · "));
	}

	mark(selected) {
		this.node.classList.toggle("is-selected", selected);
		set(this.link, "aria-current", selected && "true");
	}

	// place puts the row where flag i of the list is.
	place(i) {
		if (this.index === i && this.of === shown.length) return;
		this.index = i;
		this.of = shown.length;
		this.node.style.top = `calc(6px + ${i} * var(--row))`;
		set(this.node, "aria-posinset", i + 1);
		set(this.node, "aria-setsize", shown.length);
	}
}

// searched are the words of flags that searches look at.
const searched = new WeakMap();

function matches(flag, words) {
	if (showing !== "all" && flag.on !== (showing === "on")) return false;
	if (words.length === 0) return true;
	let own = searched.get(flag);
	if (own === undefined) {
		own = [flag.key, flag.name, ...flag.variations.map((v) => v.value), ...flag.rules.map((rule) => rule.words)].join("\n").toLowerCase();
		searched.set(flag, own);
	}
	return words.every((word) => own.includes(word));
}

// serves is what users get whom no target and no rule matches.
function serves(flag) {
	if (!flag.on) return chip(flag, flag.offVariation);
	const shares = flag.shares.filter((share) => share.percent > 0);
	if (shares.length === 1) return chip(flag, shares[0].variation);
	const words = shares.map((share) => `${percent(share.percent)} ${valueOf(flag, share.variation)}`).join(", ");
	return [bar(flag, shares, "bar bar-mini"), el("span", { class: "unseen" }, words)];
}

// draw gives rows to the flags that can be seen, some more, and those that are
// selected or have the focus; others lose theirs.
function draw() {
	const height = rowHeight();
	const top = Math.max(0, list.scrollTop, -list.getBoundingClientRect().top);
	const first = Math.max(0, Math.floor(top / height) - spare);
	const last = Math.min(shown.length, Math.ceil((top + innerHeight) / height) + spare);
	const wanted = new Set();
	for (let i = first; i < last; i++) wanted.add(i);
	const focused = document.activeElement?.closest?.(".row")?.row?.key;
	for (const key of [focused, selected, stop]) if (places.has(key)) wanted.add(places.get(key));
	for (const [key, row] of rows) {
		if (wanted.has(places.get(key))) continue;
		row.node.remove();
		rows.delete(key);
	}
	let next = list.firstChild;
	for (const i of [...wanted].sort((a, b) => a - b)) {
		const flag = shown[i];
		let row = rows.get(flag.key);
		if (!row) {
			rows.set(flag.key, (row = new Row(flag.key)));
			row.mark(flag.key === selected);
		}
		row.update(flag);
		row.place(i);
		if (row.node === next) next = next.nextSibling;
		else list.insertBefore(row.node, next);
	}
	space.style.height = `calc(${shown.length} * var(--row))`;
	for (const [key, row] of rows) row.link.tabIndex = row.switch.tabIndex = key === stop ? 0 : -1;
}

const spare = 8;

function rowHeight() {
	return parseFloat(getComputedStyle(list).getPropertyValue("--row")) || 54;
}

// filter finds the flags that match and draws them.
function filter() {
	const flags = store.state.flags;
	const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
	shown = flags.filter((flag) => matches(flag, words));
	places = new Map(shown.map((flag, i) => [flag.key, i]));
	text(found, shown.length === flags.length ? plural(flags.length, "flag") : `${count(shown.length)} of ${plural(flags.length, "flag")}`);
	empty.hidden = shown.length > 0;
	if (shown.length === 0) fill(empty, flags.length === 0 ? noFlags() : noMatch());
	keepTabStop();
	draw();
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

// select marks the row of the flag that is shown, and scrolls to it if a link led
// there.
export function select(key) {
	if (key === selected) return;
	rows.get(selected)?.mark(false);
	const first = selected === "" || !rows.has(key); // not one that is in sight
	selected = key;
	keepTabStop();
	if (first && places.has(selected)) reveal(places.get(selected));
	draw();
	rows.get(selected)?.mark(true);
}

// reveal scrolls the list so that flag i of it is seen. On phones, where the page
// scrolls, a flag that is shown hides the list.
function reveal(i) {
	const height = rowHeight();
	const top = i * height;
	if (top < list.scrollTop) list.scrollTop = top;
	else if (top + height + 12 > list.scrollTop + list.clientHeight) list.scrollTop = top + height + 12 - list.clientHeight;
}

// The list is one stop of the Tab key: the row of the flag that is selected, or
// the first.
let stop = ""; // a key

function keepTabStop() {
	stop = places.has(selected) ? selected : (shown[0]?.key ?? "");
}

export function firstKey() {
	return shown[0]?.key ?? "";
}

// move selects the next (1) or previous (-1) flag that matches.
export function move(step) {
	if (!places.has(stop)) return;
	let at = places.get(stop);
	if (list.contains(document.activeElement) || stop === selected) at += step;
	focusRow(Math.min(Math.max(at, 0), shown.length - 1));
}

function focusRow(at) {
	const flag = shown[at];
	if (!flag) return;
	replace(flagPath(flag.key, location.hash.endsWith("/evaluate") && location.hash !== "#/evaluate"));
	stop = flag.key;
	draw();
	const row = rows.get(flag.key);
	row.link.focus({ preventScroll: true });
	row.node.scrollIntoView({ block: "nearest" });
	draw(); // where it scrolled to
}

export function isInList(node) {
	return list.contains(node);
}

listen("state", filter);
listen("link", () => store.state && draw());
listen("counts", () => {
	for (const [key, row] of rows) {
		const flag = store.flags.get(key);
		if (flag) row.count(flag);
	}
});

for (const scroller of [list, window]) scroller.addEventListener("scroll", () => store.state && draw(), { passive: true });
addEventListener("resize", () => store.state && draw());

search.addEventListener("input", filter);
search.addEventListener("keydown", (event) => {
	if (event.key === "Enter" || event.key === "ArrowDown") {
		focusRow(0);
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
	else if (event.key === "Home") focusRow(0);
	else if (event.key === "End") focusRow(shown.length - 1);
	else return;
	event.preventDefault();
});
