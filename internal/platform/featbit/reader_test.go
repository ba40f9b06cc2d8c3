package featbit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

const dir = "../../../testdata/featbit"

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// message is a full of these flags and segments.
func message(flags, segments string) []byte {
	return []byte(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[` + flags + `],"segments":[` + segments + `]}}`)
}

// messages are all data sets there are, by file, as messages.
func messages(t testing.TB) map[string][]byte {
	t.Helper()
	array := func(name string) string {
		return strings.Trim(strings.TrimSpace(string(readFile(t, name))), "[]")
	}
	return map[string][]byte{
		"dotnet-full-data-set.json":     readFile(t, "dotnet-full-data-set.json"),
		"dotnet-patch-data-set.json":    readFile(t, "dotnet-patch-data-set.json"),
		"dotnet-featbit-bootstrap.json": readFile(t, "dotnet-featbit-bootstrap.json"),
		"sdk-fbclient-test-data.json":   readFile(t, "sdk-fbclient-test-data.json"),
		"openfeature-go-flags.json":     readFile(t, "openfeature-go-flags.json"),
		"evalserver-fake":               message(array("evalserver-fake-flags.json"), array("evalserver-fake-segments.json")),
		"dotnet-one":                    message(string(readFile(t, "dotnet-one-flag.json")), string(readFile(t, "dotnet-one-segment.json"))),
	}
}

// TestFiles decodes everything in every file.
func TestFiles(t *testing.T) {
	t.Parallel()
	counts := map[string][2]int{
		"dotnet-full-data-set.json": {1, 1}, "dotnet-patch-data-set.json": {1, 0}, "dotnet-featbit-bootstrap.json": {1, 1},
		"sdk-fbclient-test-data.json": {7, 1}, "openfeature-go-flags.json": {18, 0}, "evalserver-fake": {5, 2}, "dotnet-one": {1, 1},
	}
	d := Protocol().CodecOf("")
	for name, message := range messages(t) {
		u, skipped, err := d.Update(message)
		if err != nil || len(skipped) > 0 {
			t.Errorf("%s: %v, %v", name, skipped, err)
			continue
		}
		if got := [2]int{len(u.Flags), len(u.Segments)}; got != counts[name] || u.Full != (name != "dotnet-patch-data-set.json") || u.NoSegments {
			t.Errorf("%s: %d flags and segments, want %d; full %v", name, got, counts[name], u.Full)
		}
		for _, item := range u.Flags {
			f, err := d.DecodeFlag(item.Raw)
			if err != nil || len(f.Variations) == 0 || item.Version < 1.6e12 || item.Version > 1.8e12 {
				t.Errorf("%s, flag %s, version %d: %v", name, item.Key, item.Version, err)
			}
		}
		for _, item := range u.Segments {
			if _, err := d.DecodeSegment(item.Raw); err != nil {
				t.Errorf("%s, segment %s: %v", name, item.Key, err)
			}
		}
	}
}

// flagJSON is the made-up flag of FeatBit reference, section 4.1.
const flagJSON = `{
  "id": "aaaaaaaa-0000-0000-0000-000000000001", "envId": "11111111-2222-3333-4444-555555555555",
  "key": "checkout-banner", "name": "Checkout banner", "description": "", "variationType": "boolean",
  "variations": [{"id": "v-on", "name": "on", "value": "true"}, {"id": "v-off", "name": "off", "value": "false"}],
  "targetUsers": [{"keyIds": ["tester-1", "tester-2"], "variationId": "v-on"}],
  "rules": [{
    "id": "r1", "name": "nordic staff", "dispatchKey": null, "includedInExpt": false,
    "conditions": [
      {"id": "c1", "property": "country", "op": "IsOneOf", "value": "[\"NO\",\"SE\"]"},
      {"id": "c2", "property": "User is in segment", "op": null, "value": "[\"bbbbbbbb-0000-0000-0000-000000000001\"]"}
    ],
    "variations": [{"id": "v-on", "rollout": [0, 1], "exptRollout": 1}]
  }],
  "isEnabled": true, "disabledVariationId": "v-off",
  "fallthrough": {
    "dispatchKey": "tenant", "includedInExpt": true,
    "variations": [{"id": "v-on", "rollout": [0, 0.6], "exptRollout": 0.3}, {"id": "v-off", "rollout": [0.6, 1]}]
  },
  "exptIncludeAllTargets": false, "tags": ["web"], "isArchived": false, "updatedAt": "2026-01-01T00:00:00.1234567Z"
}`

func TestFlag(t *testing.T) {
	t.Parallel()
	got, err := reader{}.DecodeFlag([]byte(flagJSON))
	if err != nil {
		t.Fatal(err)
	}
	want := &model.Flag{
		Name: "Checkout banner", Enabled: true, Off: 1, ExperimentAll: model.No,
		Variations: []model.Variation{{ID: "v-on", Value: "true"}, {ID: "v-off", Value: "false"}},
		Targets:    []model.Target{{Keys: model.Texts("tester-1", "tester-2"), Variation: 0}},
		Rules: []model.Rule{{
			ID: "r1", Name: "nordic staff",
			Clauses: []model.Clause{
				{Property: "country", Operator: "IsOneOf", Value: `["NO","SE"]`},
				{Property: "User is in segment", Value: `["bbbbbbbb-0000-0000-0000-000000000001"]`},
			},
			Rollout: model.Rollout{Shares: []model.Share{{To: 1, Experiment: new(1.0)}}, Experiment: model.No},
		}},
		Fallthrough: model.Rollout{
			Shares: []model.Share{
				{To: .6, Experiment: new(.3)},
				{From: .6, To: 1, Variation: 1, Experiment: new(0.0)},
			},
			BucketBy: "tenant", Experiment: model.Yes,
		},
	}
	if text(got) != text(want) {
		t.Errorf("got  %s\nwant %s", text(got), text(want))
	}
	u, _, err := reader{}.Update(message(flagJSON, ""), store.Earlier{})
	if err != nil || u.Flags[0].Key != "checkout-banner" || u.Flags[0].Version != 1767225600123 || u.Flags[0].Alone {
		t.Errorf("got %+v, %v", u.Flags, err)
	}
}

func text(v any) string {
	out, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// TestVersions: a version is cut to milliseconds, not rounded.
func TestVersions(t *testing.T) {
	t.Parallel()
	const second = 1767225600000 // 2026-01-01T00:00:00Z
	tests := map[string]int64{
		"2026-01-01T00:00:00Z":                   second,
		"2026-01-01T00:00:00.1Z":                 second + 100,
		"2026-01-01T00:00:00.12Z":                second + 120,
		"2026-01-01T00:00:00.123Z":               second + 123,
		"2026-01-01T00:00:00.1239Z":              second + 123,
		"2026-01-01T00:00:00.9999999Z":           second + 999,
		"2026-01-01T00:00:00.123999999Z":         second + 123,
		"2026-01-01T00:00:00.123999999999Z":      second + 123,
		"2026-01-01T00:00:00.1234567":            second + 123,
		"2026-01-01T00:00:00":                    second,
		"2026-01-01T01:00:00.5+01:00":            second + 500,
		"2025-12-31T19:00:00.0009999-05:00":      second,
		"1969-12-31T23:59:59.9999999Z":           -1,
		"0001-01-01T00:00:00":                    -62135596800000,
		"2026-01-01":                             0,
		"2026-01-01 00:00:00":                    0,
		"2026-13-01T00:00:00Z":                   0,
		"yesterday":                              0,
		"":                                       0,
		time.Unix(0, 0).UTC().Format(time.ANSIC): 0,
	}
	for text, want := range tests {
		u, skipped, err := reader{}.Update(message(fmt.Sprintf(`{"key":"a","updatedAt":%q},{"key":"b","updatedAt":"2026-01-01T00:00:00Z"}`, text), ""), store.Earlier{})
		if err != nil || len(u.Flags) != 2 || u.Flags[0].Version != want || (len(skipped) > 0) != (want == 0) || u.Flags[0].Broken != (want == 0) || u.Flags[1].Broken {
			t.Errorf("%q: got %+v, %v, %v; want %d", text, u, skipped, err, want)
		}
	}
}

// TestHeaders: what is wrong with one item costs that item at most.
func TestHeaders(t *testing.T) {
	t.Parallel()
	const at = `"updatedAt":"2026-01-01T00:00:00Z"`
	tests := []struct {
		name, flag string
		want       string // "" if the flag is skipped
		problem    string
	}{
		{name: "fine", flag: `{"key":"a",` + at + `}`, want: `"a" alone`},
		{name: "archived", flag: `{"isArchived":true,"key":"a",` + at + `}`, want: `"a" archived alone`},
		{name: "rules", flag: `{"key":"a",` + at + `,"rules":[{"conditions":[]}]}`, want: `"a" alone`},
		{name: "segment rules", flag: `{"key":"a",` + at + `,"rules":[{"conditions":[{"property":"User is not in segment"}]}]}`, want: `"a"`},
		{name: "escaped key", flag: `{"key":"\u0061.B-c_9",` + at + `}`, want: `"a.B-c_9" alone`},
		{name: "no key", flag: `{"id":"x",` + at + `}`, problem: "has no key"},
		{name: "blank key", flag: `{"key":" ",` + at + `}`, problem: "has no key"},
		{name: "number as key", flag: `{"key":1,` + at + `}`, problem: "has a bad key"},
		{name: "no object", flag: `"a"`, problem: "is not JSON"},
		{name: "no time", flag: `{"key":"a"}`, want: `"a" broken alone`, problem: "has no updatedAt"},
		{name: "null time", flag: `{"key":"a","updatedAt":null}`, want: `"a" broken alone`, problem: "has a bad updatedAt"},
		{name: "number as time", flag: `{"key":"a","updatedAt":1767225600000}`, want: `"a" broken alone`, problem: "has a bad updatedAt"},
		{name: "text as truth value", flag: `{"key":"a",` + at + `,"isArchived":"yes"}`, want: `"a" broken alone`, problem: "has a bad isArchived"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			const good = `{"key":"good",` + at + `}`
			u, skipped, err := reader{}.Update(message(good+","+test.flag+","+good, ""), store.Earlier{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, item := range u.Flags {
				text := fmt.Sprintf("%q", item.Key)
				for word, is := range map[string]bool{" archived": item.Archived, " broken": item.Broken} {
					if is {
						text += word
					}
				}
				if item.Alone {
					text += " alone"
				}
				got = append(got, text)
			}
			want := []string{`"good" alone`, test.want, `"good" alone`}
			if test.want == "" {
				want = slices.Delete(want, 1, 2)
			}
			if !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if (len(skipped) > 0) != (test.problem != "") || len(skipped) > 0 && (skipped[0].Index != 1 || !strings.Contains(skipped[0].Error(), test.problem)) {
				t.Errorf("skipped %v, want %q", skipped, test.problem)
			}
		})
	}
}

// TestOptional: what may be left out, and what may not.
func TestOptional(t *testing.T) {
	t.Parallel()
	tests := []struct {
		flag string
		want string // of the error; "" if there is none
	}{
		{flag: `{}`},
		{flag: `{"variations":[],"targetUsers":[],"rules":[],"fallthrough":null,"name":null}`},
		{flag: `{"variations":[{"id":"a","value":"x"}],"targetUsers":[{"variationId":"a"}],"fallthrough":{"dispatchKey":null}}`},
		{flag: `{"rules":[{}]}`}, // an error only for who gets there
		{flag: `{"rules":[{"conditions":null}]}`},
		{flag: `{"rules":null}`, want: "has a bad rules: expected an array"},
		{flag: `{"targetUsers":null}`, want: "has a bad targetUsers"},
		{flag: `{"targetUsers":[{"keyIds":null}]}`, want: "has a bad targetUsers.keyIds"},
		{flag: `{"variations":null}`, want: "has a bad variations"},
		{flag: `{"fallthrough":{"variations":null}}`, want: "has a bad fallthrough.variations"},
		{flag: `{"fallthrough":[]}`, want: "has a bad fallthrough: expected an object"},
		{flag: `{"variations":[{"id":1,"value":"x"}]}`, want: "has a bad variations.id"},
		{flag: `{"variations":[{"id":"a","value":true}]}`, want: "has a bad variations.value"},
		{flag: `{"variations":[{"id":"a"}]}`, want: "has a bad variations.value"},
		{flag: `{"isEnabled":"true"}`, want: "has a bad isEnabled"},
		{flag: `{"rules":[{"conditions":[1]}]}`, want: "has a bad rules.conditions"},
		{flag: `{"rules":[{"conditions":{}}]}`, want: "has a bad rules.conditions"},
		{flag: `[]`, want: "not an object"},
	}
	for _, test := range tests {
		_, err := reader{}.DecodeFlag([]byte(test.flag))
		if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.flag, err, test.want)
		}
	}
	for segment, bad := range map[string]bool{
		`{}`: false, `{"included":[],"rules":[{}]}`: false,
		`{"included":null}`: true, `{"excluded":null}`: true, `{"rules":null}`: true, `{"included":[1]}`: true,
	} {
		if _, err := (reader{}).DecodeSegment([]byte(segment)); (err != nil) != bad {
			t.Errorf("segment %s: %v", segment, err)
		}
	}
}

// TestSegmentsAreNotKept: unlike on featureflag.co, a message that does
// not speak of segments has none.
func TestSegmentsAreNotKept(t *testing.T) {
	t.Parallel()
	for _, message := range []string{`{"eventType":"full","featureFlags":[]}`, `{"eventType":"full","featureFlags":[],"segments":null}`} {
		u, _, err := reader{}.Update([]byte(message), store.Earlier{})
		if err != nil || u.NoSegments || len(u.Segments) > 0 {
			t.Errorf("%s: %+v, %v", message, u, err)
		}
	}
	for _, message := range []string{``, `[]`, `{}`, `{"messageType":"data-sync"}`, `{"messageType":"data-sync","data":{"featureFlags":[]}}`,
		`{"messageType":"data-sync","data":{"eventType":"delta","featureFlags":[]}}`, `{"eventType":"full","featureFlags":{}}`, `{"eventType":"full","segments":[`} {
		if u, _, err := (reader{}).Update([]byte(message), store.Earlier{}); err == nil {
			t.Errorf("%s: %+v", message, u)
		}
	}
}

// FuzzReader reads arbitrary data, not contained: it must not panic, and each
// flag must have an answer.
func FuzzReader(f *testing.F) {
	for _, message := range messages(f) {
		f.Add(message)
	}
	f.Add(message(flagJSON, `{"id":"bbbbbbbb-0000-0000-0000-000000000001","updatedAt":"2026-01-01T00:00:01","included":["u"]}`))
	user := &eval.User{Key: "u", Email: "u@example.com", Custom: []eval.CustomAttribute{{Name: "tenant", Value: "acme"}}}
	f.Fuzz(func(t *testing.T, message []byte) {
		var data reader
		u, _, err := data.Update(message, store.Earlier{})
		if err != nil {
			return
		}
		valid := true // the items, also what of them is not read
		for _, item := range u.Flags {
			_, _ = data.DecodeFlag(item.Raw)
			valid = valid && json.Valid(item.Raw)
		}
		for _, item := range u.Segments {
			_, _ = data.DecodeSegment(item.Raw)
			valid = valid && json.Valid(item.Raw)
		}
		d := Protocol().CodecOf("")
		u.Full = true
		s, _ := eval.NewSnapshot(d.Source(func(eval.Problem) {})).Apply(u, 0)
		for _, key := range s.Keys() {
			r, before := eval.Evaluate(s, s.Flag(key), user, nil)
			if (r.Variation == nil) != (r.Reason == eval.ReasonError) || r.Reason == eval.ReasonNone || len(before) > 0 {
				t.Errorf("flag %q: %+v", key, r)
			}
		}
		s.Affected(store.Change{Segments: []string{"bbbbbbbb-0000-0000-0000-000000000001"}})
		written := d.AppendSnapshot(nil, s)
		if _, skipped, err := d.Update(written); err != nil || len(skipped) > 0 || valid && !json.Valid(written) {
			t.Errorf("%v, %v in %s", skipped, err, written)
		}
	})
}
