// Why a user gets a variation: the tree of the SDK's Explain.
import { el, icon } from "./dom.js";
import { percent, plural } from "./format.js";
import { operators } from "./operators.js";
import { flagPath } from "./route.js";
import { store } from "./store.js";
import { chip, colour } from "./variation.js";

const reasons = {
	"flag off": "The flag is off",
	"prerequisite failed": "A prerequisite is not met",
	"target match": "The user is a target",
	"rule match": "A rule matched",
	"fall through all rules": "No rule matched, the default decides",
	"client not ready": "There is no data yet",
	"flag not found": "There is no such flag",
	"user not specified": "The user has no key",
	"error in evaluation": "The flag cannot be evaluated",
};

// remedies are what to do when callers get their fallback.
const remedies = {
	"flag not found": "Check the flag's key in the program, and that the program has the secret of this page.",
	"user not specified": "Pass a key for each user: ffc.NewUser needs a text that is not empty.",
	"error in evaluation": "Correct the flag in the file. Its warnings have the reason.",
};

// plain are reasons that say the same as their error.
const plain = ["client not ready", "flag not found", "user not specified"];

export function reasonInWords(reason) {
	return reasons[reason] ?? reason;
}

export function outcomeOf(explanation) {
	if (explanation.variationId) return chip(store.flags.get(explanation.flagKey), explanation.variationId, explanation.value);
	return el("span", { class: "chip colour-none" }, el("span", { class: "swatch" }), el("em", { class: "chip-value" }, "the caller's fallback"));
}

// explained is the whole explanation: the outcome on top, then each step in
// order.
export function explained(explanation) {
	return el(
		"div",
		{ class: "explained" },
		el("div", { class: "verdict" }, outcomeOf(explanation), el("span", { class: "verdict-reason" }, verdict(explanation)), explanation.experiment && el("span", { class: "tag" }, "counts in experiments")),
		explanation.error && !plain.includes(explanation.reason) && el("p", { class: "verdict-error" }, explanation.error),
		remedies[explanation.reason] && el("p", { class: "verdict-remedy" }, remedies[explanation.reason]),
		steps(explanation),
	);
}

function verdict(explanation) {
	return explanation.reason === "rule match" ? `Rule ${explanation.rules.length} matched` : reasonInWords(explanation.reason);
}

const shortReasons = {
	"flag off": "flag is off",
	"prerequisite failed": "prerequisite not met",
	"target match": "target",
	"fall through all rules": "default",
};

// shortReason is for a list of many.
export function shortReason(explanation) {
	if (explanation.reason === "rule match") return `rule ${explanation.rules.length}`;
	return shortReasons[explanation.reason] ?? explanation.reason;
}

function steps(explanation) {
	const flag = store.flags.get(explanation.flagKey);
	const { reason } = explanation;
	const prerequisites = explanation.prerequisites;
	const rules = explanation.rules;
	const list = [];
	if (reason === "flag off") list.push(taken("no", "The flag is off", el("p", null, "Everyone gets the variation for when it is off.")));
	else if (flag && explanation.variationId) list.push(taken("yes", "The flag is on"));
	for (const prerequisite of prerequisites) list.push(prerequisiteStep(prerequisite));
	if (reason === "target match") list.push(taken("yes", "The user is one of the targets"));
	else if (flag && (rules.length > 0 || explanation.rollout)) {
		const users = flag.targets.reduce((sum, target) => sum + target.users.length, 0);
		if (users > 0) list.push(taken("skip", `The user is not ${users === 1 ? "the one target" : `one of ${plural(users, "target")}`}`));
	}
	rules.forEach((rule, i) => list.push(ruleStep(rule, `Rule ${i + 1}`)));
	if (explanation.rollout) list.push(rolloutStep(explanation, flag, reason === "rule match" ? `Rollout of rule ${rules.length}` : "Default rollout"));
	return list.length > 0 && el("ol", { class: "trace" }, list);
}

function taken(mark, title, ...body) {
	return el("li", { class: `trace-step is-${mark}` }, tick(mark), el("div", { class: "trace-body" }, el("p", { class: "trace-title" }, title), body));
}

function tick(mark) {
	return el("span", { class: "tick", role: "img", "aria-label": mark === "yes" ? "yes" : "no" }, icon(mark === "yes" ? "yes" : "no"));
}

function prerequisiteStep({ variationId, passed, explanation }) {
	const flag = store.flags.get(explanation.flagKey);
	return taken(
		passed ? "yes" : "no",
		["Prerequisite ", flag ? el("a", { class: "mono", href: flagPath(explanation.flagKey, true) }, explanation.flagKey) : el("span", { class: "mono" }, explanation.flagKey)],
		el("p", { class: "sentence" }, "needs ", chip(flag, variationId), prerequisiteOutcome(passed, explanation)),
		explanation.reason !== "" && el("details", null, el("summary", null, `Why it serves ${explanation.variationId ? "that" : "nothing"}`), explained(explanation)),
	);
}

function prerequisiteOutcome(passed, explanation) {
	if (explanation.reason === "") return ", but is the flag itself, which always passes";
	if (passed) return " and serves it";
	return explanation.variationId ? [" but serves ", outcomeOf(explanation)] : " but serves nothing";
}

function ruleStep(rule, ordinal) {
	const named = rule.name && rule.name.toLowerCase() !== ordinal.toLowerCase();
	return taken(rule.matched ? "yes" : "skip", [ordinal, named && el("span", { class: "trace-name" }, rule.name), el("span", { class: "trace-result" }, rule.matched ? "matched" : "did not match")], clauses(rule), rule.rollout && [el("p", { class: "muted" }, "It has no share for the user, so the default decides:"), rolloutBody(rule.rollout, null)]);
}

function clauses(rule) {
	const all = rule.clauses;
	if (all.length === 0) return rule.matched && el("p", { class: "muted" }, "It has no clause, so it is for everyone.");
	return el("ul", { class: "clauses" }, all.map(clause));
}

function clause({ attribute, operator, operand, userValue, present, matched, problem, segments }) {
	const inSegment = !attribute;
	return el(
		"li",
		{ class: `clause is-${matched ? "yes" : "no"}` },
		tick(matched ? "yes" : "no"),
		el(
			"div",
			{ class: "clause-body" },
			el("p", { class: "clause-words" }, attribute && el("code", null, attribute), attribute && " ", operators[operator] ?? operator, operands(operand, inSegment)),
			!inSegment && el("p", { class: "clause-user" }, present ? ["The user has ", userValue === "" ? el("em", null, "an empty text") : el("code", null, userValue)] : "The user has no such attribute"),
			problem && el("p", { class: "verdict-error" }, problem),
			segments.length > 0 && el("ul", { class: "clauses" }, segments.map(segment)),
		),
	);
}

const segmentName = (id) => store.state?.segments.find((known) => known.id === id)?.name || id;

// operands are the values that a clause names: one, or a list in JSON.
function operands(operand, areSegments) {
	let values = [operand];
	try {
		const list = JSON.parse(operand);
		if (Array.isArray(list)) values = list.map(String);
	} catch {
		// It is a text.
	}
	return values.filter((value) => value != null && value !== "").map((value, i) => [i === 0 ? " " : ", ", el("code", null, areSegments ? segmentName(value) : value)]);
}

const memberships = {
	included: "the user is on its list",
	excluded: "the user is excluded",
	rule: "by a rule",
	"no rule": "no rule of it matches",
	unknown: "there is no such segment",
	malformed: "it cannot be read",
	cycle: "it is in a cycle of segments",
	limit: "the chain of segments is too long",
	error: "a rule of it cannot be decided",
};

function segment({ id, member, by, rules }) {
	return el(
		"li",
		{ class: `clause is-${member ? "yes" : "no"}` },
		tick(member ? "yes" : "no"),
		el(
			"div",
			{ class: "clause-body" },
			el("p", { class: "clause-words" }, member ? "in segment " : "not in segment ", el("code", null, segmentName(id)), by && `: ${memberships[by] ?? by}`),
			rules.map((rule, i) => [el("p", { class: "muted" }, rule.name || `Rule ${i + 1} of the segment`), clauses(rule)]),
		),
	);
}

function rolloutStep(explanation, flag, title) {
	const got = explanation.rollout.shares.some((share) => share.taken);
	return taken(got ? "yes" : "no", title, rolloutBody(explanation.rollout, flag));
}

// rolloutBody draws the shares from 0 to 100 % and where the user is.
function rolloutBody({ bucket, bucketBy, userValue, shares }, flag) {
	const served = shares.filter((share) => share.to > share.from);
	const track = el(
		"div",
		{ class: "buckets", "aria-hidden": "true" },
		served.map((share) => {
			const part = el("span", { class: `bucket ${colour(flag, share.variationId)} ${share.taken ? "is-taken" : ""}` });
			part.style.left = `${100 * share.from}%`;
			part.style.width = `${100 * (share.to - share.from)}%`;
			return part;
		}),
	);
	if (bucket != null) {
		const marker = el("span", { class: "marker" });
		marker.style.left = `${100 * Math.min(1, Math.max(0, bucket))}%`;
		track.append(marker);
	}
	return [
		track,
		el(
			"ul",
			{ class: "bucket-shares" },
			served.map((share) => el("li", { class: share.taken ? "is-taken" : "" }, el("span", { class: "outcome-percent" }, `${short(share.from)}–${short(share.to)} %`), chip(flag, share.variationId, share.value))),
		),
		el("p", { class: "muted" }, place(bucket, bucketBy, userValue, shares)),
	];
}

function place(bucket, bucketBy, userValue, shares) {
	if (shares.length === 0) return "There are no shares.";
	if (bucket == null) return "One variation has the whole, so no bucket is needed.";
	const at = ["By ", bucketBy, userValue !== "" && [" ", el("code", null, userValue)], ", the user is at ", el("strong", null, percent(Math.round(bucket * 1e4) / 100))];
	return shares.some((share) => share.taken) ? [at, "."] : [at, ", which is in no share."];
}

const short = (fraction) => percent(Math.round(fraction * 1e4) / 100).replace(" %", "");
