// The address after # says what is shown: "#/" the list, "#/flag/KEY",
// "#/flag/KEY/evaluate", "#/evaluate" for all flags, "#/activity" on phones.

export function flagPath(key, evaluate = false) {
	return `#/flag/${encodeURIComponent(key)}${evaluate ? "/evaluate" : ""}`;
}

export function where() {
	const parts = location.hash.replace(/^#\/?/, "").split("/");
	switch (parts[0]) {
		case "flag":
			return { view: "flag", key: decode(parts[1] ?? ""), evaluate: parts[2] === "evaluate" };
		case "evaluate":
			return { view: "evaluate", key: "", evaluate: true };
		case "activity":
			return { view: "activity", key: "", evaluate: false };
	}
	return { view: "list", key: "", evaluate: false };
}

// decode is decodeURIComponent for addresses that people have edited.
function decode(part) {
	try {
		return decodeURIComponent(part);
	} catch {
		return part;
	}
}

export function go(path) {
	location.hash = path;
}

// replace goes there without another entry in the history, for moving through
// the list.
export function replace(path) {
	history.replaceState(null, "", path);
	dispatchEvent(new HashChangeEvent("hashchange"));
}
