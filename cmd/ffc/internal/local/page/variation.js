// Variations: their colour, and how they are shown wherever they occur.
import { el } from "./dom.js";

const colours = 8;

// colour is the class that gives --colour. Booleans look the same in every
// flag; other variations go by their place.
export function colour(flag, id) {
	const index = flag ? flag.variations.findIndex((variation) => variation.id === id) : -1;
	if (index < 0) return "colour-none";
	if (isBool(flag)) return `colour-${flag.variations[index].value.toLowerCase()}`;
	return `colour-${index % colours}`;
}

export function isBool(flag) {
	const values = flag.variations.map((variation) => variation.value.toLowerCase());
	return values.length > 0 && values.every((value) => value === "true" || value === "false");
}

export function valueOf(flag, id) {
	return flag?.variations.find((variation) => variation.id === id)?.value ?? id;
}

// chip shows a variation by its value. An empty value is said in words.
export function chip(flag, id, value = valueOf(flag, id)) {
	return el(
		"span",
		{ class: `chip ${colour(flag, id)}`, title: value },
		el("span", { class: "swatch", "aria-hidden": "true" }),
		value === "" ? el("em", { class: "chip-value" }, "empty") : el("span", { class: "chip-value mono" }, value.length > 200 ? value.slice(0, 200) + "…" : value),
	);
}

// bar shows shares as parts of a line; what is missing to 100 % stays empty.
// The words beside it say the same.
export function bar(flag, shares, className = "bar") {
	const part = (colourClass, percent) => {
		const node = el("span", { class: colourClass });
		node.style.flexGrow = percent;
		return node;
	};
	const served = shares.filter((share) => share.percent > 0);
	const missing = 100 - served.reduce((sum, share) => sum + share.percent, 0);
	return el("span", { class: className, "aria-hidden": "true" }, served.map((share) => part(colour(flag, share.variation), share.percent)), missing > 0.01 && part("bar-missing", missing));
}
