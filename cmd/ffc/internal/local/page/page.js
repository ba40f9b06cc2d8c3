// The page of ffc serve: what is where, the keyboard, the connection.
import * as activity from "./activity.js";
import * as connect from "./connect.js";
import { el, fill, icon, set, text } from "./dom.js";
import * as evaluation from "./evaluate.js";
import { FlagView } from "./flag.js";
import { baseName, clock, problem } from "./format.js";
import * as list from "./list.js";
import { follow } from "./live.js";
import { flagPath, go, replace, where } from "./route.js";
import { listen, store } from "./store.js";

const main = document.getElementById("main");
const wide = matchMedia("(min-width: 820px)");
const roomy = matchMedia("(min-width: 1240px)"); // activity has a column of its own
const views = document.querySelectorAll(".views a");
const shortcuts = document.getElementById("shortcuts");

let view = null; // the FlagView that is shown

// show brings what is seen in line with the address.
function show() {
	if (!store.state) return;
	const at = where();
	// With room for both, the list has a flag beside it.
	if (at.view === "list" && wide.matches && list.firstKey() !== "") return replace(flagPath(list.firstKey()));
	if (at.view === "activity" && roomy.matches) return replace("#/");
	document.body.dataset.view = at.view;
	for (const link of views) set(link, "aria-current", link.dataset.view.split(" ").includes(at.view) && "page");

	if (at.view === "flag") {
		if (view?.key !== at.key) view = new FlagView(at.key);
		view.update(store.flags.get(at.key));
		view.show(at.evaluate);
		const parts = [view.node, ...(at.evaluate && store.flags.has(at.key) ? [evaluation.node] : [])];
		// Putting an element where it already is would take the focus off it.
		if (main.childNodes.length !== parts.length || parts.some((part, i) => main.childNodes[i] !== part)) {
			fill(main, parts);
			main.scrollTop = 0;
		}
	} else {
		view = null;
		if (at.view !== "evaluate") fill(main, wide.matches && welcome());
		else if (main.firstChild !== evaluation.node || main.childNodes.length > 1) fill(main, evaluation.node);
	}
	evaluation.showFor(at.evaluate ? at.key : null);
	list.select(at.key);
	activity.showFlag(at.key);
	connect.showSnippet(store.flags.get(at.key) ?? store.state.flags[0]);
	text(document.querySelector("title"), at.key ? `${at.key} – ffc serve` : "ffc serve");
}

function welcome() {
	return el("div", { class: "empty" }, el("p", { class: "empty-title" }, "Nothing to show yet"), el("p", null, "Flags appear here as soon as the file has some."));
}

function showProblem() {
	const banner = document.getElementById("problem");
	const words = store.state.problem;
	if (banner.words === words) return;
	banner.words = words;
	banner.hidden = words === "";
	if (words === "") return;
	const { file, line, column, words: rest } = problem(words);
	fill(
		banner,
		icon("alert"),
		el(
			"div",
			null,
			el("p", { class: "banner-title" }, file ? [el("span", { class: "mono" }, file), `, line ${line}, column ${column}`] : "The file cannot be used"),
			el("p", null, rest),
			el("p", { class: "banner-advice" }, "Clients keep the flags from before. Correct the file and save it; it is read again at once."),
		),
	);
}

function showLink() {
	const link = document.getElementById("link");
	const lost = document.getElementById("lost");
	link.dataset.link = store.link;
	text(link.querySelector(".link-words"), { connecting: "Connecting", live: "Live", lost: "Offline" }[store.link]);
	document.body.classList.toggle("is-lost", store.link === "lost");
	lost.hidden = store.link !== "lost";
	if (lost.hidden) return;
	fill(
		lost,
		icon("alert"),
		el(
			"div",
			null,
			el("p", { class: "banner-title" }, "The connection to ffc serve is lost. Reconnecting …"),
			el("p", null, store.state ? `What you see is from ${clock(Date.now())}; flags cannot be changed until it is back.` : "Is it still running? The page connects by itself."),
		),
		el("button", { type: "button", class: "button small", onclick: follow }, "Retry now"),
	);
}

// Keys with a meaning everywhere but in fields.
const keys = {
	"/": () => {
		if (!wide.matches) go("#/");
		document.getElementById("search").focus();
		document.getElementById("search").select();
	},
	j: () => list.move(1),
	k: () => list.move(-1),
	ArrowDown: () => list.move(1),
	ArrowUp: () => list.move(-1),
	r: () => {
		if (!view) return;
		go(flagPath(view.key));
		show();
		view.openEditor();
	},
	e: () => {
		go(view ? flagPath(view.key, true) : "#/evaluate");
		show();
		evaluation.node.querySelector("input").focus();
	},
	p: () => activity.pause(),
	"?": () => shortcuts.showModal(),
};

function onKey(event) {
	if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || shortcuts.open || !Object.hasOwn(keys, event.key)) return;
	const at = event.target;
	if (at.closest("input:not([type=range]):not([type=checkbox]), textarea, select")) return;
	// Arrows have a meaning of their own on much that can have the focus.
	if (event.key.startsWith("Arrow") && at !== document.body && !list.isInList(at)) return;
	event.preventDefault();
	keys[event.key]();
}

// leave takes the focus off a field, back to where the keys work.
function leave(event) {
	if (event.key !== "Escape" || event.defaultPrevented || shortcuts.open) return;
	if (connect.close()) return;
	if (event.target.closest("input, select")) event.target.blur();
}

listen("state", () => {
	const { file, platform } = store.state;
	text(document.getElementById("file"), baseName(file));
	set(document.getElementById("file"), "title", file);
	const tag = document.getElementById("platform");
	tag.hidden = false;
	text(tag, platform === "featbit" ? "FeatBit" : platform);
	showProblem();
	show();
});
listen("counts", () => {
	const flag = view && store.flags.get(view.key);
	if (flag) view.count(flag);
});
listen("link", () => {
	showLink();
	if (store.state) show();
});

addEventListener("hashchange", show);
wide.addEventListener("change", show);
roomy.addEventListener("change", show);
addEventListener("keydown", onKey);
addEventListener("keydown", leave);
document.getElementById("help").addEventListener("click", () => shortcuts.showModal());
document.getElementById("shortcuts-close").addEventListener("click", () => shortcuts.close());
document.getElementById("skip").addEventListener("click", (event) => {
	event.preventDefault();
	main.focus();
});
shortcuts.addEventListener("click", (event) => event.target === shortcuts && shortcuts.close());

activity.build(document.getElementById("activity"));
connect.build();
follow();
