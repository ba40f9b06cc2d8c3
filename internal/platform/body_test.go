package platform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// grouped is an item of a body for FeatBit.
type grouped struct {
	User       json.RawMessage    `json:"user"`
	Variations []groupedVariation `json:"variations"`
	Metrics    []groupedMetric    `json:"metrics"`
}

type groupedVariation struct {
	Flag      string `json:"featureFlagKey"`
	Variation struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"variation"`
	Timestamp  int64 `json:"timestamp"`
	Experiment bool  `json:"sendToExperiment"`
}

type groupedMetric struct {
	AppType   string  `json:"appType"`
	Route     string  `json:"route"`
	Type      string  `json:"type"`
	Name      string  `json:"eventName"`
	Value     float64 `json:"numericValue"`
	Timestamp int64   `json:"timestamp"`
}

const noLimit = 1 << 30

// encoded returns what AppendTo appends, after a check of Len.
func encoded(t testing.TB, b *platform.Body) []byte {
	t.Helper()
	got := b.AppendTo(nil)
	if len(got) != b.Len() {
		t.Errorf("Len is %d, the body has %d bytes: %s", b.Len(), len(got), got)
	}
	return got
}

// TestEventsOfUserShareItem has events of two users in turn, one of whom changes
// an attribute and then changes it back.
func TestEventsOfUserShareItem(t *testing.T) {
	t.Parallel()
	ann := func(plan, phone string) *eval.User {
		return &eval.User{Key: "ann", Custom: []eval.CustomAttribute{{Name: "plan", Value: plan}, {Name: "phone", Value: phone}}}
	}
	free, pro := ann("free", "1"), ann("pro", "2")
	tests := []struct {
		name    string
		private *platform.Private
		want    string
	}{
		{name: "all attributes", want: "ann/free: f0 | bob: f1 m2 | ann/pro: f3 m4 | ann/free: f5 f6 | ann/free: f7"},
		{name: "private attribute", private: platform.NewPrivate([]string{"phone"}), want: "ann/free: f0 | bob: f1 m2 | ann/pro: f3 m4 | ann/free: f5 f6 f7"},
		{name: "all private", private: platform.AllPrivate(), want: "ann: f0 f3 f5 f6 f7 m4 | bob: f1 m2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := platform.NewBody(featbit.Protocol(), test.private)
			for i, u := range []*eval.User{free, {Key: "bob"}, {Key: "bob"}, pro, pro, ann("free", "1"), free, ann("free", "3")} {
				if i == 2 || i == 4 {
					b.AddMetric(u, platform.Metric{Name: fmt.Sprint("m", i)}, noLimit)
				} else {
					b.AddEvaluation(u, *evaluationOf(fmt.Sprint("f", i), "v", "true", eval.ReasonRuleMatch, false), noLimit)
				}
			}
			out := encoded(t, b)
			var items []struct {
				grouped
				User struct {
					KeyID                string
					CustomizedProperties []struct{ Name, Value string }
				} `json:"user"`
			}
			if err := json.Unmarshal(out, &items); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, item := range items {
				text := item.User.KeyID
				for _, p := range item.User.CustomizedProperties {
					if p.Name == "plan" {
						text += "/" + p.Value
					}
				}
				text += ":"
				for _, v := range item.Variations {
					text += " " + v.Flag
				}
				for _, m := range item.Metrics {
					text += " " + m.Name
				}
				got = append(got, text)
			}
			if text := strings.Join(got, " | "); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

// TestClassicHasItemForEachEvent: the platform files a whole item under the first
// flag in it.
func TestClassicHasItemForEachEvent(t *testing.T) {
	t.Parallel()
	b := platform.NewBody(classic.Protocol(), nil)
	u := &eval.User{Key: "u"}
	for i := range 3 {
		b.AddEvaluation(u, *evaluationOf(fmt.Sprint("f", i), "1", "true", eval.ReasonRuleMatch, false), noLimit)
	}
	b.AddMetric(u, platform.Metric{Name: "m"}, noLimit)
	var items []trackItem
	if err := json.Unmarshal(encoded(t, b), &items); err != nil || len(items) != 4 {
		t.Fatalf("%v, %d items", err, len(items))
	}
	for i, item := range items {
		if len(item.UserVariations)+len(item.Metrics) != 1 {
			t.Errorf("item %d: %+v", i, item)
		}
	}
}

// TestBodyRejectsLargeEvent: an event counts with its user, even if the user is
// in the body already, and leaves no trace.
func TestBodyRejectsLargeEvent(t *testing.T) {
	t.Parallel()
	for _, d := range registry.All() {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			b := platform.NewBody(d, nil)
			ann, bob := &eval.User{Key: "ann"}, &eval.User{Key: "bob", Name: strings.Repeat("x", 500)}
			quoted := &eval.User{Key: "quoted", Name: strings.Repeat(`"`, 450)} // 900 bytes in JSON
			evaluation := *evaluationOf("f", "1", "true", eval.ReasonRuleMatch, false)
			b.AddEvaluation(ann, evaluation, noLimit)
			before := string(encoded(t, b))
			alone := len(before) - len(`[]`)
			if b.AddEvaluation(ann, evaluation, alone-1) || b.AddEvaluation(bob, evaluation, 400) || b.AddEvaluation(quoted, evaluation, 800) ||
				b.AddMetric(ann, platform.Metric{Name: strings.Repeat("m", 300)}, 300) {
				t.Error("a large event was added")
			}
			if got := string(encoded(t, b)); got != before {
				t.Errorf("got  %s\nwant %s", got, before)
			}
			if !b.AddEvaluation(ann, evaluation, alone) || !b.AddEvaluation(quoted, evaluation, 2000) {
				t.Error("a small event was not added")
			}
			if out := encoded(t, b); !json.Valid(out) {
				t.Errorf("invalid JSON: %s", out)
			}
			b.Reset()
			b.AddEvaluation(ann, evaluation, alone)
			if got := string(encoded(t, b)); got != before {
				t.Errorf("after Reset: got  %s\nwant %s", got, before)
			}
		})
	}
}

// TestBytesPerEvent: ten flags for one user, as in a request, take much less than
// ten items.
func TestBytesPerEvent(t *testing.T) {
	t.Parallel()
	// The user of benchmarks/fixture.
	benchmark := func(key string) *eval.User {
		return &eval.User{Key: key, Name: "Ann Example", Email: "ann@corp.example.com", Country: "NZ",
			Custom: []eval.CustomAttribute{{Name: "plan", Value: "pro"}, {Name: "age", Value: "34"}}}
	}
	attributes := func(key string) *eval.User {
		u := &eval.User{Key: key}
		for i := range 20 {
			u.Set(fmt.Sprintf("name-%03d", i), strings.Repeat("v", 12))
		}
		return u
	}
	for _, test := range []struct {
		name string
		user func(key string) *eval.User
		most float64
	}{
		{name: "benchmark's user", user: benchmark, most: 0.48},
		{name: "400 bytes of attributes", user: attributes, most: 0.35},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			apart, together := *featbit.Protocol(), featbit.Protocol()
			apart.ItemPerUser = false
			var sizes []int
			for _, d := range []*platform.Protocol{&apart, together} {
				b := platform.NewBody(d, nil)
				for i := range 1000 {
					u := test.user(fmt.Sprintf("visitor-%05d", i/10))
					e := *evaluationOf(fmt.Sprintf("flag-%04d", i%10), "aaaaaaaa-0000-0000-0000-000000000001", "true", eval.ReasonRuleMatch, true)
					b.AddEvaluation(u, e, noLimit)
				}
				sizes = append(sizes, len(encoded(t, b)))
			}
			ratio := float64(sizes[1]) / float64(sizes[0])
			t.Logf("%d and %d bytes an event: %.3f", sizes[0]/1000, sizes[1]/1000, ratio)
			if ratio > test.most {
				t.Errorf("%.3f of the bytes, want at most %v", ratio, test.most)
			}
		})
	}
}

// FuzzGroupedBody compares bodies for FeatBit with a simple model. Each byte of
// order is an event: its user, the user's attributes and its kind.
func FuzzGroupedBody(f *testing.F) {
	f.Add([]byte{0, 1, 4, 0, 16, 17, 0, 8}, "ann", "bob", "plan", "pro", "checkout", "true")
	f.Add([]byte{0, 4, 0, 8, 0, 20, 4}, "a\"", "a\xff", "email", "\u2028", "\x00", "{\"a\":[1]}")
	f.Add([]byte{}, "", "", "", "", "", "")
	f.Fuzz(func(t *testing.T, order []byte, key, other, name, value, flag, served string) {
		d, private := featbit.Protocol(), platform.NewPrivate([]string{"email", "hidden"})
		b := platform.NewBody(d, private)
		keys := []string{key, other, key + other, "u"}
		var want []grouped
		open := map[string]int{}
		for i, c := range order {
			u := &eval.User{Key: keys[c%4], Name: served, Email: value}
			switch c / 4 % 4 {
			case 1:
				u.Custom = []eval.CustomAttribute{{Name: name, Value: value}}
			case 2:
				u.Custom = []eval.CustomAttribute{{Name: "hidden", Value: value}}
			case 3:
				u.Country = name
			}
			user := string(d.AppendUser(nil, u, private))
			at, ok := open[u.Key]
			if !ok || string(want[at].User) != user {
				at = len(want)
				want = append(want, grouped{User: json.RawMessage(user)})
				open[u.Key] = at
			}
			if c/16%2 == 0 {
				e := evaluationOf(flag+fmt.Sprint(i), value, served, eval.ReasonRuleMatch, i%2 == 0)
				e.UnixMilli = int64(i)
				b.AddEvaluation(u, *e, noLimit)
				v := groupedVariation{Flag: clean(e.Flag.Key), Timestamp: int64(i), Experiment: e.Experiment}
				v.Variation.ID, v.Variation.Value = clean(value), clean(served)
				want[at].Variations = append(want[at].Variations, v)
			} else {
				m := platform.Metric{Name: flag + fmt.Sprint(i), Value: float64(i), UnixMilli: int64(i)}
				b.AddMetric(u, m, noLimit)
				want[at].Metrics = append(want[at].Metrics, groupedMetric{
					AppType: "go-server-side", Route: "index/metric", Type: "CustomEvent", Name: clean(m.Name), Value: m.Value, Timestamp: int64(i),
				})
			}
		}
		out := encoded(t, b)
		var got []grouped
		decoder := json.NewDecoder(bytes.NewReader(out))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil || decoder.More() {
			t.Fatalf("%v in %s", err, out)
		}
		if len(want) == 0 && len(got) == 0 {
			return
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v\nbody %s", got, want, out)
		}
	})
}
