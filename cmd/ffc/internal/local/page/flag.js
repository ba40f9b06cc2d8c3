// One flag: its state, variations with their counts, and who gets what.
import { el, fill, icon, set, text } from "./dom.js";
import { count, percent, plural, when } from "./format.js";
import { copyButton } from "./notice.js";
import { Editor, hasDraft } from "./rollout.js";
import { flagPath } from "./route.js";
import { showSwitch, switchFor } from "./toggle.js";
import { bar, chip, colour } from "./variation.js";

const usersShown = 12;
const longValue = 160;

// FlagView is the view of the flag with a key, whatever becomes of it.
export class FlagView {
	constructor(key) {
		this.key = key;
		this.switch = switchFor(key, key);
		this.switch.classList.add("large");
		this.onWords = el("span", { class: "head-on" });
		this.title = el("h2", { class: "head-key mono" }, key);
		this.name = el("p", { class: "head-name" });
		this.tabs = {
			configuration: el("a", { href: flagPath(key) }, "Configuration"),
			evaluate: el("a", { href: flagPath(key, true) }, "Evaluate a user"),
		};
		this.head = el(
			"header",
			{ class: "head" },
			el("a", { class: "back button quiet small", href: "#/" }, icon("back"), "Flags"),
			el("div", { class: "head-line" }, el("div", { class: "head-words" }, this.title, this.name), copyButton(() => key, "Copy key"), el("div", { class: "head-switch" }, this.onWords, this.switch)),
			el("nav", { class: "tabs", "aria-label": "Parts of the flag" }, this.tabs.configuration, this.tabs.evaluate),
		);
		this.variations = el("section", { class: "card" });
		this.gone = el("div", { class: "empty", hidden: true }, el("p", { class: "empty-title" }, "No such flag"), el("p", null, "There is no flag ", el("span", { class: "mono" }, key), " in the file. It may have been renamed or taken out."));
		// What can have the focus stays where it is while the rest is drawn anew.
		this.edit = el("button", { type: "button", class: "button small", onclick: () => this.openEditor() }, "Edit rollout");
		this.offNote = el("p", { class: "card-aside off-note" });
		this.lastWords = el("div", { class: "step-words" });
		this.lastOutcome = el("div", { class: "step-outcome" });
		this.last = el("li", { class: "step step-last" }, el("div", { class: "step-kind" }, "Default"), this.lastWords, this.lastOutcome, el("div", { class: "step-edit" }, this.edit));
		this.steps = el("ol", { class: "steps" }, this.last);
		this.place = el("div");
		const order = el("section", { class: "card" }, el("div", { class: "card-head" }, el("h3", null, "Who gets what"), this.offNote), this.steps, this.place);
		this.warnings = el("section", { class: "warnings warn", "aria-label": "Warnings", hidden: true });
		this.body = el("div", { class: "flag-body" }, this.warnings, this.variations, order);
		this.node = el("article", { class: "flag" }, this.head, this.gone, this.body);
	}

	// show says which part is seen; update what is in it.
	show(evaluating) {
		this.body.hidden = evaluating;
		set(this.tabs.configuration, "aria-current", !evaluating && "page");
		set(this.tabs.evaluate, "aria-current", evaluating && "page");
	}

	update(flag) {
		this.gone.hidden = flag !== undefined;
		this.node.classList.toggle("is-gone", !flag);
		if (!flag) return;
		showSwitch(this.switch, flag);
		text(this.onWords, flag.on ? "On" : "Off");
		text(this.name, [flag.name !== flag.key && flag.name, flag.version > 0 && `changed ${when(flag.version)}`].filter(Boolean).join(" · "));
		const source = JSON.stringify({ ...flag, counts: null });
		if (source !== this.source) {
			this.source = source;
			this.flag = flag;
			this.showWarnings();
			this.showVariations();
			this.showOrder();
		}
		this.count(flag);
		if (hasDraft(this.key)) {
			if (this.editor) this.editor.update(flag);
			else this.openEditor(false);
		}
	}

	showWarnings() {
		const { warnings } = this.flag;
		this.warnings.hidden = warnings.length === 0;
		fill(this.warnings, icon("alert"), el("ul", null, warnings.map((words) => el("li", null, words))));
	}

	showVariations() {
		const { flag } = this;
		const source = JSON.stringify([flag.variations, flag.offVariation]);
		if (source === this.variationsSource) return;
		this.variationsSource = source;
		this.total = el("p", { class: "card-aside" });
		this.bars = new Map();
		fill(
			this.variations,
			el("div", { class: "card-head" }, el("h3", null, "Variations"), this.total),
			el(
				"ul",
				{ class: "variations" },
				flag.variations.map(({ id, value }) => {
					const fillPart = el("span", { class: "count-fill" });
					const number = el("span", { class: "count-number" });
					this.bars.set(id, { fillPart, number });
					return el(
						"li",
						{ class: `variation ${colour(flag, id)}` },
						el("span", { class: "swatch", "aria-hidden": "true" }),
						el("div", { class: "variation-value" }, longText(value), id === flag.offVariation && el("span", { class: "tag" }, "when off")),
						el("div", { class: "count" }, el("span", { class: "count-bar", "aria-hidden": "true" }, fillPart), number),
					);
				}),
			),
		);
	}

	count(flag) {
		this.flag = flag;
		const total = Object.values(flag.counts).reduce((sum, n) => sum + n, 0);
		text(this.total, total === 0 ? "not evaluated yet" : `${plural(total, "evaluation")} since the start`);
		for (const [id, { fillPart, number }] of this.bars) {
			const n = flag.counts[id] ?? 0;
			fillPart.style.width = total === 0 ? "0" : `${(100 * n) / total}%`;
			text(number, n === 0 ? "0" : `${count(n)} · ${percent(Math.round((1000 * n) / total) / 10)}`);
		}
	}

	// showOrder lists who gets what in the order in which it is decided.
	showOrder() {
		const { flag } = this;
		const steps = [];
		for (const { flag: key, variation, value } of flag.prerequisites) {
			steps.push(step("Prerequisite", el("span", null, "Needs ", el("a", { href: flagPath(key), class: "mono" }, key), " to serve ", el("span", { class: "mono" }, value || variation), "; otherwise serves "), chip(flag, flag.offVariation)));
		}
		for (const { variation, users } of flag.targets) {
			if (users.length > 0) steps.push(step("Targets", userList(users), chip(flag, variation)));
		}
		flag.rules.forEach((rule, i) => steps.push(step(`Rule ${i + 1}`, el("span", { class: "words" }, rule.words || "Everyone"), outcome(flag, rule.shares))));
		while (this.last.previousSibling) this.last.previousSibling.remove();
		this.last.before(...steps);
		text(this.lastWords, steps.length > 0 ? "Everyone else" : "Everyone");
		fill(this.lastOutcome, outcome(flag, flag.shares));
		this.steps.classList.toggle("is-off", !flag.on);
		fill(this.offNote, !flag.on && ["The flag is off: everyone gets ", chip(flag, flag.offVariation)]);
	}

	openEditor(focus = true) {
		if (!this.flag) return;
		if (!this.editor) {
			this.editor = new Editor(this.flag, () => {
				this.editor = null;
				this.edit.hidden = false;
				fill(this.place);
				this.edit.focus();
			});
			fill(this.place, this.editor.node);
			this.edit.hidden = true;
		}
		if (focus) {
			this.editor.focus();
			this.editor.node.scrollIntoView({ block: "nearest" });
		}
	}
}

function step(kind, words, result) {
	return el("li", { class: "step" }, el("div", { class: "step-kind" }, kind), el("div", { class: "step-words" }, words), el("div", { class: "step-outcome" }, result));
}

function outcome(flag, shares) {
	const served = shares.filter((share) => share.percent > 0);
	if (served.length === 0) return el("span", { class: "muted" }, "nothing");
	if (served.length === 1) return chip(flag, served[0].variation);
	return [
		bar(flag, served),
		el("ul", { class: "outcome" }, served.map((share) => el("li", null, el("span", { class: "outcome-percent" }, percent(share.percent)), chip(flag, share.variation)))),
	];
}

// longText shows the beginning of a long value, and the rest on request.
function longText(value) {
	if (value === "") return el("em", { class: "muted" }, "empty");
	const node = el("span", { class: "value mono" }, value);
	if (value.length <= longValue) return node;
	node.classList.add("is-clamped");
	const more = el("button", { type: "button", class: "button quiet small", "aria-expanded": "false" }, `Show all ${plural(value.length, "character")}`);
	more.addEventListener("click", () => {
		const open = node.classList.toggle("is-clamped");
		set(more, "aria-expanded", String(!open));
		text(more, open ? `Show all ${plural(value.length, "character")}` : "Show less");
	});
	return [node, more];
}

function userList(users) {
	const node = el("span", { class: "users" });
	const show = (n) =>
		fill(
			node,
			users.slice(0, n).map((user) => el("span", { class: "user mono" }, user)),
			users.length > n && el("button", { type: "button", class: "button quiet small", onclick: () => show(n * 10) }, `${count(users.length - n)} more`),
		);
	show(usersShown);
	return node;
}
