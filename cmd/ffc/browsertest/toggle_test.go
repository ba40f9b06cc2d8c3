package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

func TestSwitchByClick(t *testing.T) {
	p := serve(t, shop)
	c := p.client()
	b := open(t, p.url, "#/flag/payments", desktop)
	c.until("payments", "u1", "true")

	b.click(".head .switch")
	c.until("payments", "u1", "false")
	b.untilText(".head-on", "Off")
	b.until(`document.querySelector('.head .switch').ariaChecked === "false"`)
	if !strings.Contains(p.saved(), `"on": false`) {
		t.Errorf("the file was not written:\n%s", p.saved())
	}

	// The one in the list is the same.
	b.click(`.row:has([href="#/flag/payments"]) .switch`)
	c.until("payments", "u1", "true")
	b.untilText(".head-on", "On")
}

// TestFeatBit: the page is the same on either platform.
func TestFeatBit(t *testing.T) {
	p := serveOn(t, "featbit", `{"flags": {
		"a": {"rules": [{"if": [{"attribute": "plan", "equal": "pro"}], "serve": "false"}], "rollout": {"true": 50, "false": 50}},
		"b": {}
	}}`)
	c := p.client()
	b := open(t, p.url, "#/flag/b", desktop)
	b.untilText("#platform", "FeatBit")
	b.untilText(".client", "streaming from 127.0.0.1")
	b.click(".head .switch")
	c.until("b", "u1", "false")
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.untilText(".events", "b", "false", "u1")

	b.click(`[href="#/flag/a"]`)
	b.untilText(".steps", "plan is pro", "50 %")
	b.press("e")
	b.untilText(".trace", "Rule 1", "The user has no such attribute", "Default rollout", "the user is at")
	b.press(kb.Escape, "r")
	b.until(`document.activeElement.matches(".rollout input[type=range]")`)
	b.press(kb.End, kb.Enter)
	c.until("a", "u1", "true")
	b.untilText(".step-last .step-outcome", "true")
}

func TestSwitchByKeyboard(t *testing.T) {
	p := serve(t, shop)
	c := p.client()
	b := open(t, p.url, "", desktop)
	c.until("banner", "u1", "")

	b.press("/", "b", "a", "n", "n")
	b.untilText("#found", "1 of 4 flags")
	b.press(kb.Enter)
	b.untilText(".head-key", "banner")
	b.press(" ")
	c.until("banner", "u1", "Welcome!")
	b.press(" ")
	c.until("banner", "u1", "")
	b.until(`document.getElementById("said").textContent === "banner is off"`)
}

func TestMovingByKeyboard(t *testing.T) {
	b := open(t, serve(t, shop).url, "", desktop)
	for _, step := range []struct{ key, flag string }{
		{"j", "payments"},
		{"j", "dark-mode"},
		{kb.ArrowDown, "banner"},
		{"j", "banner"}, // the last one
		{"k", "dark-mode"},
		{kb.ArrowUp, "payments"},
		{kb.Home, "checkout"},
		{kb.End, "banner"},
	} {
		b.press(step.key)
		b.untilText(".head-key", step.flag)
		b.until(`document.activeElement.matches('.row-link[aria-current="true"]')`)
	}

	b.press("?")
	b.until(`document.getElementById("shortcuts").open`)
	b.press(kb.Escape)
	b.until(`!document.getElementById("shortcuts").open`)

	// In a field keys are text.
	b.press("/", "j", "?", "p")
	b.until(`document.getElementById("search").value === "j?p"`)
	b.untilText("#list-empty", "No flag matches", "Show all flags")
	b.press(kb.Escape)
	b.untilText("#found", "4 flags")
	b.press(kb.Escape, "k")
	b.untilText(".head-key", "dark-mode")
}

// TestTabReachesEverything walks once around the page.
func TestTabReachesEverything(t *testing.T) {
	p := serve(t, shop)
	p.client()
	b := open(t, p.url, "#/flag/checkout", desktop)
	b.until(`document.querySelector(".client")`)
	want := map[string]bool{
		"#copy-url": false, "#copy-secret": false, "#connect": false, "#help": false, `.views a[href="#/evaluate"]`: false,
		"#search": false, "[data-show=on]": false, ".row .switch": false, ".row-link[aria-current]": false,
		".head .switch": false, `.tabs a[href$="/evaluate"]`: false, ".step-edit button": false,
		".side-head .check input": false, ".side-head [aria-pressed]": false, ".segments-card summary": false,
	}
	stops := 0
	for ; stops < 60; stops++ {
		b.press(kb.Tab)
		for selector := range want {
			if evaluate[bool](b, "document.activeElement.matches("+quote(selector)+")") {
				want[selector] = true
			}
		}
		if evaluate[bool](b, `document.activeElement === document.body`) {
			break
		}
		if !evaluate[bool](b, `document.activeElement.matches(":focus-visible") && getComputedStyle(document.activeElement).outlineStyle !== "none"`) {
			t.Errorf("the focus is not seen on %s", evaluate[string](b, "document.activeElement.outerHTML.slice(0, 200)"))
		}
	}
	for selector, reached := range want {
		if !reached {
			t.Errorf("Tab does not reach %s", selector)
		}
	}
	if stops > 40 {
		t.Errorf("a walk around the page takes %d stops: the list should be one", stops)
	}
}
