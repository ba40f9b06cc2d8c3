package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// waitTimeout is how long a test waits for something to happen.
const waitTimeout = 30 * time.Second

// tab is a tab of the browser that shows the page. At the end of the test it
// reports whatever a user would find in the console, and each request to
// another origin.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string

	mu       sync.Mutex
	requests int
	wrong    []string
	expected []string // what may be in the console
}

// view is the size of the window.
type view struct{ width, height int64 }

var (
	desktop = view{1440, 900}
	phone   = view{360, 740}
)

// open opens path of the page, which begins with "#" or is "".
func open(t *testing.T, origin, path string, v view) *tab {
	t.Helper()
	b := blank(t, origin)
	b.resize(v)
	b.visit(path)
	return b
}

// visit opens path of the page, and waits until there is something on it.
func (b *tab) visit(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.origin + "/" + path))
	b.until(`document.querySelector("#link").dataset.link === "live"`)
}

// blank opens an empty tab.
func blank(t *testing.T, origin string) *tab {
	t.Helper()
	needBrowser(t)
	ctx, cancel := chromedp.NewContext(browserContext)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, origin: origin}
	if err := chromedp.Listen(ctx, b.note); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.report)
	return b
}

// note is called for each event of the tab.
func (b *tab) note(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		b.noteWrong("console: " + e.Entry.Text + " " + e.Entry.URL)
	case *runtime.EventConsoleAPICalled:
		args, _ := json.Marshal(e.Args)
		b.noteWrong(fmt.Sprintf("console.%s: %s", e.Type, args))
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.noteWrong("exception: " + text)
	case *network.EventRequestWillBeSent:
		b.requests++
		u, err := url.Parse(e.Request.URL)
		if err != nil || u.Scheme != "data" && u.Scheme+"://"+u.Host != b.origin {
			b.noteWrong("request to " + e.Request.URL)
		}
	}
}

func (b *tab) noteWrong(what string) {
	for _, text := range b.expected {
		if strings.Contains(what, text) {
			return
		}
	}
	b.wrong = append(b.wrong, what)
}

// expect says that lines with this text may be in the console from now on.
func (b *tab) expect(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, text)
}

func (b *tab) report() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, what := range b.wrong {
		b.t.Errorf("the page: %s", what)
	}
	if b.requests == 0 {
		b.t.Error("the page made no request: they are not seen")
	}
}

// bounded is the tab's context for one step.
func (b *tab) bounded() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, waitTimeout)
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *tab) resize(v view) {
	b.t.Helper()
	if v.width < 600 {
		b.do(chromedp.EmulateViewport(v.width, v.height, chromedp.EmulateMobile, chromedp.EmulateTouch))
	} else {
		b.do(chromedp.EmulateViewport(v.width, v.height))
	}
}

// scheme sets the colours that the user prefers, light or dark. Nothing moves,
// so that what is looked at is at rest.
func (b *tab) scheme(name string) {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	if err != nil {
		b.t.Fatal(err)
	}
}

// evaluate returns the value of a JavaScript expression.
func evaluate[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits for a JavaScript expression to be true. It asks from outside:
// what chromedp has for this is eval, which the page's policy forbids.
func (b *tab) until(expression string) {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("!!("+expression+")"))
		if ok {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			b.t.Fatalf("waited for %s (%v); the page says:\n%s", expression, err, b.text("body"))
		}
	}
}

// text returns what a user reads in an element, "" if there is none.
func (b *tab) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, "document.querySelector("+quote(selector)+")?.innerText ?? ''")
}

// untilText waits for an element that says all of these.
func (b *tab) untilText(selector string, texts ...string) {
	b.t.Helper()
	list, _ := json.Marshal(texts)
	b.until("((said) => said !== undefined && " + string(list) + ".every((text) => said.includes(text)))(document.querySelector(" + quote(selector) + ")?.innerText)")
}

// click clicks once the page is drawn: elements that are not drawn yet cannot be clicked.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.until("document.querySelector(" + quote(selector) + ")?.checkVisibility()")
	evaluate[bool](b, "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))")
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// press presses the keys of these texts one after the other. As with a keyboard,
// and unlike with chromedp.KeyEvent, a key that the page handles types nothing.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	ctx, cancel := b.bounded()
	defer cancel()
	for _, key := range strings.Join(keys, "") {
		events := kb.Encode(key)
		if len(events) == 3 { // down, char, up
			events[0].Text, events[0].UnmodifiedText = events[1].Text, events[1].UnmodifiedText
			events = []*input.DispatchKeyEventParams{events[0], events[2]}
		}
		for _, event := range events {
			if _, err := chromedp.Call(ctx, input.DispatchKeyEvent, *event); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// write replaces what is in a field.
func (b *tab) write(selector, text string) {
	b.t.Helper()
	b.do(chromedp.Focus(chromedp.CSS(selector)))
	evaluate[bool](b, "(document.activeElement.select(), true)")
	b.press(kb.Backspace, text)
}

func quote(s string) string {
	out, _ := json.Marshal(s)
	return string(out)
}

// unquote is the text of a JSON string, "" for other values.
func unquote(raw []byte) string {
	var out string
	_ = json.Unmarshal(raw, &out) // the rest is no text
	return out
}
