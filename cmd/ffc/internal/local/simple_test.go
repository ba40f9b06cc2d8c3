package local

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestSimpleForm: a file says the same as builders do.
func TestSimpleForm(t *testing.T) {
	t.Parallel()
	const text = `{
		"flags": {
			"shop": {"on": false, "name": "The shop"},
			"f": {
				"variations": ["x", "y"], "offVariation": "x", "targets": {"y": ["u1", "u2"]},
				"rules": [
					{"if": [{"attribute": "a", "equal": "1"}, {"notEqual": "2", "attribute": "b"}], "serve": "y"},
					{"if": [{"attribute": "a", "contains": "1"}, {"attribute": "a", "notContains": "1"}], "rollout": {"y": 30, "x": 70}},
					{"if": [{"attribute": "a", "startsWith": "1"}, {"attribute": "a", "endsWith": "1"}], "serve": "x"},
					{"if": [{"attribute": "a", "isOneOf": ["1", "2"]}, {"attribute": "a", "notOneOf": []}], "serve": "x"},
					{"if": [{"attribute": "a", "matchRegex": "1"}, {"attribute": "a", "notMatchRegex": "1"}], "serve": "x"},
					{"if": [{"attribute": "a", "lessThan": 1.5}, {"attribute": "a", "atMost": -1}], "serve": "x"},
					{"if": [{"attribute": "a", "greaterThan": 1e3}, {"attribute": "a", "atLeast": 0}], "serve": "x"},
					{"if": [{"attribute": "a", "isTrue": true}, {"attribute": "a", "isFalse": true}], "serve": "x"},
					{"if": [{"inSegment": "s"}, {"notInSegment": ["s", "t"]}], "serve": "x"}
				],
				"rollout": {"x": 33.3, "y": 66.7},
				"experiment": {"y": 10}
			},
			"g": {"serve": "false", "experiment": false}
		},
		"segments": {
			"s": {"included": ["u1"], "excluded": ["u2"], "rules": [{"if": [{"attribute": "a", "equal": "1"}]}]},
			"t": {}
		}
	}`
	a, b := ffctest.Attr("a"), ffctest.Attr("b")
	items := []ffctest.Item{
		ffctest.Segment("s").Include("u1").Exclude("u2").Rule(a.Equal("1")),
		ffctest.Segment("t"),
		ffctest.Flag("shop").Name("The shop").Off(),
		ffctest.Flag("f").Variations("x", "y").OffVariation("x").Target("y", "u1", "u2").
			Rule("y", a.Equal("1"), b.NotEqual("2")).
			RuleRollout([]float64{70, 30}, a.Contains("1"), a.NotContains("1")).
			Rule("x", a.StartsWith("1"), a.EndsWith("1")).
			Rule("x", a.IsOneOf("1", "2"), a.NotOneOf()).
			Rule("x", a.MatchRegex("1"), a.NotMatchRegex("1")).
			Rule("x", a.LessThan("1.5"), a.AtMost("-1")).
			Rule("x", a.GreaterThan("1e3"), a.AtLeast("0")).
			Rule("x", a.IsTrue(), a.IsFalse()).
			Rule("x", ffctest.InSegment("s"), ffctest.NotInSegment("s", "t")).
			Rollout(33.3, 66.7).Experiment(0, 10),
		ffctest.Flag("g").Serve("false").NoExperiment(),
	}
	for _, g := range platforms.All() {
		doc, _, err := flagfile.Parse([]byte(text), g.String())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := normal(t, doc.Data()), normal(t, g.Snapshot(items...)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := strings.Join(append(flagKeys(doc), doc.SegmentIDs()...), " "); got != "shop f g s t" {
			t.Errorf("got order %s", got)
		}
	}
	withPrerequisite := `{"flags": {"f": {"prerequisites": {"g": "b"}}, "g": {"variations": ["a", "b"]}}}`
	doc, _, err := flagfile.Parse([]byte(withPrerequisite), "")
	if err != nil {
		t.Fatal(err)
	}
	g := ffctest.Flag("g").Variations("a", "b")
	if got, want := normal(t, doc.Data()), normal(t, ffctest.Snapshot(ffctest.Flag("f").Prerequisite(g, "b"), g)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhatIsWrongWhere(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, want string }{
		{"", "f:1:1: expected a flag file, which begins with {, got the end of the file"},
		{"[]", "f:1:1: expected a flag file, which begins with {, got a list"},
		{"flags:", "f:1:1: expected a flag file, which begins with {, got flags"},
		{"{\n \"flags\": {\n", "f:3:1: expected a name in double quotes, or }, got the end of the file"},
		{"{\"flags\": {}\n \"segments\": {}}", "f:2:2: expected a comma or }, got '\"'"},
		{"{\"flags\": {},}", "f:1:14: expected a name in double quotes, got '}'"},
		{"{\"flags\" {}}", "f:1:10: expected a colon after \"flags\", got '{'"},
		{"{\"flags\": }", "f:1:11: expected a value for \"flags\", got '}'"},
		{"{\"flags\": {\"é\": {\"on\": 01}}}", "f:1:24: expected a value for \"on\", got 01"},
		{"{\"fl\nags\": {}}", "f:1:5: expected the closing quote of a text, got the end of the line or a control character"},
		{"{\"fl\\xags\": {}}", `f:1:2: expected a text with the escapes of JSON, got "fl\xags"`},
		{"{\"flags\": {}} x", "f:1:15: expected the end of the file, got 'x'"},
		{"{\"a\": \"\xff\"}", "f:1:7: expected a text in UTF-8, got other bytes"},
		{strings.Repeat("[", 300), "f:1:202: expected less nesting, got more than 200 levels"},
		{"\ufeff{\"flag\": {}}", `f:1:2: expected "flags" or "segments", got "flag"`},
		{`{"flags": []}`, "f:1:11: expected an object, got a list"},
		{`{"flags": {"": {}}}`, `f:1:12: expected the key of a flag, got ""`},
		{`{"flags": {"f": {}, "f": {}}}`, `f:1:21: expected each name once, got a second "f"`},
		{`{"flags": {"f": {"color": 1}}}`, `f:1:18: expected one of "name", "on", "variations", "offVariation", "prerequisites", "targets", "rules", "serve", "rollout" and "experiment", got "color"`},
		{`{"flags": {"f": {"on": "yes"}}}`, `f:1:24: expected true or false, got "yes"`},
		{`{"flags": {"f": {"name": null}}}`, `f:1:26: expected a text, got null`},
		{`{"flags": {"f": {"variations": []}}}`, `f:1:32: expected a list of variations, got an empty one`},
		{`{"flags": {"f": {"variations": [1]}}}`, `f:1:33: expected a text, such as "1", got the number 1`},
		{`{"flags": {"f": {"variations": ["a", "a"]}}}`, `f:1:38: expected a variation that is not in the list yet, got "a"`},
		{`{"flags": {"f": {"serve": "blue"}}}`, `f:1:27: expected a variation of flag "f", "true" or "false", got "blue"`},
		{`{"flags": {"f": {"variations": ["a", "b", "c"], "offVariation": "d"}}}`, `f:1:65: expected a variation of flag "f", one of "a", "b" and "c", got "d"`},
		{`{"flags": {"f": {"targets": {"true": []}}}}`, `f:1:38: expected the key of a user, got an empty list`},
		{`{"flags": {"f": {"targets": {"no": ["u"]}}}}`, `f:1:30: expected a variation of flag "f", "true" or "false", got "no"`},
		{`{"flags": {"f": {"targets": {"true": [""]}}}}`, `f:1:39: expected the key of a user, got ""`},
		{`{"flags": {"f": {"rollout": {"true": 50}}}}`, `f:1:29: expected percentages with a sum of 100, got a sum of 50`},
		{`{"flags": {"f": {"rollout": {"true": "50"}}}}`, `f:1:38: expected a percentage, a number from 0 to 100, got "50"`},
		{`{"flags": {"f": {"rollout": {"true": 101}}}}`, `f:1:38: expected a percentage, a number from 0 to 100, got the number 101`},
		{`{"flags": {"f": {"serve": "true", "rollout": {"true": 100}}}}`, `f:1:46: expected either "serve" or "rollout", got both`},
		{`{"flags": {"f": {"experiment": true}}}`, `f:1:32: expected an object with percentages by variation, or false, got true`},
		{`{"flags": {"f": {"prerequisites": {"g": "true"}}}}`, `f:1:36: expected the key of a flag in this file, got "g"`},
		{`{"flags": {"f": {"prerequisites": {"f": "true"}}}}`, `f:1:36: expected the key of another flag, got "f"`},
		{`{"flags": {"f": {"rules": [{}]}}}`, `f:1:28: expected a rule with "if" and a list of conditions, got one without`},
		{`{"flags": {"f": {"rules": [{"if": []}]}}}`, `f:1:35: expected a list of conditions, got an empty list, which matches no user`},
		{`{"flags": {"f": {"rules": [{"if": [{"attribute": "a", "isTrue": true}]}]}}}`, `f:1:28: expected a rule with "serve" or "rollout", got one with neither`},
		{`{"flags": {"f": {"rules": [{"if": [{}], "serve": "true"}]}}}`, `f:1:36: expected a condition with "attribute", or with nothing but "inSegment" or "notInSegment", got another one`},
		{`{"flags": {"f": {"rules": [{"if": [{"attribute": "a"}], "serve": "true"}]}}}`, `f:1:53: expected an operator, such as equal, isOneOf, atLeast or isTrue, got the end of the condition`},
		{`{"flags": {"f": {"rules": [{"if": [{"attribute": "a", "is": "b"}], "serve": "true"}]}}}`, `f:1:55: expected an operator, such as equal, isOneOf, atLeast or isTrue, got "is"`},
		{`{"flags": {"f": {"rules": [{"if": [{"attribute": "a", "equal": "b", "notEqual": "c"}], "serve": "true"}]}}}`, `f:1:69: expected one operator, got a second, "notEqual"`},
		{`{"flags": {"f": {"rules": [{"if": [{"attribute": "a", "atLeast": "18"}], "serve": "true"}]}}}`, `f:1:66: expected a number, without quotes, got "18"`},
		{`{"flags": {"f": {"rules": [{"if": [{"attribute": "a", "isTrue": false}], "serve": "true"}]}}}`, `f:1:65: expected true, got false`},
		{`{"flags": {"f": {"rules": [{"if": [{"inSegment": "bta"}], "serve": "true"}]}}, "segments": {"beta": {}}}`, `f:1:50: expected the id of a segment in this file, got "bta"`},
		{`{"flags": {"f": {"rules": [{"if": [{"inSegment": []}], "serve": "true"}]}}}`, `f:1:50: expected the id of a segment, got an empty list`},
		{`{"segments": {"s": {"included": "u1"}}}`, `f:1:33: expected a list, got "u1"`},
		{`{"flags": {"f": {}}, "segments": []}`, "f:1:34: expected an object, got a list"},
		{`{"messageType": "data-sync"}`, `f:1:1: expected a data-sync message with an object "data", got one without`},
		{`{"featureFlags": {}}`, `f:1:18: expected a list, got an object`},
		{"{\"featureFlags\": [\n1]}", `f:2:1: expected an object, got the number 1`},
		{`{"featureFlags": [{"timestamp": 1}]}`, `f:1:19: expected an object with "id", got one without`},
		{`{"featureFlags": [{"id": "checkout", "timestamp": 1}]}`, `f:1:26: expected FF__account__project__environment__key, got "checkout"`},
		{`{"featureFlags": [{"id": "FF__1__1__1__a", "timestamp": "1"}]}`, `f: cannot use the data as data of classic: featureFlags: item 0: timestamp: json: cannot unmarshal string into Go value of type int64`},
	}
	for _, tt := range tests {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		got := "no error"
		if _, err := New(Config{File: path}); err != nil {
			got = strings.Replace(err.Error(), path, "f", 1)
		}
		if got != tt.want {
			t.Errorf("%s\ngot  %s\nwant %s", tt.text, got, tt.want)
		}
	}
	g := ffctest.FeatBit
	_, _, err := flagfile.Parse([]byte(`{"flags": {"f": {"prerequisites": {"g": "true"}}, "g": {}}}`), g.String())
	if err == nil || !strings.Contains(err.Error(), "which FeatBit does not have") {
		t.Errorf("got %v", err)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.json")
	if _, err := New(Config{File: missing}); err == nil || !strings.Contains(err.Error(), "-create") {
		t.Errorf("a file that does not exist: %v", err)
	}
	nowhere := filepath.Join(dir, "none", "flags.json")
	if _, err := New(Config{File: nowhere, Create: true}); err == nil || !strings.Contains(err.Error(), "no directory "+filepath.Dir(nowhere)) {
		t.Errorf("a file in a directory that does not exist: %v", err)
	}
	large := filepath.Join(dir, "large.json")
	if err := errors.Join(os.WriteFile(large, nil, 0o600), os.Truncate(large, maxFile+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{File: large}); err == nil || !strings.Contains(err.Error(), "at most 64 MiB") {
		t.Errorf("a file that is too large: %v", err)
	}
	if _, err := New(Config{File: dir}); err == nil {
		t.Error("a directory is a flag file")
	}
	if _, err := New(Config{File: missing, Platform: "featbti"}); err == nil || !strings.Contains(err.Error(), "classic or featbit") {
		t.Errorf("a platform that does not exist: %v", err)
	}
	for _, platform := range []string{"", "classic", "featbit"} {
		path := filepath.Join(dir, "new"+platform+".json")
		p, err := New(Config{File: path, Create: true, Platform: platform})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != string(exampleFile) {
			t.Errorf("got %s, %v", text, err)
		}
		if n := p.shown.Load().view.doc.Len(); n != 5 {
			t.Errorf("%q has %d flags", platform, n)
		}
	}
	mine := filepath.Join(dir, "mine.json")
	if err := os.WriteFile(mine, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{File: mine, Create: true}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(mine); string(text) != "{}" {
		t.Errorf("a file that exists was made anew: %s", text)
	}
	for _, g := range platforms.All() {
		if err := os.WriteFile(mine, g.Snapshot(ffctest.Flag("f")), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := New(Config{File: mine})
		if err != nil || p.Platform() != g {
			t.Errorf("a snapshot of %v: %v", g, err)
		}
		if _, err := New(Config{File: mine, Platform: []string{"featbit", "classic"}[g]}); err == nil {
			t.Errorf("a snapshot of %v is one of the other", g)
		}
	}
}

// TestDocumentedFiles: the file in the package's documentation is one, and so is
// the one in the guide.
func TestDocumentedFiles(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../../../../internal/flagfile/doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	guide, err := os.ReadFile("../../../../docs/local.md")
	if err != nil {
		t.Fatal(err)
	}
	between := func(text, begin, end string) string {
		_, text, _ = strings.Cut(text, begin)
		text, _, _ = strings.Cut(text, end)
		return text
	}
	for where, text := range map[string]string{
		"doc.go":        "\t{" + between(file.Doc.Text(), "\t{", "\n\t}\n") + "\n\t}\n",
		"docs/local.md": between(string(guide), "```json\n", "```"),
	} {
		if doc, _, err := flagfile.Parse([]byte(text), ""); err != nil || doc.Len() != 2 {
			t.Errorf("%s: got %v in %s", where, err, text)
		}
	}
}

// FuzzDocument: whatever a file has in it, it is understood or refused with a
// place, and what is understood can be changed and understood again.
func FuzzDocument(f *testing.F) {
	f.Add(string(exampleFile))
	f.Add(twoFlags)
	f.Add(string(ffctest.Snapshot(ffctest.Flag("a"))))
	f.Add(string(ffctest.FeatBit.Snapshot(ffctest.Flag("a"))))
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := flagfile.AttributeText([]byte(text)); err == nil && !json.Valid([]byte(strings.TrimPrefix(text, "\ufeff"))) {
			t.Fatalf("not JSON, but parsed: %q", text)
		}
		doc, name, err := flagfile.Parse([]byte(text), "")
		if err != nil {
			if wrong, ok := err.(*flagfile.Mismatch); ok && (wrong.Offset < 0 || wrong.Offset > len(text)) {
				t.Fatalf("wrong at %d of %d", wrong.Offset, len(text))
			}
			return
		}
		g, err := ffctest.ParsePlatform(name)
		if err != nil {
			t.Fatal(err)
		}
		// Of a snapshot only parts are understood, and it is not served.
		data := doc.Data()
		simple := string(data) != strings.TrimPrefix(text, "\ufeff")
		server, err := ffctest.NewHandler(ffctest.HandlerConfig{Platform: g, Data: data})
		if err != nil {
			if simple {
				t.Fatalf("the server does not take it: %v", err)
			}
			return
		}
		before := flagViews(t, g, server.EnvSecret, doc, doc.Whole())
		for i, flag := range before {
			c := flagfile.Change{On: new(!flag.On)}
			if n := len(flag.Variations); n > 0 {
				c.Shares = []flagfile.Share{{Variation: flag.Variations[n-1].ID, Percent: 100}}
			}
			var ids []string
			for _, v := range flag.Variations {
				ids = append(ids, v.ID)
			}
			if c.Check(ids) != nil {
				continue
			}
			file := strings.NewReader(text)
			edit, err := doc.Edit(file, flag.Key, c, 1)
			if err != nil || edit.Text == nil {
				continue
			}
			next, part, err := doc.Edited(file, edit)
			if err != nil {
				t.Fatalf("%q: flag %q became %q: %v", text, flag.Key, edit.Text, err)
			}
			changed := text[:edit.Start] + string(edit.Text) + text[edit.End:]
			again, _, err := flagfile.Parse([]byte(changed), g.String())
			if err != nil || !slices.Equal(flagKeys(again), flagKeys(next)) {
				t.Fatalf("%q became %q: %v", text, changed, err)
			}
			if !simple {
				continue
			}
			got := flagViews(t, g, server.EnvSecret, again, again.Whole())[i]
			if got.On == flag.On || len(got.Shares) != 1 || got.Shares[0] != c.Shares[0] {
				t.Fatalf("%q became %q: %+v", text, changed, got)
			}
			if served := flagViews(t, g, server.EnvSecret, next, part)[i]; !reflect.DeepEqual(served, got) {
				t.Fatalf("%q became %q, but %+v is served, not %+v", text, changed, served, got)
			}
		}
	})
}

func flagKeys(doc *flagfile.Document) []string {
	var keys []string
	for i := range doc.Len() {
		keys = append(keys, doc.Key(i))
	}
	return keys
}

// flagViews returns the flags of a part of a document's data, by number.
func flagViews(t *testing.T, g ffctest.Platform, secret string, doc *flagfile.Document, part *flagfile.Part) map[int]flagView {
	t.Helper()
	codec, _, err := registry.CodecFor(g.String(), secret)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[int]flagView)
	for i, raw := range part.Flags() {
		out[i] = viewFlag(codec, doc.Key(i), 1, raw)
	}
	return out
}

// normal returns data with its flags and segments in the order of their ids, and
// without their versions.
func normal(t *testing.T, data []byte) string {
	t.Helper()
	var message struct {
		Data map[string]any `json:"data"`
	}
	if err := json.Unmarshal(data, &message); err != nil {
		t.Fatal(err)
	}
	delete(message.Data, "userTags")
	for _, list := range message.Data {
		items, ok := list.([]any)
		if !ok {
			continue
		}
		for _, item := range items {
			members := item.(map[string]any)
			delete(members, "timestamp")
			delete(members, "updatedAt")
			if basics, ok := members["ff"].(map[string]any); ok {
				delete(basics, "lastUpdatedTime")
			}
		}
		slices.SortFunc(items, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return string(flagfile.Marshal(message.Data))
}
