// Activity: connected clients, and their events as they arrive.
import { el, fill, icon, set, text } from "./dom.js";
import { useUser } from "./evaluate.js";
import { ago, clock, count, plural } from "./format.js";
import { reasonInWords } from "./explanation.js";
import { flagPath, go } from "./route.js";
import { listen, store } from "./store.js";
import { chip } from "./variation.js";

const shown = 200; // events in the list
const seconds = 60; // in the chart

const clientCount = el("span", { class: "tag" });
const clients = el("ul", { class: "clients" });
const segmentCount = el("span", { class: "tag" });
const segments = el("ul", { class: "segment-list" });
const segmentCard = el("details", { class: "side-card segments-card", hidden: true }, el("summary", null, el("h2", null, "Segments"), segmentCount), segments);

const events = el("ol", { class: "events", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Events, newest first" });
const noEvents = el("p", { class: "empty small" }, "No event yet. Evaluations of connected clients appear here as they are delivered.");
const totals = el("p", { class: "totals muted" });
const pauseButton = el("button", { type: "button", class: "button small", "aria-pressed": "false", onclick: () => pause() });
const clearButton = el("button", { type: "button", class: "button small quiet", onclick: clear }, "Clear");
const only = el("input", { type: "checkbox", onchange: redraw });
const onlyLabel = el("label", { class: "check", hidden: true }, only, el("span", null, "This flag"));
const chart = document.createElementNS("http://www.w3.org/2000/svg", "svg");
const rate = el("span", { class: "rate" });

let paused = false;
let kept = []; // newest last
let waiting = []; // arrived while paused
let missed = 0; // of those, how many were not kept
let flagKey = "";
let cleared = 0; // the number of the last event that was cleared

export function build(place) {
	chart.setAttribute("class", "chart");
	chart.setAttribute("viewBox", `0 0 ${seconds * 4} 32`);
	chart.setAttribute("preserveAspectRatio", "none");
	chart.setAttribute("aria-hidden", "true");
	for (let i = 0; i < seconds; i++) {
		const column = document.createElementNS("http://www.w3.org/2000/svg", "rect");
		column.setAttribute("x", i * 4);
		column.setAttribute("width", 3);
		chart.append(column);
	}
	fill(
		place,
		el("section", { class: "side-card", "aria-labelledby": "clients-title" }, el("div", { class: "side-head" }, el("h2", { id: "clients-title" }, "Clients"), clientCount), clients),
		segmentCard,
		el(
			"section",
			{ class: "side-card events-card", "aria-labelledby": "events-title" },
			el("div", { class: "side-head" }, el("h2", { id: "events-title" }, "Events"), el("span", { class: "grow" }), clearButton, pauseButton),
			el("div", { class: "chart-line" }, chart, rate),
			el("div", { class: "side-head" }, totals, el("span", { class: "grow" }), onlyLabel),
			noEvents,
			events,
		),
	);
	showPause();
	showEmpty();
	showClients();
	setInterval(tick, 1000);
}

// showFlag says which flag "this flag" is.
export function showFlag(key) {
	if (key === flagKey) return;
	flagKey = key;
	onlyLabel.hidden = key === "";
	if (only.checked) redraw();
}

function showClients() {
	const known = store.state?.clients ?? [];
	text(clientCount, count(known.length));
	if (known.length === 0) {
		fill(clients, el("li", { class: "empty small" }, "No client is connected. ", el("span", { class: "muted" }, "“Connect” above has a program to start with.")));
		return;
	}
	fill(
		clients,
		known.map((client) =>
			el(
				"li",
				{ class: "client" },
				el("span", { class: `client-dot is-${client.kind}`, "aria-hidden": "true" }),
				el("p", { class: "clip mono", title: client.userAgent }, client.userAgent || "unnamed client"),
				el("p", { class: "muted client-time" }, client.kind === "polling" ? `polled ${ago(client.seen)}` : `since ${clock(client.since)}`),
				el("p", { class: "muted clip client-from" }, `${client.kind} from ${client.address}`),
			),
		),
	);
}

function showSegments() {
	const known = store.state.segments;
	segmentCard.hidden = known.length === 0;
	text(segmentCount, count(known.length));
	const source = JSON.stringify(known);
	if (segments.source === source) return;
	segments.source = source;
	fill(
		segments,
		known.map(({ id, name, included, excluded, rules, warnings }) =>
			el(
				"li",
				null,
				el("p", { class: "segment-name" }, name || id),
				included.length > 0 && el("p", null, `${plural(included.length, "user")} included: `, el("span", { class: "mono" }, some(included))),
				excluded.length > 0 && el("p", null, `${plural(excluded.length, "user")} excluded: `, el("span", { class: "mono" }, some(excluded))),
				rules.map((words) => el("p", null, words)),
				warnings.map((words) => el("p", { class: "warn segment-warning" }, words)),
			),
		),
	);
}

const some = (users) => users.slice(0, 10).join(", ") + (users.length > 10 ? ", …" : "");

const line = (event) => {
	const flag = store.flags.get(event.flag);
	const who = el("button", { type: "button", class: "event-user mono", title: `Evaluate ${event.user}`, onclick: () => (useUser(event.user), go(flag ? flagPath(event.flag, true) : "#/evaluate")) }, event.user || "no key");
	const what = event.metric
		? [el("span", { class: "event-flag" }, el("span", { class: "tag" }, "metric"), " ", el("span", { class: "mono" }, event.metric)), el("span", { class: "event-value mono" }, String(event.metricValue))]
		: [el("a", { class: "event-flag mono", href: flagPath(event.flag), title: event.flag }, event.flag), el("span", { class: "event-value" }, chip(flag, event.variation, event.value))];
	return el("li", { class: "event", title: event.reason ? reasonInWords(event.reason) : null }, el("time", { class: "event-time" }, clock(event.time)), what, who);
};

const wanted = (event) => !only.checked || flagKey === "" || event.flag === flagKey;

function add(arrived) {
	kept.push(...arrived);
	if (kept.length > shown) kept = kept.slice(-shown);
	const lines = arrived.slice(-shown).filter(wanted).map(line).reverse();
	events.prepend(...lines);
	while (events.childElementCount > shown) events.lastChild.remove();
	showEmpty();
}

function redraw() {
	fill(events, kept.filter(wanted).map(line).reverse());
	showEmpty();
}

function showEmpty() {
	noEvents.hidden = events.childElementCount > 0;
	events.hidden = !noEvents.hidden;
	clearButton.hidden = kept.length === 0;
	text(noEvents, kept.length > 0 ? "No event of this flag yet." : "No event yet. Evaluations of connected clients appear here as they are delivered.");
}

function clear() {
	cleared = kept.at(-1)?.number ?? cleared;
	kept = [];
	redraw();
}

export function pause() {
	paused = !paused;
	if (!paused) {
		const arrived = waiting;
		waiting = [];
		missed = 0;
		add(arrived);
	}
	showPause();
}

function showPause() {
	const n = waiting.length + missed;
	fill(pauseButton, icon(paused ? "play" : "pause"), paused ? (n > 0 ? `Resume (${count(n)} new)` : "Resume") : "Pause");
	set(pauseButton, "aria-pressed", String(paused));
	events.classList.toggle("is-paused", paused);
}

function showTotals() {
	const { evaluations, metrics } = store.state.events;
	text(totals, [plural(evaluations, "evaluation"), metrics > 0 && plural(metrics, "metric")].filter(Boolean).join(" · "));
}

// The chart: evaluations in each of the last seconds. Clients deliver the events of
// several seconds at a time, so events are spread over the time since the last
// delivery.
const perSecond = new Array(seconds).fill(0);
const usualInterval = 3; // of deliveries, in seconds
const longestInterval = 10;
let counted = null;
let quiet = 0; // seconds since something arrived
let interval = usualInterval;
let current = 0; // evaluations per second

function spread(arrived) {
	perSecond.shift();
	perSecond.push(0);
	quiet++;
	if (arrived > 0) {
		interval = quiet > longestInterval ? usualInterval : Math.max(quiet, usualInterval);
		current = arrived / interval;
		for (let i = 1; i <= interval; i++) perSecond[seconds - i] += current;
		quiet = 0;
	} else if (quiet > interval + 1) current = 0;
}

function tick() {
	const total = store.state?.events.evaluations ?? 0;
	// A platform that was started again counts from 0.
	spread(counted === null || total < counted ? 0 : total - counted);
	if (store.state) counted = total;
	if (document.hidden) return;
	const most = Math.max(1, ...perSecond);
	perSecond.forEach((n, i) => {
		const height = n === 0 ? 0.6 : Math.max(2, (30 * n) / most);
		chart.children[i].setAttribute("height", height);
		chart.children[i].setAttribute("y", 32 - height);
	});
	text(rate, `${count(current < 10 ? Math.round(current * 10) / 10 : Math.round(current))}/s`);
	if (store.state?.clients.some((client) => client.kind === "polling")) showClients();
}

listen("state", () => {
	showClients();
	showSegments();
	showTotals();
});
listen("counts", () => store.state && showTotals());
listen("recent", (events) => {
	kept = events.filter((event) => event.number > cleared).slice(-shown);
	waiting = [];
	missed = 0;
	showPause();
	redraw();
});
listen("events", (arrived) => {
	if (!paused) return add(arrived);
	waiting.push(...arrived);
	if (waiting.length > shown) {
		missed += waiting.length - shown;
		waiting = waiting.slice(-shown);
	}
	showPause();
});
