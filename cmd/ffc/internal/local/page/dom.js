// Building elements. What comes from data becomes text or an attribute here;
// nothing on this page is ever parsed as HTML.

import { visible } from "./visible.js";

// el makes an element. Properties that begin with "on" are listeners; false,
// null and undefined leave an attribute out, true leaves it empty.
export function el(tag, properties, ...children) {
	const node = document.createElement(tag);
	for (const [name, value] of Object.entries(properties ?? {})) {
		if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
		else set(node, name, value);
	}
	node.append(...present(children));
	return node;
}

export function set(node, name, value) {
	if (value === false || value == null) node.removeAttribute(name);
	else if (value === true) node.setAttribute(name, "");
	else {
		const words = name === "title" ? visible(String(value)) : String(value);
		if (node.getAttribute(name) !== words) node.setAttribute(name, words);
	}
}

// text changes the text of a node only if it differs, so that unchanged parts of a
// live page stay as they are.
export function text(node, words) {
	words = visible(String(words));
	if (node.textContent !== words) node.textContent = words;
}

export function fill(node, ...children) {
	node.replaceChildren(...present(children));
}

function present(children) {
	return children.flat(Infinity).filter((child) => child != null && child !== false && child !== "").map((child) => (typeof child === "string" ? visible(child) : child));
}

const paths = {
	yes: "M3 8.5 6.5 12 13 4.5",
	no: "M4 4l8 8M12 4l-8 8",
	copy: "M6 6h7v7H6zM3 10V3h7",
	back: "M10 3 5 8l5 5",
	plus: "M8 3v10M3 8h10",
	pause: "M5.5 3.5v9M10.5 3.5v9",
	play: "M5 3.5v9l7-4.5z",
	alert: "M8 4.5v4.5M8 11.5v.2",
};

export function icon(name) {
	const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
	svg.setAttribute("viewBox", "0 0 16 16");
	svg.setAttribute("class", `icon icon-${name}`);
	svg.setAttribute("aria-hidden", "true");
	const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
	path.setAttribute("d", paths[name]);
	svg.append(path);
	return svg;
}
