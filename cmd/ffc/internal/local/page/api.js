// Requests to the platform's API under /local/.

// Refused is a response other than 200. Without a response the status is 0.
class Refused extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

async function post(path, body, signal) {
	let response, answer;
	try {
		response = await fetch(path, {
			method: "POST",
			headers: { "Content-Type": "application/json" },
			body: JSON.stringify(body),
			signal,
		});
		answer = await response.text();
	} catch (cause) {
		if (signal?.aborted) throw cause;
		throw new Refused(0, "The platform does not respond. Is ffc serve still running?");
	}
	let data = null;
	try {
		data = JSON.parse(answer);
	} catch {
		// A proxy or the guard against other origins responded in plain text.
	}
	if (!response.ok) throw new Refused(response.status, data?.error || answer.trim() || `The platform responded with status ${response.status}.`);
	return data;
}

export function writeFlag(key, change) {
	return post(`/local/flags/${encodeURIComponent(key)}`, change);
}

export function evaluate(flag, user, signal) {
	return post("/local/evaluate", { flag, user }, signal);
}

// evaluateAll gives the explanations of all flags, in the order of the file.
export function evaluateAll(user, signal) {
	return post("/local/evaluate", { all: true, user }, signal);
}
