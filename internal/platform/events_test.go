package platform_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

var update = flag.Bool("update", false, "rewrite testdata/events")

func evaluationOf(key, id, value string, reason eval.Reason, experiment bool) *platform.Evaluation {
	v := eval.NewVariation(id, value)
	return &platform.Evaluation{Flag: &eval.Flag{Key: key}, Variation: &v, Reason: reason, Experiment: experiment, UnixMilli: 1662595200123}
}

func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	ann := &eval.User{
		Key: "u1", Name: "Ann", Email: "ann@example.com", Country: "FR",
		Custom: []eval.CustomAttribute{{Name: "age", Value: "18"}, {Name: "plan", Value: ""}},
	}
	tests := []struct {
		name       string
		user       *eval.User
		private    []string
		evaluation *platform.Evaluation
		metric     *platform.Metric
	}{
		{name: "evaluation", user: ann, evaluation: evaluationOf("checkout", "1", "true", eval.ReasonRuleMatch, true)},
		{name: "evaluation-of-bare-user", user: &eval.User{Key: "u1"}, evaluation: evaluationOf("checkout", "-12", "", eval.ReasonOff, false)},
		{name: "metric", user: ann, metric: &platform.Metric{Name: "click", Value: 2.5, UnixMilli: 1662595200123}},
		{name: "metric-of-bare-user", user: &eval.User{Key: "u1"}, metric: &platform.Metric{Name: "purchase", Value: 1}},
		{
			name:       "quotes",
			user:       &eval.User{Key: `a"b`, Name: `\`, Email: `"\"`, Country: `</script>&`, Custom: []eval.CustomAttribute{{Name: `"`, Value: `{"a":1}`}}},
			evaluation: evaluationOf(`"flag"`, "1", `{"text":"say \"yes\""}`, eval.ReasonTargetMatch, true),
		},
		{
			name:   "control-characters",
			user:   &eval.User{Key: "a\nb\tc\rd\x00e\x1ff\x7fg", Custom: []eval.CustomAttribute{{Name: "\b\f", Value: "\v"}}},
			metric: &platform.Metric{Name: "line\nbreak", Value: 1},
		},
		{
			name:       "invalid-utf-8",
			user:       &eval.User{Key: "a\xffb\xc3", Name: "\xed\xa0\x80", Custom: []eval.CustomAttribute{{Name: "\xf0\x9f\x98", Value: "\x80"}}},
			evaluation: evaluationOf("f\xfe", "1", "v\xfe", eval.ReasonFallthrough, true),
		},
		{
			name:       "other-alphabets",
			user:       &eval.User{Key: "用户", Name: "Zoë", Email: "😀@example.com", Country: "Ελλάδα", Custom: []eval.CustomAttribute{{Name: "имя", Value: "\u2028\u2029\ufffd"}}},
			evaluation: evaluationOf("开关", "1", "значение", eval.ReasonPrerequisiteFailed, false),
		},
		{
			name: "private", user: ann, private: []string{"Name", "email", "age", "not there"},
			evaluation: evaluationOf("checkout", "1", "true", eval.ReasonRuleMatch, true),
		},
		{
			name: "all-private", user: ann, private: []string{"name", "Email", "country", "age", "plan"},
			metric: &platform.Metric{Name: "click", Value: 1},
		},
	}
	for _, d := range registry.All() {
		for _, test := range tests {
			t.Run(d.Name+" "+test.name, func(t *testing.T) {
				t.Parallel()
				b := platform.NewBody(d, platform.NewPrivate(test.private))
				if test.metric != nil {
					b.AddMetric(test.user, *test.metric, noLimit)
				} else {
					b.AddEvaluation(test.user, *test.evaluation, noLimit)
				}
				got := encoded(t, b)
				got = got[1 : len(got)-1] // the item
				if !json.Valid(got) || bytes.Contains(got, []byte(":null")) {
					t.Errorf("not JSON, or null: %s", got)
				}
				got = append(got, '\n')
				path := filepath.Join("testdata", "events", d.Name, test.name+".json")
				if *update {
					if err := os.WriteFile(path, got, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, want) {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			})
		}
	}
}

func TestPrivateAttributes(t *testing.T) {
	t.Parallel()
	user := &eval.User{
		Key: "the key", Name: "the name", Email: "the email", Country: "the country",
		Custom: []eval.CustomAttribute{{Name: "userName", Value: "the user name"}, {Name: "age", Value: "the age"}, {Name: "Age", Value: "the Age"}},
	}
	all := []string{"the key", "the name", "the email", "the country", "the user name", "the age", "the Age"}
	tests := []struct {
		name  string
		names []string
		hides []string
	}{
		{name: "none"},
		{name: "unknown", names: []string{"nothing", ""}},
		{name: "name", names: []string{"name"}, hides: []string{"the name"}},
		{name: "Name", names: []string{"Name"}, hides: []string{"the name"}},
		{name: "NAME", names: []string{"NAME"}, hides: []string{"the name"}},
		{name: "email", names: []string{"email"}, hides: []string{"the email"}},
		{name: "Email", names: []string{"Email"}, hides: []string{"the email"}},
		{name: "EMail", names: []string{"EMail"}, hides: []string{"the email"}},
		{name: "country", names: []string{"country"}, hides: []string{"the country"}},
		{name: "Country", names: []string{"Country"}, hides: []string{"the country"}},
		{name: "custom, whatever the case", names: []string{"aGe"}, hides: []string{"the age", "the Age"}},
		{name: "custom with the platform's name of another", names: []string{"userName"}, hides: []string{"the user name"}},
		{name: "the key stays", names: []string{"key", "keyid", "KeyId", "keyId"}},
		{name: "twice", names: []string{"name", "Name", "age", "age"}, hides: []string{"the name", "the age", "the Age"}},
		{name: "all", names: []string{"name", "email", "country", "userName", "age", "Age"}, hides: all[1:]},
	}
	for _, d := range registry.All() {
		for _, test := range tests {
			t.Run(d.Name+" "+test.name, func(t *testing.T) {
				t.Parallel()
				out := d.AppendUser(nil, user, platform.NewPrivate(test.names))
				if !json.Valid(out) {
					t.Errorf("not JSON: %s", out)
				}
				hidden := make(map[string]bool)
				for _, value := range test.hides {
					hidden[value] = true
				}
				for _, value := range all {
					if bytes.Contains(out, []byte(`"`+value+`"`)) == hidden[value] {
						t.Errorf("%q hidden: %v, in %s", value, hidden[value], out)
					}
				}
			})
		}
	}
}

// trackItem is an item of the platform's track route (protocol reference,
// section 8).
type trackItem struct {
	User struct {
		KeyID                string `json:"keyId"`
		UserName             string `json:"userName"`
		Email                string `json:"email"`
		Country              string `json:"country"`
		CustomizedProperties []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"customizedProperties"`
	} `json:"user"`
	UserVariations []struct {
		FeatureFlagKeyName string `json:"featureFlagKeyName"`
		SendToExperiment   bool   `json:"sendToExperiment"`
		Timestamp          int64  `json:"timestamp"`
		Variation          struct {
			LocalID        int64  `json:"localId"`
			VariationValue string `json:"variationValue"`
			Reason         string `json:"reason"`
		} `json:"variation"`
	} `json:"userVariations"`
	Metrics []struct {
		Route        string  `json:"route"`
		Type         string  `json:"type"`
		EventName    string  `json:"eventName"`
		NumericValue float64 `json:"numericValue"`
		AppType      string  `json:"appType"`
	} `json:"metrics"`
}

func FuzzEvents(f *testing.F) {
	f.Add("u1", "Ann", "age", "18", "checkout", int64(1), "true", int64(1662595200123), 2.5)
	f.Add("a\"b\\", "\n\x00\x7f", "", "\u2028", "开关", int64(math.MinInt64), `{"a":"b"}`, int64(-1), 1e-7)
	f.Add("\xff", "\xed\xa0\x80", "\xf0\x9f", "\x80", "\xfe", int64(0), "", int64(math.MaxInt64), math.MaxFloat64)
	f.Fuzz(func(t *testing.T, key, name, attribute, value, flagKey string, id int64, variation string, milli int64, number float64) {
		d := classic.Protocol()
		user := &eval.User{Key: key, Name: name, Email: value, Country: attribute, Custom: []eval.CustomAttribute{{Name: attribute, Value: value}, {Name: name, Value: key}}}
		evaluation := evaluationOf(flagKey, fmt.Sprint(id), variation, eval.ReasonRuleMatch, id%2 == 0)
		evaluation.UnixMilli = milli
		if math.IsNaN(number) || math.IsInf(number, 0) {
			number = 1
		}
		metric := &platform.Metric{Name: flagKey, Value: number}

		open, private := platform.NewBody(d, nil), platform.NewBody(d, platform.NewPrivate([]string{"name", attribute}))
		open.AddEvaluation(user, *evaluation, noLimit)
		private.AddMetric(user, *metric, noLimit)
		out := encoded(t, open)
		out = append(out[:len(out)-1], ',')
		out = append(out, encoded(t, private)[1:]...)

		var items []trackItem
		decoder := json.NewDecoder(bytes.NewReader(out))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&items); err != nil || len(items) != 2 {
			t.Fatalf("%v in %s", err, out)
		}
		var want trackItem
		want.User.KeyID, want.User.UserName, want.User.Email, want.User.Country = clean(key), clean(name), clean(value), clean(attribute)
		for _, a := range user.Custom {
			if eval.Reserved(a.Name) {
				continue
			}
			want.User.CustomizedProperties = append(want.User.CustomizedProperties, struct {
				Name  string `json:"name"`
				Value string `json:"value"`
			}{clean(a.Name), clean(a.Value)})
		}
		if !reflect.DeepEqual(items[0].User, want.User) {
			t.Fatalf("user %+v, want %+v", items[0].User, want.User)
		}
		if len(items[0].UserVariations) != 1 || items[0].Metrics != nil {
			t.Fatalf("%s", out)
		}
		v := items[0].UserVariations[0]
		if v.FeatureFlagKeyName != clean(flagKey) || v.SendToExperiment != (id%2 == 0) || v.Timestamp != milli ||
			v.Variation.LocalID != id || v.Variation.VariationValue != clean(variation) || v.Variation.Reason != "rule match" {
			t.Fatalf("evaluation %+v", v)
		}
		if len(items[1].Metrics) != 1 || items[1].UserVariations != nil {
			t.Fatalf("%s", out)
		}
		m := items[1].Metrics[0]
		if m.EventName != clean(flagKey) || m.NumericValue != number || m.Route != "index/metric" || m.Type != "CustomEvent" || m.AppType != "goserverside" {
			t.Fatalf("metric %+v", m)
		}
		checkPrivate(t, items[1], user, attribute)
	})
}

// checkPrivate checks an item of a user whose name and one more attribute are
// private.
func checkPrivate(t *testing.T, item trackItem, user *eval.User, attribute string) {
	t.Helper()
	if item.User.UserName != "" || item.User.CustomizedProperties == nil {
		t.Fatalf("user %+v", item.User)
	}
	switch strings.ToLower(attribute) {
	case "key", "keyid", "name", "email", "country":
		return // not the name of a custom attribute
	}
	var want []string
	for _, a := range user.Custom {
		if !eval.Reserved(a.Name) && !strings.EqualFold(a.Name, attribute) {
			want = append(want, clean(a.Name))
		}
	}
	var got []string
	for _, a := range item.User.CustomizedProperties {
		got = append(got, a.Name)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("custom attributes %q, want %q", got, want)
	}
}

// clean is s as it is sent: what is not UTF-8 is replaced.
func clean(s string) string { return string([]rune(s)) }
