package browsertest

import (
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
	b.click(".user-end button")
	b.press("plan", kb.Tab, "pro", kb.Enter)
	b.untilText(".verdict", "one-page", "ule")

	p.save(`{"flags": {"checkout": {"on": false, "variations": ["new", "old"]}}}`)
	b.untilText(".verdict", "old", "The flag is off")

	// The user is still there after a reload.
	evaluate[bool](b, "(location.reload(), true)")
	b.untilText(".verdict", "old")
	b.until(`document.querySelector("[name=country]").value === "FR" && document.querySelector(".attribute input").value === "plan"`)
}

func TestEvaluateAllFlags(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/evaluate", desktop)
	b.untilText(".results .card-aside", "4 flags")
	b.untilText(".outcomes", "checkout", "payments", "dark-mode", "banner", "The flag is off")
	b.write(".results input[type=search]", "off")
	b.until(`document.querySelectorAll(".outcome-row:not([hidden])").length === 1`)
	b.press(kb.Tab, kb.Enter)
	b.untilText(".outcome-row[open] .explained", "empty", "The flag is off")
	b.click(".outcome-body > p a")
	b.untilText(".head-key", "banner")
	b.untilText(".verdict", "empty", "The flag is off")
}
