package eval_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// featBitDir holds data of FeatBit and vectors for it.
const featBitDir = "../../testdata/featbit"

func readFeatBit(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(featBitDir, name))
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// featBitSource reads the data of FeatBit.
func featBitSource(report func(eval.Problem)) (*eval.Source, *platform.Codec) {
	d := featbit.Protocol().CodecOf("")
	return d.Source(report), d
}

// featBit is a snapshot of flags and segments, JSON each, and of what is
// reported when they are used.
func featBit(t testing.TB, flags, segments []string) (*eval.Snapshot, *problems) {
	t.Helper()
	p := &problems{}
	source, d := featBitSource(p.report)
	u, skipped, err := d.Update([]byte(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[` +
		strings.Join(flags, ",") + `],"segments":[` + strings.Join(segments, ",") + `]}}`))
	if err != nil || len(skipped) > 0 {
		t.Fatal(skipped, err)
	}
	s, _ := eval.NewSnapshot(source).Apply(u, 0)
	return s, p
}

// featBitFlag is a flag that serves "on"; more are members that come beside,
// or instead of, the usual ones.
func featBitFlag(key, more string) string {
	return `{"key":"` + key + `"` + more + `,"updatedAt":"2026-01-01T00:00:00Z","isEnabled":true,"disabledVariationId":"off",` +
		`"variations":[{"id":"on","value":"on"},{"id":"off","value":"off"},{"id":"special","value":"special"}],` +
		`"fallthrough":` + featBitRollout("", `{"id":"on","rollout":[0,1]}`) + `}`
}

func featBitRollout(more, shares string) string { return `{"variations":[` + shares + `]` + more + `}` }

// featBitRules is a member of a flag: rules that serve "special" to who matches
// the conditions.
func featBitRules(conditions ...string) string {
	var rules []string
	for _, c := range conditions {
		rules = append(rules, `{"conditions":`+c+`,"variations":[{"id":"special","rollout":[0,1]}]}`)
	}
	return `,"rules":[` + strings.Join(rules, ",") + `]`
}

func condition(property, op, value string) string {
	out, _ := json.Marshal(map[string]string{"property": property, "op": op, "value": value})
	return string(out)
}

func inFeatBitSegment(ids ...string) string {
	return strings.Replace(condition("User is in segment", "x", list(ids...)), `"x"`, "null", 1)
}

func notInFeatBitSegment(ids ...string) string {
	return condition("User is not in segment", "", list(ids...))
}

// TestFeatBitEvaluations holds the answers for the evaluation server's own data
// against the vectors.
func TestFeatBitEvaluations(t *testing.T) {
	t.Parallel()
	var flags, segments []json.RawMessage
	readFeatBit(t, "evalserver-fake-flags.json", &flags)
	readFeatBit(t, "evalserver-fake-segments.json", &segments)
	var golden struct {
		Cases []struct {
			FlagKey string
			User    struct {
				Key, Name string
				Custom    map[string]string
			}
			Expected struct {
				VariationID, Value, Kind string
				SendToExperiment         bool
			}
		}
	}
	readFeatBit(t, "evalserver-fake-expected.json", &golden)
	if len(golden.Cases) != 70 {
		t.Fatalf("%d cases", len(golden.Cases))
	}
	s, p := featBit(t, texts(flags), texts(segments))
	kinds := map[eval.Reason]string{
		eval.ReasonOff: "Off", eval.ReasonTargetMatch: "TargetMatch", eval.ReasonRuleMatch: "RuleMatch",
		eval.ReasonFallthrough: "Fallthrough", eval.ReasonError: "Error",
	}
	for i, c := range golden.Cases {
		u := &eval.User{Key: c.User.Key, Name: c.User.Name}
		for name, value := range c.User.Custom {
			if name == "country" { // where ffc.User keeps it
				u.Country = value
				continue
			}
			u.Set(name, value)
		}
		e, err := explained(s, s.Flag(c.FlagKey), u)
		if err != nil {
			t.Errorf("case %d: %v", i, err)
		}
		r := e.Result
		if r.Variation == nil || r.Variation.ID != c.Expected.VariationID || r.Variation.Value != c.Expected.Value ||
			kinds[r.Reason] != c.Expected.Kind || r.Experiment != c.Expected.SendToExperiment {
			t.Errorf("case %d, %s for %s: got %+v, %+v; want %+v", i, c.FlagKey, c.User.Key, r, r.Variation, c.Expected)
		}
	}
	p.none(t)
}

func texts(items []json.RawMessage) (list []string) {
	for _, item := range items {
		list = append(list, string(item))
	}
	return list
}

// TestFeatBitDataSets evaluates each flag of the other files: nothing in them
// is malformed.
func TestFeatBitDataSets(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dotnet-full-data-set.json", "dotnet-patch-data-set.json", "dotnet-featbit-bootstrap.json", "sdk-fbclient-test-data.json", "openfeature-go-flags.json"} {
		var message struct {
			Data struct{ FeatureFlags, Segments []json.RawMessage }
		}
		readFeatBit(t, name, &message)
		s, p := featBit(t, texts(message.Data.FeatureFlags), texts(message.Data.Segments))
		for _, key := range s.Keys() {
			for i := range 20 {
				u := &eval.User{Key: fmt.Sprint("user-", i), Name: "ann_qa", Country: "us"}
				u.Set("age", "23")
				if e, err := explained(s, s.Flag(key), u); err != nil || e.Variation == nil {
					t.Errorf("%s: flag %s: %v, %v", name, key, e.Reason, err)
				}
			}
		}
		p.none(t)
	}
}

// TestFeatBitOperators goes through the vectors. A missing attribute reads as
// the empty one, as on the platform; its specification's draft, which four of
// the vectors follow, has it otherwise.
func TestFeatBitOperators(t *testing.T) {
	t.Parallel()
	type row struct {
		UserValue     *string
		Op, RuleValue string
		Match         bool
	}
	var vectors struct{ Rows []row }
	readFeatBit(t, "operator-vectors.json", &vectors)
	if len(vectors.Rows) != 45 {
		t.Fatalf("%d rows", len(vectors.Rows))
	}
	missing := 0
	for i := range vectors.Rows {
		if r := &vectors.Rows[i]; r.UserValue == nil {
			missing++
			r.Match = true
		}
	}
	if missing != 4 {
		t.Errorf("%d rows without the attribute", missing)
	}
	add := func(value, op, operand string, match bool) {
		vectors.Rows = append(vectors.Rows, row{&value, op, operand, match})
	}
	add("Color", "MatchRegex", "colou?r", false) // case counts
	add("my color!", "MatchRegex", "colou?r", true)
	add("Color", "NotMatchRegex", "colou?r", true)
	add("", "Contains", "", true)
	add("abc", "Contains", "", true)
	add("abc", "StartsWith", "", true)
	add("", "StartsWith", "a", false)
	add("", "IsOneOf", `[""]`, true)
	add("", "LessThan", "1", false)
	add("0.123456", "LessThan", "0.123457", true) // not rounded
	add("0.1234567", "BiggerThan", "0.1234566", true)
	add("1e3", "BiggerEqualThan", "1000", true)
	add(" 10 ", "BiggerEqualThan", "10.0", true)
	add("-.5", "LessThan", "0", true)
	add("1_000", "BiggerThan", "1", false)
	add("1,000", "BiggerThan", "1", true)
	add("0x10", "BiggerThan", "1", false)
	add("inf", "BiggerThan", "1", false)
	add("-Infinity", "LessThan", "1", true)
	add("NaN", "LessEqualThan", "1", false)
	add("1e999", "BiggerThan", "1", true)
	add("5", "LessThan", "1e999", true)
	add("\u00a05", "LessThan", "10", false)
	add("5", "LessThan", "ten", false)
	add("5", "lessthan", "10", false)
	add("yes", "IsTrue", "", false)
	add("1", "IsTrue", "1", false)
	add("x", "User is in segment", "[]", false) // what is about segments is the property
	add("x", "User is not in segment", "[]", false)
	add("x", "", "x", false)
	for _, r := range vectors.Rows {
		s, _ := featBit(t, []string{featBitFlag("f", featBitRules("["+condition("attribute", r.Op, r.RuleValue)+"]"))}, nil)
		u := user("u")
		text := "no value"
		if r.UserValue != nil {
			text = *r.UserValue
			u.Set("attribute", text)
		}
		want := onFallthrough
		if r.Match {
			want = matched
		}
		if got := answer(s, "f", u); got != want {
			t.Errorf("%q %s %q: got %s, want %s", text, r.Op, r.RuleValue, got, want)
		}
	}
}

// TestFeatBitAttributes: keyId and name are built in, in exactly this case. An
// e-mail address and a country are custom attributes.
func TestFeatBitAttributes(t *testing.T) {
	t.Parallel()
	u := &eval.User{Key: "the key", Name: "the name", Email: "the email", Country: "the country"}
	u.Set("keyId", "x")
	for name, value := range exactNames {
		u.Set(name, value)
	}
	for property, want := range map[string]string{
		"keyId": "the key", "name": "the name", "email": "the email", "country": "the country", "plan": "the plan",
		"KeyId": "the KeyId", "keyid": "the keyid", "key": "the key attribute", "Name": "the Name", "NAME": "", "Email": "the Email",
		"EMAIL": "", "Country": "the Country", "Plan": "", "": "",
	} {
		s, _ := featBit(t, []string{featBitFlag("f", featBitRules("["+condition(property, "Equal", want)+"]"))}, nil)
		if got := answer(s, "f", u); got != matched {
			t.Errorf("%q is not %q: %s", property, want, got)
		}
	}
}

var exactNames = map[string]string{
	"plan": "the plan", "KeyId": "the KeyId", "keyid": "the keyid", "key": "the key attribute", "Name": "the Name", "Email": "the Email",
	"Country": "the Country",
}

// TestFeatBitMalformed: what cannot be decided is an error only for users whose
// evaluation reaches it.
func TestFeatBitMalformed(t *testing.T) {
	t.Parallel()
	const (
		never   = `[{"property":"keyId","op":"Equal","value":"no user"}]`
		always  = `[]`
		pattern = `[{"property":"keyId","op":"NotMatchRegex","value":"(?=x"}]`
		badList = `[{"property":"keyId","op":"NotOneOf","value":"x"}]`
	)
	after := func(first, bad string) string {
		return "[" + strings.Trim(first, "[]") + "," + strings.Trim(bad, "[]") + "]"
	}
	gap := `,"rules":[{"conditions":[],"variations":[{"id":"special","rollout":[0,0]}]},{"conditions":[],"variations":[{"id":"on","rollout":[0,1]}]}]`
	rollout := func(shares string) string {
		return strings.Replace(featBitFlag("f", ""), `{"id":"on","rollout":[0,1]}`, shares, 1)
	}
	tests := []struct {
		name, flag, want string
		report           string // "" if there is none
	}{
		{"no list of conditions", featBitFlag("f", featBitRules("null")), failed, "no list of conditions"},
		{"empty conditions", featBitFlag("f", featBitRules(always)), matched, ""},
		{"no conditions, not reached", featBitFlag("f", featBitRules(always, "null")), matched, "rule 2"},
		{"pattern", featBitFlag("f", featBitRules(pattern)), failed, "regular expression"},
		{"pattern in a rule not reached", featBitFlag("f", featBitRules(always, pattern)), matched, "rule 2"},
		{"pattern after a condition that does not match", featBitFlag("f", featBitRules(after(never, pattern), always)), matched, "rule 1: clause 2"},
		{"pattern before a condition that does not match", featBitFlag("f", featBitRules(after(pattern, never), always)), failed, "clause 1"},
		{"pattern after a target", featBitFlag("f", featBitRules(pattern)+`,"targetUsers":[{"keyIds":["u"],"variationId":"special"}]`), "special, target match", "rule 1"},
		{"pattern of a flag that is off", strings.Replace(featBitFlag("f", featBitRules(pattern)), `"isEnabled":true`, `"isEnabled":false`, 1), offDisabled, "rule 1"},
		{"list", featBitFlag("f", featBitRules(badList)), failed, "not a JSON array of strings"},
		{"null", featBitFlag("f", featBitRules(`[{"property":"keyId","op":"IsOneOf","value":"null"}]`)), onFallthrough, ""},
		{"null, negated", featBitFlag("f", featBitRules(`[{"property":"keyId","op":"NotOneOf","value":"null"}]`)), matched, ""},
		{"list with null", featBitFlag("f", featBitRules(`[{"property":"keyId","op":"IsOneOf","value":"[null,\"u\"]"}]`)), matched, ""},
		{"list with null, negated", featBitFlag("f", featBitRules(`[{"property":"nothing","op":"NotOneOf","value":"[null]"}]`)), matched, ""},
		{"list of numbers", featBitFlag("f", featBitRules(`[{"property":"keyId","op":"IsOneOf","value":"[1]"}]`)), failed, "not a JSON array of strings"},
		{"number", featBitFlag("f", featBitRules(`[{"property":"keyId","op":"LessThan","value":"x"}]`)), onFallthrough, "not a number"},
		{"operator", featBitFlag("f", featBitRules(`[{"property":"keyId","op":"NoSuchOp","value":"x"}]`)), onFallthrough, "NoSuchOp"},
		{"gap in a rule", featBitFlag("f", gap), failed, ""},
		{"gap in the default rule", rollout(`{"id":"on","rollout":[0,0]}`), failed, ""},
		{"no shares", rollout(``), failed, ""},
		{"is not two numbers", rollout(`{"id":"on"}`), failed, "is not two numbers"},
		{"empty range", rollout(`{"id":"on","rollout":[]}`), failed, "is not two numbers"},
		{"no default rule", strings.Replace(featBitFlag("f", ""), `"fallthrough"`, `"other"`, 1), failed, ""},
		{"unknown variation", rollout(`{"id":"x","rollout":[0,1]}`), failed, "default rule"},
		{"unknown variation of others", rollout(`{"id":"x","rollout":[0,0]},{"id":"on","rollout":[0,1]}`), onFallthrough, "default rule"},
		{"unknown variation of a target", featBitFlag("f", `,"targetUsers":[{"keyIds":["u"],"variationId":"x"}]`), failed, "target 1"},
		{"unknown variation of another target", featBitFlag("f", `,"targetUsers":[{"keyIds":["v"],"variationId":"x"}]`), onFallthrough, "target 1"},
		{"unknown off variation of a flag that is on", strings.Replace(featBitFlag("f", ""), `"disabledVariationId":"off",`, ``, 1), onFallthrough, ""},
		{"unknown off variation", strings.Replace(strings.Replace(featBitFlag("f", ""), `"disabledVariationId":"off"`, `"disabledVariationId":"x"`, 1), `"isEnabled":true`, `"isEnabled":false`, 1), failed, "off variation"},
		{"missing segment", featBitFlag("f", featBitRules("["+inFeatBitSegment("gone")+"]")), failed, ""},
		{"missing segment, negated", featBitFlag("f", featBitRules("["+notInFeatBitSegment("gone")+"]")), failed, ""},
		{"archived segment", featBitFlag("f", featBitRules("["+notInFeatBitSegment("archived")+"]")), failed, ""},
		{"missing segment after one that has the user", featBitFlag("f", featBitRules("["+inFeatBitSegment("all", "gone")+"]")), matched, ""},
		{"missing segment before one that has the user", featBitFlag("f", featBitRules("["+inFeatBitSegment("gone", "all")+"]")), failed, ""},
		{"missing segment, not reached", featBitFlag("f", featBitRules(always, "["+inFeatBitSegment("gone")+"]")), matched, ""},
		{"missing segment in a later rule", featBitFlag("f", featBitRules(never, "["+inFeatBitSegment("gone")+"]", always)), failed, ""},
		{"malformed segment", featBitFlag("f", featBitRules("["+notInFeatBitSegment("bad")+"]")), failed, "included"},
		{"segment with a malformed rule", featBitFlag("f", featBitRules("["+inFeatBitSegment("rule")+"]")), failed, "no list of conditions"},
		{"no segments", featBitFlag("f", featBitRules("["+condition("User is in segment", "", "[]")+"]")), onFallthrough, ""},
		{"not in no segments", featBitFlag("f", featBitRules("["+condition("User is not in segment", "", "[]")+"]")), matched, ""},
		{"segment list", featBitFlag("f", featBitRules(`[{"property":"User is not in segment","op":null,"value":null}]`)), failed, "JSON array"},
		{"segment, whatever the operator", featBitFlag("f", featBitRules("["+condition("User is in segment", "Equal", list("all"))+"]")), matched, ""},
	}
	segment := func(id, more string) string {
		return `{"id":"` + id + `","updatedAt":"2026-01-01T00:00:00Z"` + more + `}`
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, p := featBit(t, []string{test.flag, featBitFlag("good", "")}, []string{
				segment("all", `,"rules":[{"conditions":[]}]`),
				segment("bad", `,"included":null`),
				segment("rule", `,"rules":[{}]`),
				segment("archived", `,"isArchived":true,"included":["u"]`),
			})
			for range 2 {
				if got := answer(s, "f", user("u")); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
			}
			if got := answer(s, "good", user("u")); got != onFallthrough {
				t.Errorf("another flag: got %s", got)
			}
			reported := p.take()
			if len(reported) > 1 || (len(reported) > 0) != (test.report != "") || len(reported) > 0 && !strings.Contains(reported[0].Error(), test.report) {
				t.Errorf("reported %v, want %q", reported, test.report)
			}
		})
	}
}

// TestFeatBitSegments: who is excluded is not in, then who is included is, then
// who matches all conditions of some rule.
func TestFeatBitSegments(t *testing.T) {
	t.Parallel()
	s, p := featBit(t, []string{
		featBitFlag("in", featBitRules("["+inFeatBitSegment("s")+"]")),
		featBitFlag("out", featBitRules("["+notInFeatBitSegment("s")+"]")),
	}, []string{`{"id":"s","updatedAt":"2026-01-01T00:00:00Z","included":["in","both"],"excluded":["both","ruled-out"],
		"rules":[{"conditions":[` + condition("keyId", "StartsWith", "ruled") + `,` + condition("plan", "NotEqual", "free") + `]},
		{"conditions":[` + condition("email", "EndsWith", "@example.com") + `]}]}`})
	for key, want := range map[string]bool{"in": true, "both": false, "ruled-out": false, "ruled": true, "other": false} {
		in, out := onFallthrough, matched
		if want {
			in, out = matched, onFallthrough
		}
		if got := answer(s, "in", user(key)); got != in {
			t.Errorf("%s: in: got %s", key, got)
		}
		if got := answer(s, "out", user(key)); got != out {
			t.Errorf("%s: not in: got %s", key, got)
		}
	}
	if got := answer(s, "in", &eval.User{Key: "other", Email: "a@example.com"}); got != matched {
		t.Errorf("by the second rule: %s", got)
	}
	p.none(t)
}

// TestFeatBitExample is the worked example of FeatBit reference, section 6.5.
func TestFeatBitExample(t *testing.T) {
	t.Parallel()
	flag := func(dispatchKey string) string {
		return `{"key":"checkout-banner","updatedAt":"2026-01-01T00:00:00Z","isEnabled":true,"exptIncludeAllTargets":false,` +
			`"variations":[{"id":"v-on","value":"true"},{"id":"v-off","value":"false"}],` +
			`"fallthrough":{"dispatchKey":` + dispatchKey + `,"includedInExpt":true,"variations":[` +
			`{"id":"v-on","rollout":[0,0.6],"exptRollout":0.3},{"id":"v-off","rollout":[0.6,1],"exptRollout":0.2}]}}`
	}
	u := user("cust-42")
	u.Set("tenant", "acme")
	for dispatchKey, experiment := range map[string]bool{`"tenant"`: true, `null`: false, `" "`: false, `""`: false, `"keyId"`: false} {
		s, _ := featBit(t, []string{flag(dispatchKey)}, nil)
		r, _ := eval.Evaluate(s, s.Flag("checkout-banner"), u, nil)
		if r.Variation == nil || r.Variation.ID != "v-off" || r.Experiment != experiment || r.Reason != eval.ReasonFallthrough {
			t.Errorf("dispatchKey %s: got %+v, %+v", dispatchKey, r.Variation, r)
		}
	}
}

// TestFeatBitExperiments: who counts in experiments.
func TestFeatBitExperiments(t *testing.T) {
	t.Parallel()
	const all, included = `,"exptIncludeAllTargets":true`, `,"includedInExpt":true`
	share := func(expt string) string { return `{"id":"on","rollout":[0,1]` + expt + `}` }
	withRollout := func(more, rollout string) string {
		return strings.Replace(featBitFlag("f", more), featBitRollout("", share("")), rollout, 1)
	}
	tests := []struct {
		name, flag string
		want       bool
	}{
		{"nothing said", featBitFlag("f", ""), false},
		{"everybody", featBitFlag("f", all), true},
		{"everybody, but off", strings.Replace(featBitFlag("f", all), `"isEnabled":true`, `"isEnabled":false`, 1), false},
		{"target", featBitFlag("f", `,"targetUsers":[{"keyIds":["u"],"variationId":"on"}]`), false},
		{"target, everybody", featBitFlag("f", all+`,"targetUsers":[{"keyIds":["u"],"variationId":"on"}]`), true},
		{"included", withRollout("", featBitRollout(included, share(`,"exptRollout":1`))), true},
		{"included, nearly all", withRollout("", featBitRollout(included, share(`,"exptRollout":0.999995`))), true},
		{"included, more than all", withRollout("", featBitRollout(included, share(`,"exptRollout":7`))), true},
		{"included, none", withRollout("", featBitRollout(included, share(`,"exptRollout":0`))), false},
		{"included, less than none", withRollout("", featBitRollout(included, share(`,"exptRollout":-1`))), false},
		{"included, nothing said", withRollout("", featBitRollout(included, share(``))), false},
		{"not included", withRollout("", featBitRollout("", share(`,"exptRollout":1`))), false},
		{"rule, not the default rule", withRollout(featBitRules("[]"), featBitRollout(included, share(`,"exptRollout":1`))), false},
	}
	for _, test := range tests {
		s, _ := featBit(t, []string{test.flag}, nil)
		if r, _ := eval.Evaluate(s, s.Flag("f"), user("u"), nil); r.Variation == nil || r.Experiment != test.want {
			t.Errorf("%s: got %+v", test.name, r)
		}
	}
}

// TestFeatBitTypes: which values are of which type.
func TestFeatBitTypes(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"true": "bool", "TRUE": "bool", "False": "bool", "on": "", "yes": "", "1": "int float", "0": "int float",
		"42": "int float", "-7": "int float", "9007199254740993": "int float", "9223372036854775807": "int float",
		"9223372036854775808": "float", "42.0": "float", "42e0": "float", ".5": "float", "1_000": "", "0x1": "",
		"NaN": "", "Infinity": "", "1e999": "", "": "", "{}": "", "1,000": "",
	} {
		out, _ := json.Marshal(value)
		s, _ := featBit(t, []string{strings.Replace(featBitFlag("f", ""), `"value":"on"`, `"value":`+string(out), 1)}, nil)
		r, _ := eval.Evaluate(s, s.Flag("f"), user("u"), nil)
		var got []string
		for _, kind := range []struct {
			name string
			is   bool
		}{{"bool", r.Variation.IsBool}, {"int", r.Variation.IsInt}, {"float", r.Variation.IsFloat}} {
			if kind.is {
				got = append(got, kind.name)
			}
		}
		if strconv.IntSize == 32 && len(value) > 10 && want == "int float" {
			want = "float" // does not fit
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}

// TestFeatBitStorage: versions count for each item, archived ones too, and a
// full replaces everything even if it has older ones.
func TestFeatBitStorage(t *testing.T) {
	t.Parallel()
	source, d := featBitSource(func(eval.Problem) {})
	s := eval.NewSnapshot(source)
	flag := func(key, value string, second int, more string) string {
		return strings.Replace(strings.Replace(featBitFlag(key, more), `"value":"on"`, `"value":"`+value+`"`, 1), "00:00Z", fmt.Sprintf("00:%02dZ", second), 1)
	}
	const second, start = 1000, 1767225600000
	steps := []struct {
		name, kind string
		flags      []string
		want       map[string]string
		version    int64
	}{
		{"a push before the first full", "patch", []string{flag("a", "pushed", 30, "")}, map[string]string{"a": "pushed"}, start + 30*second},
		{"the first full, computed before it", "full", []string{flag("a", "old", 10, ""), flag("b", "b1", 5, "")}, map[string]string{"a": "pushed", "b": "b1"}, start + 30*second},
		{"each by its own version", "patch", []string{flag("b", "b2", 20, ""), flag("a", "late", 30, ""), flag("c", "c1", 1, "")}, map[string]string{"a": "late", "b": "b2", "c": "c1"}, start + 30*second},
		{"archived", "patch", []string{flag("b", "b3", 40, `,"isArchived":true`)}, map[string]string{"a": "late", "b": "-", "c": "c1"}, start + 40*second},
		{"an older copy does not revive it", "patch", []string{flag("b", "b2", 40, "")}, map[string]string{"b": "-"}, start + 40*second},
		{"a newer one does", "patch", []string{flag("b", "b4", 41, "")}, map[string]string{"b": "b4"}, start + 41*second},
		{"a full with a tombstone", "full", []string{flag("a", "a9", 50, ""), flag("b", "b9", 51, `,"isArchived":true`)}, map[string]string{"a": "a9", "b": "-", "c": "-"}, start + 51*second},
		{"a full of older versions", "full", []string{flag("a", "a2", 20, "")}, map[string]string{"a": "a2", "b": "-"}, start + 20*second},
		{"an empty full", "full", nil, map[string]string{"a": "-", "b": "-"}, 0},
	}
	for _, step := range steps {
		u, skipped, err := d.Update([]byte(`{"messageType":"data-sync","data":{"eventType":"` + step.kind + `","featureFlags":[` + strings.Join(step.flags, ",") + `],"segments":[]}}`))
		if err != nil || len(skipped) > 0 {
			t.Fatal(skipped, err)
		}
		s, _ = s.Apply(u, s.Updates())
		for key, want := range step.want {
			got, _, _ := strings.Cut(answer(s, key, user("u")), ",")
			if got != want {
				t.Errorf("%s: %s is %s, want %s", step.name, key, got, want)
			}
		}
		if s.Version() != step.version {
			t.Errorf("%s: version %d, want %d", step.name, s.Version(), step.version)
		}
	}
}

// TestFeatBitAffected finds the flags that a segment's change may affect,
// whatever the operator of their conditions.
func TestFeatBitAffected(t *testing.T) {
	t.Parallel()
	s, _ := featBit(t, []string{
		featBitFlag("null", featBitRules("["+inFeatBitSegment("s")+"]")),
		featBitFlag("other", featBitRules("["+condition("User is not in segment", "Equal", list("s"))+"]")),
		featBitFlag("no", featBitRules("["+condition("plan", "User is in segment", list("s"))+"]")),
	}, []string{`{"id":"s","updatedAt":"2026-01-01T00:00:00Z"}`})
	if got := fmt.Sprint(s.Affected(store.Change{Segments: []string{"s"}})); got != "[null other]" {
		t.Errorf("got %s", got)
	}
}
