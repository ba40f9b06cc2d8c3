// Editing the default rollout of a flag. A draft outlives a look at another
// flag and changes of the file; the file's own change is shown beside it.
import { writeFlag } from "./api.js";
import { el, fill, set, text } from "./dom.js";
import { percent } from "./format.js";
import { advice, say } from "./notice.js";
import { putFlag, store } from "./store.js";
import { bar, colour, valueOf } from "./variation.js";

const drafts = new Map(); // by flag key: { percents, base }

export function hasDraft(key) {
	return drafts.has(key);
}

// merged adds up shares of the same variation, in the order of variations.
function merged(flag) {
	const sums = new Map(flag.variations.map((variation) => [variation.id, 0]));
	for (const share of flag.shares) sums.set(share.variation, (sums.get(share.variation) ?? 0) + share.percent);
	return sums;
}

const rounded = (n) => Number(n.toFixed(4));

function total(percents) {
	return rounded([...percents.values()].reduce((sum, n) => sum + n, 0));
}

function sharesInWords(flag, shares) {
	return shares
		.filter((share) => share.percent > 0)
		.map((share) => `${percent(share.percent)} ${valueOf(flag, share.variation)}`)
		.join(", ");
}

// Editor is a form for one flag. done is called when it closes.
export class Editor {
	constructor(flag, done) {
		this.key = flag.key;
		this.done = done;
		this.draft = drafts.get(flag.key);
		if (!this.draft) {
			this.draft = { percents: merged(flag), base: JSON.stringify(flag.shares) };
			drafts.set(flag.key, this.draft);
		}
		this.presets = el("div", { class: "presets", role: "group", "aria-label": "Presets" });
		this.fields = el("div", { class: "shares" });
		this.preview = el("div", { class: "preview" });
		this.sum = el("output", { class: "sum" });
		this.changed = el("div", { class: "inline warn", hidden: true });
		this.error = el("div", { class: "inline bad", role: "alert", hidden: true });
		this.saveButton = el("button", { type: "submit", class: "button primary" }, "Save rollout");
		this.node = el(
			"form",
			{
				class: "rollout",
				"aria-label": `Default rollout of ${flag.key}`,
				novalidate: true,
				onsubmit: (event) => (event.preventDefault(), this.save()),
				onkeydown: (event) => {
					if (event.key !== "Escape") return;
					event.stopPropagation();
					this.close();
				},
			},
			this.presets,
			this.fields,
			this.preview,
			this.changed,
			this.error,
			el("div", { class: "rollout-end" }, this.sum, el("button", { type: "button", class: "button", onclick: () => this.close() }, "Cancel"), this.saveButton),
		);
		this.update(flag);
	}

	// update follows the flag while it is edited.
	update(flag) {
		this.flag = flag;
		const shape = JSON.stringify(flag.variations);
		if (shape !== this.shape) {
			this.shape = shape;
			const known = this.draft.percents;
			this.draft.percents = new Map(flag.variations.map(({ id }) => [id, known.get(id) ?? 0]));
			this.build();
		}
		const shares = JSON.stringify(flag.shares);
		this.changed.hidden = shares === this.draft.base;
		if (!this.changed.hidden) {
			fill(
				this.changed,
				el("p", null, "The rollout changed under your edit. It is now ", el("strong", null, sharesInWords(flag, flag.shares) || "empty"), "."),
				el("button", { type: "button", class: "button small", onclick: () => this.take(merged(flag), shares) }, "Take it"),
				el("button", { type: "button", class: "button small", onclick: () => this.take(this.draft.percents, shares) }, "Keep mine"),
			);
		}
		this.show();
	}

	take(percents, base) {
		this.draft.percents = percents;
		this.draft.base = base;
		this.update(this.flag);
		this.fieldsOf(percents.keys().next().value)?.number.focus();
	}

	build() {
		const { variations } = this.flag;
		const ids = variations.map((variation) => variation.id);
		const only = (id) => new Map(ids.map((other) => [other, other === id ? 100 : 0]));
		const preset = (words, percents) => el("button", { type: "button", class: "button small", onclick: () => this.put(percents()) }, words);
		const even = () => {
			const each = Math.floor(10_000 / ids.length) / 100;
			return new Map(ids.map((id, i) => [id, i === 0 ? rounded(100 - each * (ids.length - 1)) : each]));
		};
		const allTo = ({ id, value }) => preset([el("span", { class: "button-words" }, "All to ", el("span", { class: "mono" }, value || "empty"))], () => only(id));
		const choose = () => {
			const select = el("select", { "aria-label": "All to one variation", onchange: () => select.value && (this.put(only(select.value)), (select.value = "")) }, el("option", { value: "" }, "All to …"), variations.map(({ id, value }) => el("option", { value: id }, value.slice(0, 60) || "empty")));
			return select;
		};
		fill(this.presets, variations.length <= 4 ? variations.map(allTo) : choose(), variations.length > 1 && preset(variations.length === 2 ? "50 / 50" : "Even split", even));

		this.rows = variations.map(({ id, value }) => {
			const name = value || "empty";
			const range = el("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": `Share of ${name}`, oninput: () => this.change(id, range.valueAsNumber) });
			const number = el("input", { type: "number", min: 0, max: 100, step: "any", inputmode: "decimal", required: true, "aria-label": `Percent of ${name}`, oninput: () => this.change(id, number.valueAsNumber) });
			const rest = el("button", { type: "button", class: "button quiet small rest", onclick: () => this.rest(id), "aria-label": `Give the rest to ${name}` }, "rest");
			const label = el("span", { class: `share-name ${colour(this.flag, id)}`, title: value }, el("span", { class: "swatch" }), el("span", { class: "mono clip" }, name));
			return { id, range, number, rest, node: el("div", { class: "share" }, label, range, el("span", { class: "share-number" }, number, el("span", { "aria-hidden": "true" }, "%")), rest) };
		});
		// The other of two gets the rest anyway.
		this.fields.classList.toggle("of-two", variations.length === 2);
		fill(this.fields, this.rows.map((row) => row.node));
	}

	fieldsOf(id) {
		return this.rows.find((row) => row.id === id);
	}

	focus() {
		this.rows[0]?.range.focus();
	}

	put(percents) {
		this.draft.percents = percents;
		this.show();
	}

	// change takes what one field says. With two variations the other one gets
	// the rest.
	change(id, n) {
		const { percents } = this.draft;
		percents.set(id, n);
		if (percents.size === 2 && n >= 0 && n <= 100) {
			for (const other of percents.keys()) if (other !== id) percents.set(other, rounded(100 - n));
		}
		this.show();
	}

	rest(id) {
		const { percents } = this.draft;
		percents.set(id, rounded(100 - (total(percents) - percents.get(id))));
		this.show();
		this.fieldsOf(id).number.focus();
	}

	// show brings the fields up to date. What a field already says is left as it is:
	// somebody may be in the middle of typing it, as in "12." before "12.5".
	show() {
		const { percents, base } = this.draft;
		const sum = total(percents);
		const complete = Math.abs(sum - 100) < 0.001;
		let valid = complete;
		for (const { id, range, number, rest } of this.rows) {
			const n = percents.get(id);
			const inRange = n >= 0 && n <= 100;
			valid &&= inRange;
			range.value = n || 0;
			if (!Object.is(number.valueAsNumber, n)) number.value = Number.isNaN(n) ? "" : rounded(n);
			set(number, "aria-invalid", !inRange && "true");
			set(range, "aria-valuetext", percent(n || 0));
			const filled = 100 - (sum - n);
			rest.classList.toggle("is-needed", !complete && filled >= 0 && filled <= 100);
		}
		const shares = this.shares();
		fill(this.preview, bar(this.flag, shares, "bar bar-tall"));
		text(this.sum, sumInWords(sum, complete, valid));
		this.sum.classList.toggle("is-wrong", !valid);
		const same = JSON.stringify([...merged(this.flag)]) === JSON.stringify([...percents]);
		this.saveButton.disabled = !valid || (same && base === JSON.stringify(this.flag.shares)) || this.saving === true;
	}

	shares() {
		return [...this.draft.percents].filter(([, n]) => n > 0).map(([variation, n]) => ({ variation, percent: n }));
	}

	async save() {
		if (this.saveButton.disabled) return;
		this.saving = true;
		this.error.hidden = true;
		this.show();
		try {
			const flag = await writeFlag(this.key, { shares: this.shares() });
			drafts.delete(this.key);
			putFlag(flag);
			say("Rollout saved");
			this.done();
		} catch (error) {
			this.error.hidden = false;
			fill(this.error, el("p", { class: "notice-title" }, "The rollout was not saved"), el("p", null, error.message), advice(error));
		} finally {
			this.saving = false;
			if (drafts.has(this.key)) this.update(store.flags.get(this.key) ?? this.flag);
		}
	}

	close() {
		drafts.delete(this.key);
		this.done();
	}
}

function sumInWords(sum, complete, valid) {
	if (complete) return valid ? "Sum 100 %" : "Each share is from 0 to 100 %";
	if (Number.isNaN(sum)) return "Each share needs a number";
	return sum < 100 ? `Sum ${percent(sum)}: ${percent(rounded(100 - sum))} missing` : `Sum ${percent(sum)}: ${percent(rounded(sum - 100))} too much`;
}
