package browsertest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

var screenshots = flag.String("screenshots", "", "the `folder` to write pictures of the page to; without it none are taken")

// maxPicture is how many bytes a picture may have: they are kept in the
// repository.
const maxPicture = 300_000

func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("pictures are taken with -screenshots folder")
	}
	p := serve(t, pictured)
	p.client()
	c := p.client()
	pictures := []struct {
		name, scheme, path string
		view               view
		click              string
		shows              string
	}{
		{"page-light", "light", "#/flag/checkout", desktop, "", ".steps"},
		{"page-dark", "dark", "#/flag/checkout/evaluate", desktop, "", ".trace"},
		{"page-rollout", "light", "#/flag/dark-mode", view{1100, 760}, ".step-edit button", ".rollout"},
		{"page-phone", "light", "#/", phone, "", ".rows"},
	}
	tabs := make([]*tab, len(pictures))
	for i, picture := range pictures {
		b := blank(t, p.url)
		b.scheme(picture.scheme)
		b.resize(picture.view)
		b.visit(picture.path)
		if picture.shows == ".trace" {
			b.write("[name=key]", "u7")
			b.write("[name=email]", "eve@example.com")
			b.write("[name=country]", "FR")
			b.untilText(".verdict", "matched")
		}
		tabs[i] = b
	}
	traffic(t, c)
	for i, picture := range pictures {
		b := tabs[i]
		if picture.click != "" {
			b.click(picture.click)
		}
		b.until("document.querySelector(" + quote(picture.shows) + ")?.checkVisibility()")
		evaluate[bool](b, "(document.activeElement.blur(), document.querySelector('main').scrollTop = 0, true)")
		ctx, cancel := b.bounded()
		png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		if len(png) > maxPicture {
			t.Errorf("%s has %d bytes, want at most %d", picture.name, len(png), maxPicture)
		}
		if err := os.WriteFile(filepath.Join(*screenshots, picture.name+".png"), png, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// traffic is what an application does in half a minute, for the chart.
func traffic(t *testing.T, c *client) {
	countries := []string{"FR", "BE", "NZ", "DE", "FR", "US"}
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	for round := range 50 {
		for i := range 2 + round*7%13 {
			user := ffc.NewUser(fmt.Sprint("u", round*31%97+i), ffc.Country(countries[(round+i)%len(countries)]), ffc.String("plan", []string{"free", "pro"}[i%2]))
			c.Variation(t.Context(), []string{"checkout", "dark-mode", "search.ranking", "checkout", "discount"}[(round+i)%5], user, "")
		}
		if round%6 == 0 {
			if err := c.TrackMetric(t.Context(), newUser(fmt.Sprint("u", round)), "purchase", 19.9); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-again.C
	}
}

// pictured are flags of a shop, enough to fill a list.
const pictured = `{
  "flags": {
    "checkout": {
      "name": "New checkout",
      "variations": ["one-page", "classic", "express"],
      "offVariation": "classic",
      "prerequisites": {"payments": "true"},
      "targets": {"one-page": ["ann", "bob"]},
      "rules": [
        {"if": [{"attribute": "country", "isOneOf": ["FR", "BE"]}, {"attribute": "plan", "equal": "pro"}], "serve": "one-page"},
        {"if": [{"inSegment": "beta"}], "rollout": {"one-page": 50, "express": 50}}
      ],
      "rollout": {"one-page": 50, "classic": 30, "express": 20}
    },
    "payments": {"name": "Payments by card"},
    "dark-mode": {"name": "Dark mode", "rollout": {"true": 25, "false": 75}},
    "search.ranking": {"name": "Ranking of search results", "variations": ["vectors", "bm25"], "rollout": {"vectors": 10, "bm25": 90}},
    "discount": {
      "name": "Discount in percent",
      "variations": ["0", "5", "10", "15"],
      "rules": [{"if": [{"attribute": "plan", "equal": "pro"}], "serve": "15"}],
      "rollout": {"0": 40, "5": 30, "10": 20, "15": 10}
    },
    "banner": {"name": "Text of the banner", "on": false, "variations": ["Welcome!", "Sale ends on Sunday", ""], "offVariation": "", "serve": "Welcome!"},
    "new-onboarding": {"name": "Onboarding in three steps", "rollout": {"true": 60, "false": 40}},
    "legacy-export": {"name": "Export as CSV", "on": false},
    "invoice-emails": {"name": "Invoices by email"},
    "image-quality": {"name": "Quality of pictures", "variations": ["high", "medium", "low"], "rollout": {"high": 20, "medium": 70, "low": 10}},
    "two-factor": {"name": "Second factor at login", "rules": [{"if": [{"attribute": "email", "endsWith": "@example.com"}], "serve": "true"}], "serve": "false"},
    "rate-limit": {"name": "Requests per minute", "variations": ["600", "120", "60"], "offVariation": "600", "serve": "120"},
    "chat-widget": {"name": "Chat with support", "on": false},
    "recommendations": {"name": "Recommended products", "rollout": {"true": 85, "false": 15}}
  },
  "segments": {
    "beta": {"included": ["eve"], "rules": [{"if": [{"attribute": "email", "endsWith": "@example.com"}]}]}
  }
}
`
