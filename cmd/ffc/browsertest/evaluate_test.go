package browsertest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestEvaluateUser: the outcome for a user and why, which follows what is typed
// and what becomes of the flag.
func TestEvaluateUser(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/flag/checkout", desktop)
	b.press("e")
	b.until(`document.activeElement.name === "key"`)
	b.write("[name=key]", "ann")
	b.untilText(".verdict", "one-page", "The user is a target")

	b.write("[name=key]", "u1")
	b.write("[name=country]", "FR")
	b.untilText(".verdict", "one-page", "No rule matched, the default decides")
	if got, want := b.steps(), []string{
		"yes: The flag is on",
		"yes: Prerequisite payments needs true and serves it",
		"no: The user is not one of 2 targets",
		"no: Rule 1 did not match",
		"no: Rule 2 did not match",
		"yes: Default rollout",
	}; !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got the steps\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got, want := b.list(".trace > .trace-step > .trace-body > .clauses > .clause"), []string{
		"yes: country is one of FR , BE The user has FR",
		"no: plan is pro The user has no such attribute",
		"no: is in segment beta no: not in segment beta : no rule of it matches Rule 1 of the segment no: email ends with @example.com The user has no such attribute",
	}; !slices.Equal(got, want) {
		t.Errorf("got the clauses\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	const last = ".card > .explained > .trace > .trace-step:last-child"
	b.untilText(last+" .bucket-shares", "0–50 %", "50–80 %", "80–100 %")
	b.untilText(last+" .bucket-shares .is-taken", "0–50 %", "one-page")
	b.untilText(".trace", "By key u1, the user is at 27.11 %.")
	if got := evaluate[float64](b, `((track, marker) => (marker.left + marker.width / 2 - track.left) / track.width)(...[".buckets", ".marker"].map((part) => document.querySelector("`+last+` " + part).getBoundingClientRect()))`); math.Abs(got-0.2711) > 0.002 {
		t.Errorf("the user's place is drawn at %v, want 0.2711", got)
	}
	b.click(".trace summary")
	b.untilText(".trace details .explained", "true", "No rule matched", "One variation has the whole")

	b.click(".user-end button")
	b.press("plan", kb.Tab, "pro", kb.Enter)
	b.untilText(".verdict", "one-page", "Rule 1 matched")
	b.write("[name=country]", "")
	b.write("[name=email]", "u1@example.com")
	b.untilText(".verdict", "one-page", "Rule 2 matched")
	b.untilText(".trace", "in segment beta: by a rule", "The user has u1@example.com", "Rollout of rule 2")

	p.save(`{"flags": {"checkout": {"on": false, "variations": ["new", "old"]}}}`)
	b.untilText(".verdict", "old", "The flag is off")

	// The user is still there after a reload.
	evaluate[bool](b, "(location.reload(), true)")
	b.untilText(".verdict", "old")
	b.until(`document.querySelector("[name=email]").value === "u1@example.com" && document.querySelector(".attribute input").value === "plan"`)
}

// TestFallbacksSayWhatToDo: when callers get their fallback, the page has the reason
// and what to do.
func TestFallbacksSayWhatToDo(t *testing.T) {
	p := serve(t, `{"flags": {"a": {"prerequisites": {"b": "true"}}, "b": {"prerequisites": {"a": "true"}}, "c": {}}}`)
	b := open(t, p.url, "#/flag/a/evaluate", desktop)
	b.untilText(".verdict", "the caller's fallback", "The flag cannot be evaluated")
	b.untilText(".verdict-remedy", "Correct the flag in the file")
	b.untilText(".warnings", "form a circle of a, b")
	b.visit("#/flag/c/evaluate")
	b.untilText(".verdict", "No rule matched")
	b.write("[name=key]", "")
	b.untilText(".verdict", "the caller's fallback", "The user has no key")
	b.untilText(".verdict-remedy", "Pass a key for each user")
}

func TestEvaluateAllFlags(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/evaluate", desktop)
	b.untilText(".results .card-aside", "4 flags")
	b.untilText(".outcomes", "checkout", "payments", "dark-mode", "banner", "flag is off")
	b.write(".results input[type=search]", "off")
	b.until(`document.querySelectorAll(".outcome-row:not([hidden])").length === 1`)
	b.press(kb.Tab, kb.Enter)
	b.untilText(".outcome-row[open] .explained", "empty", "The flag is off")
	b.click(".outcome-body > p a")
	b.untilText(".head-key", "banner")
	b.untilText(".verdict", "empty", "The flag is off")
}

// list says what elements say, each after what its tick does.
func (b *tab) list(selector string) []string {
	b.t.Helper()
	return evaluate[[]string](b, `[...document.querySelectorAll(`+quote(selector)+`)].map((node) => {
		const copy = node.cloneNode(true);
		for (const tick of copy.querySelectorAll(".tick")) tick.replaceWith(tick.ariaLabel + ":");
		const words = [];
		const texts = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
		while (texts.nextNode()) words.push(texts.currentNode.data.trim());
		return words.filter(Boolean).join(" ");
	})`)
}

// steps are those of the explanation that is shown.
func (b *tab) steps() []string { return b.list(".card > .explained > .trace > .trace-step") }
