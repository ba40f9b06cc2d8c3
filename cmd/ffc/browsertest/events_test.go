package browsertest

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// TestEvents: what a client evaluates appears, with counts, and so does the
// client.
func TestEvents(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/flag/payments", desktop)
	b.untilText(".activity", "No client is connected", "No event yet")
	c := p.client()
	b.untilText(".client", "streaming from 127.0.0.1")
	b.untilText(".flag .card-aside", "not evaluated yet")

	ann := ffc.NewUser("ann")
	for range 3 {
		c.BoolVariation(t.Context(), "payments", ann, false)
	}
	c.Variation(t.Context(), "banner", ann, "")
	if err := c.TrackMetric(t.Context(), ann, "purchase", 19.9); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.untilText(".events", "payments", "true", "ann", "banner", "empty", "purchase", "19.9")
	b.untilText(".totals", "4 evaluations · 1 metric")
	b.untilText(".variation:first-child .count-number", "3 · 100 %")
	b.untilText(`.row:has([href="#/flag/payments"]) .row-facts`, "3×")
	if width := evaluate[string](b, `document.querySelector(".count-fill").style.width`); width != "100%" {
		t.Errorf("the bar of the variation that all got is %s wide, want 100%%", width)
	}

	// Only those of the flag that is shown.
	b.click(".side-head .check input")
	b.until(`document.querySelectorAll(".event").length === 3`)
	b.click(".side-head .check input")
	b.until(`document.querySelectorAll(".event").length === 5`)

	// A pause loses none.
	b.press("p")
	b.untilText(".side-head [aria-pressed=true]", "Resume")
	for range 2 {
		c.Variation(t.Context(), "banner", ann, "")
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.untilText(".side-head [aria-pressed=true]", "Resume (2 new)")
	b.until(`document.querySelectorAll(".event").length === 5`)
	b.press("p")
	b.until(`document.querySelectorAll(".event").length === 7`)

	// The list is bounded.
	for i := range 450 {
		c.Variation(t.Context(), []string{"banner", "payments", "dark-mode"}[i%3], ann, "")
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.untilText(".totals", "456 evaluations · 1 metric")
	b.until(`document.querySelectorAll(".event").length === 200`)
}
