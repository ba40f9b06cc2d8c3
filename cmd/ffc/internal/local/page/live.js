// The stream of changes and events of the platform.
import { addEvents, setCounts, setLink, setRecent, setState } from "./store.js";

const longestWait = 5_000;

let source = null;
let timer = 0;
let wait = 0;

// follow connects, and reconnects when the connection ends.
export function follow() {
	clearTimeout(timer);
	source?.close();
	source = new EventSource("/local/live");
	source.addEventListener("state", (message) => {
		wait = 0;
		setState(JSON.parse(message.data));
		setLink("live");
	});
	source.addEventListener("counts", (message) => setCounts(JSON.parse(message.data)));
	source.addEventListener("recent", (message) => setRecent(JSON.parse(message.data)));
	source.addEventListener("events", (message) => addEvents(JSON.parse(message.data)));
	source.addEventListener("error", () => {
		source.close();
		setLink("lost");
		wait = Math.min(longestWait, wait * 2 || 500);
		timer = setTimeout(follow, wait);
	});
}
