package browsertest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestTabSeesWhatIsWrong is about the tests: a request to another origin, code
// that the policy forbids and an exception are all noted.
func TestTabSeesWhatIsWrong(t *testing.T) {
	b := open(t, serve(t, shop).url, "", desktop)
	seen := func(what string) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, wrong := range b.wrong {
			if strings.Contains(wrong, what) {
				b.wrong = append(b.wrong[:i], b.wrong[i+1:]...)
				return true
			}
		}
		return false
	}
	evaluate[bool](b, `((script) => {
		script.textContent = "window.ran = true";
		document.head.append(script);
		setTimeout(() => { throw new Error("on purpose") });
		return true;
	})(document.createElement("script"))`)
	if evaluate[bool](b, "window.ran === true") {
		t.Error("the policy allows inline scripts")
	}
	const elsewhere = "http://127.0.0.2:9/"
	ctx, cancel := b.bounded()
	defer cancel()
	if chromedp.Do(ctx, chromedp.Navigate(elsewhere)) == nil {
		t.Fatal("there is a server at " + elsewhere)
	}
	for _, what := range []string{"Content Security Policy directive", "on purpose", "request to " + elsewhere} {
		if !seen(what) {
			t.Errorf("%q was not seen", what)
		}
	}
}

// TestNarrow: on a phone nothing is wider than the window.
func TestNarrow(t *testing.T) {
	p := serve(t, strings.NewReplacer(
		"New checkout", strings.Repeat("a-name-without-an-end", 20),
		`"one-page"`, `"`+strings.Repeat("one-page", 60)+`"`,
		"ann", strings.Repeat("ann", 80),
		"plan", strings.Repeat("plan", 50),
	).Replace(shop))
	p.client()
	b := open(t, p.url, "#/", phone)
	for _, step := range []struct{ path, click, shows string }{
		{"#/", "", ".rows"},
		{"#/", "#connect", "#connect-panel"},
		{"#/", "#connect", ".rows"},
		{"#/flag/checkout", ".step-edit button", ".rollout"},
		{"#/flag/checkout/evaluate", ".user-end button", ".verdict"},
		{"#/evaluate", "", ".outcomes"},
		{"#/activity", ".segments-card summary", ".client"},
	} {
		evaluate[bool](b, "(location.hash = "+quote(step.path)+", true)")
		if step.click != "" {
			b.click(step.click)
		}
		b.until("document.querySelector(" + quote(step.shows) + ")?.checkVisibility()")
		if width := evaluate[int](b, "document.documentElement.scrollWidth"); width > int(phone.width) {
			t.Errorf("%s with %s is %d wide, the window %d", step.path, step.shows, width, phone.width)
		}
		// Also where an ancestor hides what sticks out.
		outside := evaluate[[]string](b, `[...document.querySelectorAll("button, a, input, select, summary, p, h2, h3")]
			.filter((node) => node.checkVisibility() && !node.matches(".unseen, .skip") && !node.closest("pre"))
			.filter((node) => ((box) => box.left < 0 || box.right > innerWidth + 0.5)(node.getBoundingClientRect()))
			.map((node) => node.outerHTML.slice(0, 120))`)
		for _, node := range outside {
			t.Errorf("%s with %s: sticks out: %s", step.path, step.shows, node)
		}
	}
}

// TestManyFlags: a thousand flags are shown, searched and moved through without
// a wait.
func TestManyFlags(t *testing.T) {
	flags := make(map[string]any)
	for i := range 1000 {
		flags[fmt.Sprintf("service-%03d.option", i)] = map[string]any{"name": fmt.Sprint("Option ", i), "on": i%2 == 0, "rollout": map[string]int{"true": i % 101, "false": 100 - i%101}}
	}
	file, err := json.Marshal(map[string]any{"flags": flags})
	if err != nil {
		t.Fatal(err)
	}
	p := serve(t, string(file))
	b := open(t, p.url, "", desktop)
	b.untilText("#found", "1,000 flags")
	b.click("[data-show=off]")
	b.untilText("#found", "500 of 1,000 flags")
	b.click("[data-show=all]")
	// Each takes some milliseconds; the bound is for machines that are busy.
	const bound = 500
	for name, action := range map[string]string{
		"a search":           `(search) => { search.value = search.value === "" ? "9" : ""; search.dispatchEvent(new Event("input")); }`,
		"a step in the list": `() => document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }))`,
	} {
		took := evaluate[float64](b, `((action) => Math.min(...[1, 2, 3, 4].map(() => {
			const start = performance.now();
			action(document.getElementById("search"));
			document.body.offsetHeight;
			return performance.now() - start;
		})))(`+action+`)`)
		t.Logf("%s takes %.1f ms", name, took)
		if took > bound {
			t.Errorf("%s takes %.0f ms, want at most %d", name, took, bound)
		}
	}
	evaluate[bool](b, `(location.hash = "#/evaluate", true)`)
	b.untilText(".results .card-aside", "1,000 flags")
}

// TestDataIsText: nothing of what flags and events say becomes HTML.
func TestDataIsText(t *testing.T) {
	const bad = `<img src=x onerror="window.ran=1"><b>bold</b>`
	inJSON := strings.Trim(quote(bad), `"`)
	p := serve(t, strings.NewReplacer("New checkout", inJSON, "one-page", inJSON, "Welcome!", inJSON, "ann", inJSON, `"FR"`, `"`+inJSON+`"`, "beta", inJSON).Replace(shop))
	c := p.client()
	b := open(t, p.url, "#/flag/checkout", desktop)
	c.Variation(t.Context(), "checkout", newUser(bad), "")
	if err := c.TrackMetric(t.Context(), newUser(bad), bad, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.untilText(".events", bad)
	b.untilText(".variations", bad)
	b.untilText(".steps", bad)
	b.click("#connect")
	b.click(".event:has(a) .event-user")
	b.untilText(".verdict", bad)
	evaluate[bool](b, `(location.hash = "#/evaluate", true)`)
	b.untilText(".outcomes", bad)
	if evaluate[bool](b, `window.ran !== undefined || document.querySelector("img, b") !== null`) {
		t.Error("data has become HTML")
	}
}

// TestSnippetCompiles: the program that the page offers is one.
func TestSnippetCompiles(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/flag/payments", desktop)
	b.click("#connect")
	for flag, call := range map[string]string{
		"payments": `client.BoolVariation(ctx, "payments", user, false)`,
		"checkout": `client.Variation(ctx, "checkout", user, "classic")`,
	} {
		evaluate[bool](b, "(location.hash = "+quote("#/flag/"+flag)+", true)")
		b.untilText(".snippet pre", call)
		program := evaluate[string](b, `document.querySelector(".snippet pre").textContent`)
		for _, want := range []string{quote(p.EnvSecret()), quote(p.url)} {
			if !strings.Contains(program, want) {
				t.Errorf("the program does not have %s:\n%s", want, program)
			}
		}
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		if out, err := exec.CommandContext(t.Context(), "gofmt", "-l", file).CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("gofmt would change the program (%v): %s", err, out)
		}
	}
}
