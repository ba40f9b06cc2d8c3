// The state of the page, and the listeners for its changes.

export const store = {
	state: null, // the last state of the platform; null until the first one
	flags: new Map(), // its flags by key
	link: "connecting", // or "live" or "lost"
};

const listeners = { state: [], counts: [], events: [], recent: [], link: [] };

export function listen(topic, listener) {
	listeners[topic].push(listener);
}

function tell(topic, value) {
	for (const listener of listeners[topic]) listener(value);
}

export function setState(state) {
	store.state = state;
	store.flags = new Map(state.flags.map((flag) => [flag.key, flag]));
	tell("state");
}

// putFlag stores the response of a write, which may arrive before the state with
// the same change, or after a newer state.
export function putFlag(flag) {
	const known = store.flags.get(flag.key);
	if (!known || flag.version < known.version) return;
	store.state.flags[store.state.flags.indexOf(known)] = flag;
	store.flags.set(flag.key, flag);
	tell("state");
}

export function setCounts(counts) {
	for (const [key, byVariation] of Object.entries(counts.flags)) {
		const flag = store.flags.get(key);
		if (flag) flag.counts = byVariation;
	}
	if (store.state) store.state.events = { evaluations: counts.evaluations, metrics: counts.metrics };
	tell("counts");
}

// setRecent takes the events from before the page was connected.
export function setRecent(events) {
	tell("recent", events);
}

export function addEvents(events) {
	tell("events", events);
}

export function setLink(link) {
	if (store.link === link) return;
	store.link = link;
	tell("link");
}
