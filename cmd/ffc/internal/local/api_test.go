package local

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

func TestOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	w := start(t, twoFlags, Config{AllowHosts: []string{"My.Machine"}})
	own := strings.TrimPrefix(w.url, "http://")
	_, port, _ := strings.Cut(own, ":")
	polling := "/api/public/sdk/latest-feature-flag?envSecret=" + w.p.EnvSecret()
	tests := []struct {
		name, method, path string
		header             http.Header
		want               int
	}{
		{"the page", "GET", "/", http.Header{"Host": {own}}, 200},
		{"the page by name", "GET", "/", http.Header{"Host": {"localhost:" + port}}, 200},
		{"the page on IPv6", "GET", "/", http.Header{"Host": {"[::1]:" + port}}, 200},
		{"the page by an allowed name", "GET", "/", http.Header{"Host": {"my.machine:" + port}}, 200},
		{"the page by an allowed name without a port", "GET", "/", http.Header{"Host": {"my.machine"}}, 200},
		{"the API", "GET", "/local/state", http.Header{"Host": {own}}, 200},
		{"a write", "POST", "/local/flags/b", http.Header{"Host": {own}}, 200},
		{"a write of the page", "POST", "/local/flags/b", http.Header{"Host": {own}, "Origin": {w.url}, "Sec-Fetch-Site": {"same-origin"}}, 200},

		{"a link of another site", "GET", "/", http.Header{"Host": {own}, "Sec-Fetch-Site": {"cross-site"}}, 200},
		{"the page by a name in upper case", "GET", "/", http.Header{"Host": {"LOCALHOST:" + port}, "Origin": {"http://localhost:" + port}}, 200},
		{"an address that was typed in", "GET", "/local/state", http.Header{"Host": {own}, "Sec-Fetch-Site": {"none"}}, 200},
		{"the page on IPv6 without a port", "GET", "/", http.Header{"Host": {"[::1]"}}, 200},
		{"the page on IPv4 in IPv6", "GET", "/", http.Header{"Host": {"[::ffff:127.0.0.1]:" + port}}, 200},

		{"a name with a second port", "GET", "/", http.Header{"Host": {"localhost:" + port + ":80"}}, 403},
		{"a name that ends alike", "GET", "/", http.Header{"Host": {"evil.localhost"}}, 403},
		{"nothing but a port", "GET", "/", http.Header{"Host": {":" + port}}, 403},
		{"every address", "GET", "/", http.Header{"Host": {"0.0.0.0:" + port}}, 403},
		{"a script of another site", "GET", "/local/state", http.Header{"Host": {own}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"a picture of a site beside this one", "GET", "/local/live", http.Header{"Host": {own}, "Sec-Fetch-Site": {"same-site"}}, 403},
		{"reading from nowhere", "GET", "/local/state", http.Header{"Host": {own}, "Origin": {"null"}}, 403},
		{"reading across ports", "GET", "/local/state", http.Header{"Host": {own}, "Origin": {"http://127.0.0.1:1"}}, 403},
		{"a picture from the platform", "GET", polling, http.Header{"Host": {own}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"a socket from nowhere", "GET", "/streaming?type=server", http.Header{"Host": {own}, "Origin": {"null"}}, 403},

		{"rebinding the page", "GET", "/", http.Header{"Host": {"evil.example:" + port}}, 403},
		{"rebinding an asset", "GET", "/page/page.js", http.Header{"Host": {"evil.example"}}, 403},
		{"rebinding the API", "GET", "/local/state", http.Header{"Host": {"evil.example:" + port}}, 403},
		{"rebinding the events", "GET", "/local/live", http.Header{"Host": {"evil.example:" + port}}, 403},
		{"rebinding a write", "POST", "/local/flags/b", http.Header{"Host": {"evil.example"}, "Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"same-origin"}}, 403},
		{"a name that begins alike", "GET", "/", http.Header{"Host": {"127.0.0.1.evil.example"}}, 403},
		{"another address", "GET", "/", http.Header{"Host": {"192.0.2.1"}}, 403},
		{"a write across sites", "POST", "/local/flags/b", http.Header{"Host": {own}, "Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, 403},
		{"a write across origins of old browsers", "POST", "/local/flags/b", http.Header{"Host": {own}, "Origin": {"http://127.0.0.1:1"}}, 403},
		{"a write from nowhere", "POST", "/local/flags/b", http.Header{"Host": {own}, "Origin": {"null"}}, 403},
		{"a question across sites", "POST", "/local/evaluate", http.Header{"Host": {own}, "Sec-Fetch-Site": {"cross-site"}}, 403},

		{"a client", "GET", polling, http.Header{"Host": {own}}, 200},
		{"a client by address", "GET", polling, http.Header{"Host": {"192.0.2.1:" + port}}, 200},
		{"a client by an allowed name", "GET", polling, http.Header{"Host": {"my.machine:" + port}}, 200},
		{"rebinding the platform", "GET", polling, http.Header{"Host": {"evil.example:" + port}}, 403},
		{"the platform across origins", "GET", polling, http.Header{"Host": {own}, "Origin": {"https://evil.example"}}, 403},
		{"a socket across origins", "GET", "/streaming?type=server", http.Header{"Host": {own}, "Origin": {"https://evil.example"}}, 403},
	}
	for _, tt := range tests {
		body := ""
		if tt.method == "POST" {
			body = `{"on":true}`
		}
		if status, answer := w.call(tt.method, tt.path, body, tt.header); status != tt.want {
			t.Errorf("%s: got %d %.100s", tt.name, status, answer)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if log := strings.Join(w.log, "\n"); !strings.Contains(log, "-allow-host evil.example\n") || strings.Contains(log, "-allow-host \n") {
		t.Errorf("the log has %q", w.log)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	w := start(t, twoFlags, Config{})
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/page/page.css": "text/css; charset=utf-8", "/page/page.js": "text/javascript; charset=utf-8", "/page/operators.js": "text/javascript; charset=utf-8",
		"/local/state": "application/json; charset=utf-8", "/local/nothing": "text/plain; charset=utf-8",
	} {
		req, err := http.NewRequestWithContext(testkit.Within(t), "GET", w.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{DisableKeepAlives: true}
		resp, err := transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		h := resp.Header
		if h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" ||
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "default-src 'none'; script-src 'self'") {
			t.Errorf("%s: got %v", path, h)
		}
	}
	for _, path := range []string{"/page/", "/page/nothing.js", "/page/../api.go"} {
		if status, _ := w.call("GET", path, "", nil); status == 200 {
			t.Errorf("%s is a page", path)
		}
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, g ffctest.Platform) {
		w := start(t, string(exampleFile), Config{Platform: g.String()})
		ask := func(body string) (value, reason, problem string) {
			t.Helper()
			status, answer := w.call("POST", "/local/evaluate", body, nil)
			var out struct{ Value, Reason, Error string }
			if err := json.Unmarshal([]byte(answer), &out); err != nil || status != 200 {
				t.Fatalf("%s: %d %s", body, status, answer)
			}
			return out.Value, out.Reason, out.Error
		}
		tests := []struct{ body, value, reason string }{
			{`{"flag":"new-checkout","user":{"key":"ann"}}`, "false", "target match"},
			{`{"flag":"new-checkout","user":{"key":"bob"}}`, "true", "rule match"},
			{`{"flag":"new-checkout","user":{"key":"eve","email":"eve@example.com"}}`, "true", "rule match"},
			{`{"flag":"new-checkout","user":{"key":"eve","country":"NZ","attributes":{"age":17}}}`, "true", "fall through all rules"},
			{`{"flag":"banner","user":{"key":"eve"}}`, "Welcome!", "fall through all rules"},
		}
		for _, tt := range tests {
			if value, reason, problem := ask(tt.body); value != tt.value || reason != tt.reason || problem != "" {
				t.Errorf("%s: got %q, %q, %q", tt.body, value, reason, problem)
			}
		}
		if _, reason, problem := ask(`{"flag":"nope","user":{"key":"eve"}}`); reason != "flag not found" || problem == "" {
			t.Errorf("got %q, %q", reason, problem)
		}
		w.change("banner", `{"on":false}`)
		if value, reason, _ := ask(`{"flag":"banner","user":{"key":"eve"}}`); value != "" || reason != "flag off" {
			t.Errorf("after a change: got %q", value)
		}
		for _, body := range []string{``, `[]`, `{"flag":1}`, `{"flag":"banner","user":{"key":"u","attributes":{"a":[]}}}`} {
			if status, answer := w.call("POST", "/local/evaluate", body, nil); status != 400 || !strings.Contains(answer, `"error"`) {
				t.Errorf("%s: got %d %s", body, status, answer)
			}
		}
		var all []struct{ FlagKey, Value string }
		if status, answer := w.call("POST", "/local/evaluate", `{"all":true,"user":{"key":"ann"}}`, nil); status != 200 || json.Unmarshal([]byte(answer), &all) != nil {
			t.Fatalf("all flags: got %d %s", status, answer)
		}
		for i, key := range []string{"new-checkout", "checkout", "discount", "dark-mode", "banner"} {
			if len(all) != 5 || all[i].FlagKey != key {
				t.Fatalf("all flags: got %v", all)
			}
		}
		if all[0].Value != "false" || all[4].Value != "" {
			t.Errorf("all flags: got %v", all)
		}
		if n := w.state().Events; n != (totals{}) {
			t.Errorf("questions count as events: %v", n)
		}
	})
}

func TestState(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, g ffctest.Platform) {
		shop := ffctest.Flag("shop").Variations("open", "closed")
		flag := ffctest.Flag("f").Name("F").Variations("x", "y", "z").OffVariation("y").Target("z", "u1", "u2").
			Rule("y", ffctest.InSegment("s", "t"), ffctest.Attr("plan").Equal("pro")).
			RuleRollout([]float64{33.3, 33.3, 33.4}, ffctest.Attr("age").GreaterThan("18")).
			Rollout(10.1, 20.2, 69.7)
		if g == ffctest.Classic {
			flag = flag.Prerequisite(shop, "closed")
		}
		w := start(t, snapshotOf(t, g, shop, flag, ffctest.Segment("s").Include("u1").Exclude("u2").Rule(ffctest.Attr("email").EndsWith("@example.com"))), Config{})
		f := w.flag("f")
		f.Version = 0
		want := `{"key":"f","name":"F","on":true,"version":0,` +
			`"variations":[{"id":"1","value":"x"},{"id":"2","value":"y"},{"id":"3","value":"z"}],"offVariation":"2",` +
			`"targets":[{"variation":"3","users":["u1","u2"]}],` +
			`"prerequisites":[{"flag":"shop","variation":"2","value":"closed"}],` +
			`"rules":[{"words":"is in segment s or t and plan is pro","shares":[{"variation":"2","percent":100}]},` +
			`{"words":"age is more than 18","shares":[{"variation":"1","percent":33.3},{"variation":"2","percent":33.3},{"variation":"3","percent":33.4}]}],` +
			`"shares":[{"variation":"1","percent":10.1},{"variation":"2","percent":20.2},{"variation":"3","percent":69.7}],"counts":{},"warnings":[]}`
		if g == ffctest.FeatBit {
			want = strings.Replace(want, `[{"flag":"shop","variation":"2","value":"closed"}]`, `[]`, 1)
		}
		if got := string(flagfile.Marshal(f)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got, want := string(flagfile.Marshal(w.state().Segments)), `[{"id":"s","name":"s","included":["u1"],"excluded":["u2"],"rules":["email ends with @example.com"],"warnings":[]}]`; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestWords(t *testing.T) {
	t.Parallel()
	a := func(clauses ...ffctest.Clause) []ffctest.Clause { return clauses }
	x := ffctest.Attr("x")
	tests := []struct {
		clauses []ffctest.Clause
		want    string
	}{
		{a(ffctest.Attr("country").IsOneOf("FR", "BE"), ffctest.Attr("plan").Equal("pro")), "country is one of FR, BE and plan is pro"},
		{a(ffctest.InSegment("beta")), "is in segment beta"},
		{a(ffctest.NotInSegment("a", "b")), "is not in segment a or b"},
		{a(ffctest.Attr("key").NotEqual("u")), "key is not u"},
		{a(x.Contains("y")), "x contains y"},
		{a(x.NotContains("y")), "x does not contain y"},
		{a(x.StartsWith("y")), "x starts with y"},
		{a(x.EndsWith("y")), "x ends with y"},
		{a(x.NotOneOf("a, b", "")), `x is not one of "a, b", ""`},
		{a(x.IsOneOf()), "x is one of nothing"},
		{a(x.IsTrue()), "x is true"},
		{a(x.IsFalse()), "x is false"},
		{a(x.MatchRegex("^a")), "x matches ^a"},
		{a(x.NotMatchRegex("^a")), "x does not match ^a"},
		{a(x.LessThan("18")), "x is less than 18"},
		{a(x.AtMost("18")), "x is at most 18"},
		{a(x.GreaterThan("18")), "x is more than 18"},
		{a(x.AtLeast("18")), "x is at least 18"},
		{a(x.Equal("a and b is c")), `x is "a and b is c"`},
	}
	for _, tt := range tests {
		for _, g := range platforms.All() {
			data := g.Snapshot(ffctest.Flag("f").Rule("true", tt.clauses...))
			doc, _, err := flagfile.Parse(data, "")
			if err != nil {
				t.Fatal(err)
			}
			if got := flagViews(t, g, g.EnvSecret(), doc, doc.Whole())[0].Rules[0].Words; got != tt.want {
				t.Errorf("%v: got %q, want %q", g, got, tt.want)
			}
		}
	}
}

// A user with 90,000 attributes is as large as a request may be, and is evaluated
// like any other.
func TestEvaluateManyAttributes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "flags.json")
	const text = `{"flags":{"f":{"variations":["a","b"],"rules":[{"if":[{"attribute":"z","isOneOf":["1"]}],"serve":"b"}]}}}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{File: path})
	if err != nil {
		t.Fatal(err)
	}
	attributes := []byte(`{"z":1`)
	for i := range 90_000 {
		attributes = fmt.Appendf(attributes, `,"%x":1`, i)
	}
	body := string(attributes) + "}"
	if len(body) > maxBody-100 {
		t.Fatalf("the request has %d bytes", len(body))
	}
	r := httptest.NewRequest("POST", "http://127.0.0.1/local/evaluate", strings.NewReader(`{"flag":"f","user":{"key":"u","attributes":`+body+`}}`))
	w := httptest.NewRecorder()
	p.serveEvaluate(w, r)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"value":"b"`) {
		t.Errorf("got %d %.300s", w.Code, w.Body)
	}
}
