// Evaluating a user: a form for them, and the outcome for one flag or for all.
import { evaluate, evaluateAll } from "./api.js";
import { el, fill, icon, set, text } from "./dom.js";
import { explained, outcomeOf, shortReason } from "./explanation.js";
import { count, plural } from "./format.js";
import { advice } from "./notice.js";
import { flagPath } from "./route.js";
import { listen, store } from "./store.js";

const kept = "ffc.user"; // in the session's storage, so that a reload keeps the user

const builtIn = [
	{ name: "key", label: "Key", placeholder: "u1" },
	{ name: "name", label: "Name", placeholder: "Ann" },
	{ name: "email", label: "Email", placeholder: "ann@example.com" },
	{ name: "country", label: "Country", placeholder: "FR" },
];

const fields = new Map();
const attributes = el("div", { class: "attributes" });
const result = el("div", { class: "results" });
const form = el("form", { class: "user card", "aria-label": "User" });
const title = el("h3", null, "User");
const scope = el("p", { class: "card-aside" });

// node is the only form; the page moves it.
export const node = el("section", { class: "evaluate" }, form, result);

let flagKey = null; // "": all flags; null: the form is hidden
let underWay = null;
let timer = 0;
let evaluated = "";

function build() {
	fill(
		form,
		el("div", { class: "card-head" }, title, scope),
		el(
			"div",
			{ class: "user-fields" },
			builtIn.map(({ name, label, placeholder }) => {
				const input = el("input", { type: "text", placeholder, autocomplete: "off", spellcheck: "false", autocapitalize: "off", name });
				fields.set(name, input);
				return el("label", { class: "field" }, el("span", null, label), input);
			}),
		),
		attributes,
		el(
			"div",
			{ class: "user-end" },
			el("button", { type: "button", class: "button small", onclick: () => addAttribute("", "").focus() }, icon("plus"), "Attribute"),
			el("span", { class: "grow" }),
			el("button", { type: "submit", class: "button primary" }, "Evaluate"),
		),
	);
	form.addEventListener("submit", (event) => {
		event.preventDefault();
		run();
	});
	form.addEventListener("input", () => soon(200));
	let user = { key: "u1", attributes: {} };
	try {
		user = JSON.parse(sessionStorage.getItem(kept)) ?? user;
	} catch {
		// Storage is off or holds something else; the page works without.
	}
	setUser(user);
}

function addAttribute(name, value) {
	const nameField = el("input", { type: "text", placeholder: "plan", "aria-label": "Name of the attribute", value: name, autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
	const valueField = el("input", { type: "text", placeholder: "pro", "aria-label": "Value of the attribute", value, autocomplete: "off", spellcheck: "false", autocapitalize: "off" });
	const remove = el("button", { type: "button", class: "button quiet small", "aria-label": "Remove the attribute" }, icon("no"));
	const row = el("div", { class: "attribute" }, nameField, el("span", { "aria-hidden": "true" }, "="), valueField, remove);
	row.pair = () => [nameField.value.trim(), valueField.value];
	remove.addEventListener("click", () => {
		(row.nextElementSibling ?? row.previousElementSibling)?.querySelector("input").focus();
		row.remove();
		soon(0);
	});
	attributes.append(row);
	return nameField;
}

function setUser(user) {
	for (const [name, input] of fields) input.value = user[name] ?? "";
	fill(attributes);
	for (const [name, value] of Object.entries(user.attributes ?? {})) addAttribute(name, value);
}

function user() {
	const pairs = [...attributes.children].map((row) => row.pair()).filter(([name]) => name !== "");
	return { ...Object.fromEntries([...fields].map(([name, input]) => [name, input.value])), attributes: Object.fromEntries(pairs) };
}

// useUser fills in the user of an event: only the key is known, so the attributes
// of the previous user are cleared.
export function useUser(key) {
	if (fields.get("key").value === key) return;
	setUser({ key });
	soon(0);
}

// showFor shows the outcome for one flag, for all ("") or stops (null).
export function showFor(key) {
	if (key === flagKey) return;
	flagKey = key;
	underWay?.abort();
	clearTimeout(timer);
	evaluated = "";
	if (key === null) return;
	fill(result);
	all.rows.clear();
	text(title, key === "" ? "Evaluate a user for all flags" : "User");
	fill(scope, key !== "" && el("a", { href: "#/evaluate" }, "for all flags"));
	run();
}

function soon(ms) {
	clearTimeout(timer);
	timer = setTimeout(run, ms);
}

// flagsNow is what the outcome depends on besides the user.
function flagsNow() {
	return JSON.stringify([store.state.flags.map((flag) => ({ ...flag, counts: null })), store.state.segments]);
}

async function run() {
	clearTimeout(timer);
	if (flagKey === null || !store.state) return;
	underWay?.abort();
	const { signal } = (underWay = new AbortController());
	const who = user();
	try {
		sessionStorage.setItem(kept, JSON.stringify(who));
	} catch {
		// As above.
	}
	evaluated = flagsNow();
	try {
		if (flagKey === "") await runAll(who, signal);
		else {
			const explanation = await evaluate(flagKey, who, signal);
			if (signal.aborted) return;
			fill(result, el("section", { class: "card", "aria-label": "Outcome" }, explained(explanation)));
		}
	} catch (error) {
		if (signal.aborted) return;
		all.rows.clear();
		fill(result, el("div", { class: "inline bad", role: "alert" }, el("p", { class: "notice-title" }, "The user was not evaluated"), el("p", null, error.message), advice(error)));
	}
}

// all is the outcome for all flags.
const all = {
	rows: new Map(),
	filter: el("input", { type: "search", placeholder: "Filter by key, value or reason", "aria-label": "Filter the outcomes", autocomplete: "off", spellcheck: "false" }),
	found: el("p", { class: "card-aside", role: "status" }),
	list: el("div", { class: "outcomes" }),
};

async function runAll(who, signal) {
	const explanations = await evaluateAll(who, signal);
	if (signal.aborted) return;
	if (!all.list.isConnected) fill(result, el("section", { class: "card" }, el("div", { class: "card-head" }, all.filter, all.found), all.list));
	const before = all.rows;
	all.rows = new Map();
	for (const explanation of explanations) {
		const row = before.get(explanation.flagKey) ?? new Outcome(explanation.flagKey);
		row.show(explanation);
		all.rows.set(row.key, row);
	}
	const nodes = [...all.rows.values()].map((row) => row.node);
	// Replacing nodes by themselves would remove the focus.
	if (nodes.length !== all.list.childNodes.length || nodes.some((node, i) => all.list.childNodes[i] !== node)) fill(all.list, nodes);
	filterAll();
}

function filterAll() {
	let shown = 0;
	for (const row of all.rows.values()) if (row.matches(all.filter.value.toLowerCase())) shown++;
	text(all.found, shown === all.rows.size ? plural(shown, "flag") : `${count(shown)} of ${plural(all.rows.size, "flag")}`);
}

// Outcome is one line, which opens to say why.
class Outcome {
	constructor(key) {
		this.outcome = el("span", { class: "outcome-value" });
		this.reason = el("span", { class: "outcome-reason" });
		this.body = el("div", { class: "outcome-body" });
		this.node = el("details", { class: "outcome-row", ontoggle: () => this.open() }, el("summary", null, el("span", { class: "outcome-key mono", title: key }, key), this.outcome, this.reason), this.body);
		this.key = key;
	}

	show(explanation) {
		this.explanation = explanation;
		fill(this.outcome, outcomeOf(explanation));
		text(this.reason, shortReason(explanation));
		this.words = `${this.key}\n${explanation.value}\n${this.reason.textContent}`.toLowerCase();
		if (this.node.open) this.open();
	}

	matches(words) {
		this.node.hidden = !this.words.includes(words);
		return !this.node.hidden;
	}

	open() {
		fill(this.body, this.node.open && [explained(this.explanation), el("p", null, el("a", { href: flagPath(this.key, true) }, "Only this flag"))]);
	}
}

all.filter.addEventListener("input", filterAll);

listen("state", () => {
	if (flagKey !== null && flagsNow() !== evaluated) soon(50);
});
listen("link", () => set(form.querySelector("[type=submit]"), "disabled", store.link === "lost"));

build();
