package browsertest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

const save = ".rollout [type=submit]"

func TestEditRollout(t *testing.T) {
	p := serve(t, shop)
	c := p.client()
	b := open(t, p.url, "#/flag/checkout", desktop)

	b.click(".step-edit button")
	b.until(`document.activeElement.matches(".rollout input[type=range]")`)
	for i, name := range []string{"one-page", "classic", "express"} {
		b.click(".presets button:nth-child(" + string(rune('1'+i)) + ")")
		b.untilText(".sum", "Sum 100 %")
		b.click(save)
		c.until("checkout", "u1", name)
		b.until(`document.querySelector(".rollout") === null`)
		b.untilText(".step-last .step-outcome", name)
		b.until(`document.activeElement.matches(".step-edit button")`)
		b.press("r")
	}

	// What is not 100 % is not saved.
	b.write(`input[type=number][aria-label="Percent of one-page"]`, "12.5")
	b.untilText(".sum", "Sum 112.5 %: 12.5 % too much")
	b.until(`document.querySelector("` + save + `").disabled`)
	b.write(`input[type=number][aria-label="Percent of express"]`, "50")
	b.untilText(".sum", "Sum 62.5 %: 37.5 % missing")
	b.write(`input[type=number][aria-label="Percent of express"]`, "-1")
	b.until(`document.querySelector("[aria-label='Percent of express']").ariaInvalid === "true"`)
	b.write(`input[type=number][aria-label="Percent of express"]`, "50")
	b.click(`[aria-label="Give the rest to classic"]`)
	b.untilText(".sum", "Sum 100 %")
	b.press(kb.Enter)
	b.until(`document.querySelector(".rollout") === null`)
	b.untilText(".step-last .step-outcome", "12.5 %", "37.5 %", "50 %")
	if !strings.Contains(p.saved(), "37.5") {
		t.Errorf("the file was not written:\n%s", p.saved())
	}

	// Escape leaves everything as it was.
	b.press("r", kb.End)
	b.untilText(".sum", "too much")
	b.press(kb.Escape)
	b.until(`document.querySelector(".rollout") === null`)
	b.untilText(".step-last .step-outcome", "12.5 %", "37.5 %", "50 %")
}

// TestTypeWhileTheFlagIsUpdated: what is typed survives news about the flag, also
// when it is no number yet, as "12." on the way to "12.5" and "-" on the way to "-1".
func TestTypeWhileTheFlagIsUpdated(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/flag/checkout", desktop)
	b.press("r")
	field := `input[type=number][aria-label="Percent of one-page"]`
	for i, typed := range []struct{ begin, end, value string }{
		{"12.", "5", "12.5"},
		{"0.0", "4", "0.04"},
		{"-", "1", "-1"},
		{"1.23456", "7", "1.234567"},
		{"", "7", "7"},
	} {
		b.write(field, typed.begin)
		name := fmt.Sprint("Checkout, edition ", i)
		p.save(strings.Replace(shop, `"New checkout"`, quote(name), 1))
		b.untilText(".head", name)
		b.press(typed.end)
		if value := evaluate[string](b, `document.querySelector(`+quote(field)+`).value`); value != typed.value {
			t.Errorf("typed %q, then the flag changed, then typed %q: the field says %q", typed.begin, typed.end, value)
		}
	}
}

// TestRolloutOfTwo: with two variations, the second gets the rest.
func TestRolloutOfTwo(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/flag/dark-mode", desktop)
	b.press("r")
	b.until(`document.activeElement.matches(".rollout input[type=range]")`)
	b.press(kb.ArrowRight)
	b.until(`[...document.querySelectorAll(".rollout input[type=number]")].map((field) => field.value).join() === "26,74"`)

	// A draft is kept while another flag is looked at.
	b.click(`[href="#/flag/payments"]`)
	b.untilText(".head-key", "payments")
	b.click(`[href="#/flag/dark-mode"]`)
	b.until(`[...document.querySelectorAll(".rollout input[type=number]")].map((field) => field.value).join() === "26,74"`)

	// The file changes under the edit, which keeps the focus.
	b.click(".rollout input[type=number]")
	p.save(strings.Replace(shop, `{"true": 25, "false": 75}`, `{"true": 10, "false": 90}`, 1))
	b.untilText(".rollout .warn", "10 % true, 90 % false")
	b.until(`document.activeElement.matches(".rollout input[type=number]")`)
	b.click(".rollout .warn button:nth-of-type(2)")
	b.until(`document.querySelector(".rollout .warn").hidden`)
	b.click(save)
	b.untilText(".step-last .step-outcome", "26 %", "74 %")
	if !strings.Contains(p.saved(), "26") {
		t.Errorf("the file was not written:\n%s", p.saved())
	}
}
