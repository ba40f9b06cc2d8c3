package browsertest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
)

// states are the page in its several states: where, and what to press there.
var states = []struct {
	name, path string
	click      []string
	shows      string
}{
	{"a flag", "#/flag/checkout", nil, ".steps"},
	{"a flag that is off", "#/flag/banner", nil, ".off-note .chip"},
	{"an edit", "#/flag/checkout", []string{".step-edit button", ".presets button"}, ".rollout"},
	{"a user", "#/flag/payments/evaluate", []string{".user-end button"}, ".verdict"},
	{"all flags", "#/evaluate", []string{".outcome-row summary"}, ".outcome-row[open] .verdict"},
	{"how to connect", "#/flag/dark-mode", []string{"#connect"}, ".snippet"},
	{"the shortcuts", "#/flag/dark-mode", []string{"#help"}, "#shortcuts"},
}

// TestEverythingHasAName: whatever can be operated has a name for screen
// readers.
func TestEverythingHasAName(t *testing.T) {
	p := serve(t, shop)
	p.client()
	roles := []string{"button", "switch", "link", "textbox", "searchbox", "slider", "spinbutton", "checkbox", "combobox", "dialog", "DisclosureTriangle"}
	for _, state := range states {
		t.Run(state.name, func(t *testing.T) {
			b := open(t, p.url, state.path, desktop)
			for _, selector := range state.click {
				b.click(selector)
			}
			b.until("document.querySelector(" + quote(state.shows) + ")?.checkVisibility()")
			ctx, cancel := b.bounded()
			defer cancel()
			tree, err := chromedp.Call(ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
			if err != nil {
				t.Fatal(err)
			}
			seen := 0
			for _, node := range tree.Nodes {
				if node.Ignored || node.Role == nil || !slices.Contains(roles, unquote(node.Role.Value)) {
					continue
				}
				seen++
				if node.Name == nil || unquote(node.Name.Value) == "" {
					t.Errorf("a %s has no name", node.Role.Value)
				}
			}
			if seen < 2 {
				t.Errorf("%d controls in the tree, want more", seen)
			}
		})
	}
}

// contrast is the least ratio of WCAG 2 AA for text of this size.
const contrast = 4.5

// poorContrast lists the texts on the page with less contrast to what is behind
// them than it is given. Colours are read back from a canvas, which knows all
// notations.
const poorContrast = `((least) => {
	const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const rgba = (colour) => {
		pen.clearRect(0, 0, 1, 1);
		pen.fillStyle = colour;
		pen.fillRect(0, 0, 1, 1);
		const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data;
		return [r, g, b, a / 255];
	};
	const over = (top, below, opacity = 1) => {
		const alpha = top[3] * opacity;
		return [0, 1, 2].map((i) => top[i] * alpha + below[i] * (1 - alpha)).concat(1);
	};
	const parents = (node) => (node ? [...parents(node.parentElement), node] : []);
	const luminance = (colour) => {
		const [r, g, b] = colour.slice(0, 3).map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const poor = [];
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	let seen = 0;
	for (let text; (text = texts.nextNode()); ) {
		const node = text.parentElement;
		if (text.data.trim() === "" || !node.checkVisibility() || node.closest(".unseen, .skip, :disabled, option")) continue;
		if (document.querySelector("dialog[open]") && !node.closest("dialog")) continue;
		seen++;
		let back = [255, 255, 255, 1];
		let opacity = 1;
		for (const parent of parents(node)) {
			const style = getComputedStyle(parent);
			opacity *= Number(style.opacity);
			back = over(rgba(style.backgroundColor), back, opacity);
		}
		const colour = over(rgba(getComputedStyle(node).color), back, opacity);
		const [low, high] = [luminance(colour), luminance(back)].sort((a, b) => a - b);
		const ratio = (high + 0.05) / (low + 0.05);
		if (ratio < least) poor.push(ratio.toFixed(2) + " " + node.tagName + "." + node.className + ": " + text.data.trim().slice(0, 40));
	}
	return [String(seen), ...new Set(poor)];
})`

func TestContrast(t *testing.T) {
	p := serve(t, shop)
	c := p.client()
	for _, flag := range []string{"checkout", "banner", "dark-mode"} {
		c.Variation(t.Context(), flag, newUser("ann"), "")
	}
	if err := c.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, state := range states {
			t.Run(scheme+"/"+state.name, func(t *testing.T) {
				b := blank(t, p.url)
				b.scheme(scheme)
				b.resize(desktop)
				b.visit(state.path)
				for _, selector := range state.click {
					b.click(selector)
				}
				b.until("document.querySelector(" + quote(state.shows) + ")?.checkVisibility()")
				found := evaluate[[]string](b, poorContrast+"("+fmt.Sprint(contrast)+")")
				for _, poor := range found[1:] {
					t.Errorf("contrast %s", poor)
				}
				// The test can fail: nothing has a contrast of 22.
				if all := evaluate[[]string](b, poorContrast+"(22)"); len(all) < 10 {
					t.Errorf("%d texts were looked at, want more: %v", len(all), all)
				}
			})
		}
	}
}
