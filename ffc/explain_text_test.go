package ffc_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestExplanationText holds the text form, in all its parts.
func TestExplanationText(t *testing.T) {
	t.Parallel()
	attr := ffctest.Attr
	gate := ffctest.Flag("gate").Target("false", "locked")
	middle := ffctest.Flag("middle").Prerequisite(gate, "true")
	items := []ffctest.Item{
		gate, middle,
		ffctest.Segment("testers").Exclude("locked").Rule(attr("email").EndsWith("@corp.example")).Rule(attr("plan").Equal("pro")),
		ffctest.Segment("listed").Include("u1"),
		ffctest.Flag("off").Off(),
		ffctest.Flag("checkout").Variations("red", "blue", "green").
			Prerequisite(gate, "true").Target("green", "u9").
			Rule("red", attr("country").IsOneOf("FR", "BE"), attr("age").AtLeast("18")).
			RuleRollout([]float64{25, 50, 25}, ffctest.InSegment("gone", "testers"), attr("beta").IsTrue()).
			Rollout(10, 90, 0),
		ffctest.Flag("diamond").Prerequisite(middle, "true").Prerequisite(gate, "true").Prerequisite(ffctest.Flag("gone"), "true"),
		ffctest.Flag("segments").
			Rule("true", ffctest.InSegment("testers"), ffctest.NotInSegment("testers")).
			Rule("false", ffctest.NotInSegment("testers"), ffctest.NotInSegment("listed")),
		ffctest.Flag("odd, of course").Name("x").Variations("line\n", strings.Repeat("é", 120)).
			Rule("line\n", attr("a b").MatchRegex("("), attr("x").Equal("y")).
			Serve(strings.Repeat("é", 120)),
		ffctest.Flag("self").Prerequisite(ffctest.Flag("self"), "true").NoExperiment(),
		ffctest.Flag("first").Prerequisite(ffctest.Flag("second"), "true"),
		ffctest.Flag("second").Prerequisite(ffctest.Flag("first"), "true"),
	}
	client := offline(t, items...)
	pro := ffc.NewUser("u1", ffc.Country("FR"), ffc.String("plan", "pro"), ffc.Bool("beta", true))
	const gatePassed = `
  prerequisite gate, variation 1: passed
    gate = "true" (fall through all rules)
      targets: the user is not listed
      default rule: everybody -> "true"`
	tests := []struct {
		name, key string
		user      ffc.User
		want      string
	}{
		{"flag off", "off", pro, `off = "false" (flag off)`},
		{"rule", "checkout", pro, `checkout = "blue" (rule match)` + gatePassed + `
  targets: the user is not listed
  rule 1: does not match
    country IsOneOf ["FR","BE"]: yes, the user has "FR"
    age BiggerEqualThan "18": no, the user does not have it
  rule 2: matches
    User is in segment ["gone","testers"]: yes
      segment gone does not have the user (the data has no such segment)
      segment testers has the user (rule)
        rule 1: does not match
          email EndsWith "@corp.example": no, the user does not have it
        rule 2: matches
          plan Equal "pro": yes, the user has "pro"
    beta IsTrue: yes, the user has "true"
    bucket 0.271103 (key "u1") in share 0.25-0.75 -> "blue"`},
		{"target", "checkout", ffc.NewUser("u9"), `checkout = "green" (target match)` + gatePassed + `
  targets: the user is listed`},
		{"default rule", "checkout", ffc.NewUser("u2"), `checkout = "red" (fall through all rules)` + gatePassed + `
  targets: the user is not listed
  rule 1: does not match
    country IsOneOf ["FR","BE"]: no, the user does not have it
  rule 2: does not match
    User is in segment ["gone","testers"]: no
      segment gone does not have the user (the data has no such segment)
      segment testers does not have the user (no rule)
        rule 1: does not match
          email EndsWith "@corp.example": no, the user does not have it
        rule 2: does not match
          plan Equal "pro": no, the user does not have it
  default rule: bucket 0.063325 (key "u2") in share 0-0.1 -> "red"`},
		{"prerequisite", "checkout", ffc.NewUser("locked"), `checkout = "green" (prerequisite failed)
  prerequisite gate, variation 1: failed, it serves variation 2
    gate = "false" (target match)
      targets: the user is listed`},
		{"explained once", "diamond", pro, `diamond = "false" (prerequisite failed)
  prerequisite middle, variation 1: passed
    middle = "true" (fall through all rules)
      prerequisite gate, variation 1: passed
        gate = "true" (fall through all rules)
          targets: the user is not listed
          default rule: everybody -> "true"
      targets: the user is not listed
      default rule: everybody -> "true"
  prerequisite gate, variation 1: passed
    gate = "true" (fall through all rules), explained above
  prerequisite gone, variation 1: failed
    gone: no value (flag not found)`},
		{"segments", "segments", pro, `segments = "true" (fall through all rules)
  targets: the user is not listed
  rule 1: does not match
    User is in segment ["testers"]: yes
      segment testers has the user (rule)
        rule 1: does not match
          email EndsWith "@corp.example": no, the user does not have it
        rule 2: matches
          plan Equal "pro": yes, the user has "pro"
    User is not in segment ["testers"]: no
      segment testers has the user (explained above)
  rule 2: does not match
    User is not in segment ["testers"]: no
      segment testers has the user (explained above)
  default rule: everybody -> "true"`},
		{"excluded", "segments", ffc.NewUser("locked"), `segments = "false" (rule match)
  targets: the user is not listed
  rule 1: does not match
    User is in segment ["testers"]: no
      segment testers does not have the user (excluded)
  rule 2: matches
    User is not in segment ["testers"]: yes
      segment testers does not have the user (excluded)
    User is not in segment ["listed"]: yes
      segment listed does not have the user (no rule)
    everybody -> "false"`},
		{"what is odd", "odd, of course", pro, `"odd, of course" = "` + strings.Repeat("é", 100) + `"... (fall through all rules)
  targets: the user is not listed
  rule 1: does not match
    "a b" MatchRegex "(": no, the user does not have it; its regular expression is invalid (missing closing ))
  default rule: everybody -> "` + strings.Repeat("é", 100) + `"...`},
		{"itself", "self", pro, `self = "true" (fall through all rules)
  prerequisite self, variation 1: passed, because it is the flag itself
  targets: the user is not listed
  default rule: everybody -> "true"`},
		{"cycle", "first", pro, `first: no value (error in evaluation)
  ffc: the flag cannot be evaluated: flag "first": its prerequisites form a cycle: first, second, first
  prerequisite second, variation 1: failed
    second: no value (error in evaluation)
      prerequisite first, variation 1: failed
        first: no value (error in evaluation)`},
		{"unknown flag", "gone", pro, `gone: no value (flag not found)`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := explain(t, client, test.key, test.user)
			if got := strings.TrimSuffix(e.String(), "\n  counts in experiments"); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if counts := strings.HasSuffix(e.String(), "counts in experiments"); counts != e.Experiment {
				t.Errorf("counts: %v in\n%s", e.Experiment, e)
			}
		})
	}
	if got := (ffc.Explanation{}).String(); got != "no explanation" {
		t.Errorf("of nothing: %q", got)
	}
}

// gapFlag is a flag on the classic wire whose rollouts leave users out.
const gapFlag = `{"id":"FF__11__22__33__gap","timestamp":1,"ff":{"name":"Gap","variationOptionWhenDisabled":{"localId":2,"variationValue":"off"},` +
	`"defaultRulePercentageRollouts":[{"rolloutPercentage":[0,0.25],"valueOption":{"localId":1,"variationValue":"on"}},{"rolloutPercentage":["?"],"valueOption":{"localId":1,"variationValue":"on"}}]},` +
	`"fftuwmtr":[{"ruleId":"r0"},{"ruleId":"r1","ruleName":"new","ruleJsonContent":[{"property":"key","operation":"NotEqual","value":"x"}],` +
	`"valueOptionsVariationRuleValues":[{"rolloutPercentage":[0.5,1],"valueOption":{"localId":1,"variationValue":"on"}}]}]}`

// TestExplainedGaps: a rollout that leaves the user out hands on to the default
// rule, and that to the off variation.
func TestExplainedGaps(t *testing.T) {
	t.Parallel()
	client := offlineClient(t, ffctest.EnvSecret, []byte(`{"eventType":"full","featureFlags":[`+gapFlag+`],"segments":[]}`))
	e := explain(t, client, "gap", ffc.NewUser("u1"))
	const text = `gap = "off" (fall through all rules)
  targets: the user is not listed
  rule 1: does not match, because it has no clauses
  rule 2 "new": matches
    key NotEqual "x": yes, the user has "u1"
    bucket 0.271103 (key "u1") in no share of 0.5-1 -> "on", so the default rule decides
  default rule: bucket 0.271103 (key "u1") in no share of 0-0.25 -> "on", no range -> "on", so the off variation`
	if got := e.String(); got != text {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
	const form = `{"flagKey":"gap","flagName":"Gap","value":"off","variationId":"2","reason":"fall through all rules","experiment":false,"prerequisites":[],"rules":[` +
		`{"id":"r0","name":"","matched":false,"clauses":[]},` +
		`{"id":"r1","name":"new","matched":true,"clauses":[` +
		`{"attribute":"key","operator":"NotEqual","operand":"x","userValue":"u1","present":true,"matched":true,"segments":[]}],` +
		`"rollout":{"bucket":0.27110387198626995,"bucketBy":"key","userValue":"u1","shares":[{"from":0.5,"to":1,"variationId":"1","value":"on","taken":false}]}}],` +
		`"rollout":{"bucket":0.27110387198626995,"bucketBy":"key","userValue":"u1","shares":[{"from":0,"to":0.25,"variationId":"1","value":"on","taken":false},` +
		`{"from":null,"to":null,"variationId":"1","value":"on","taken":false}]}}`
	if got, err := json.Marshal(e); err != nil || string(got) != form {
		t.Errorf("%v: got\n%s\nwant\n%s", err, got, form)
	}
}

// TestFeatBitExplanationText: what is FeatBit's own.
func TestFeatBitExplanationText(t *testing.T) {
	t.Parallel()
	flag := func(key, rules, shares string) string {
		return `{"key":"` + key + `","name":"` + key + `","updatedAt":"2026-01-01T00:00:00Z","isEnabled":true,"disabledVariationId":"v2",` +
			`"variations":[{"id":"v1","value":"on"},{"id":"v2","value":"off"}],"rules":[` + rules + `],` +
			`"fallthrough":{"dispatchKey":"tenant","variations":[` + shares + `]}}`
	}
	rule := func(conditions string) string {
		return `{"id":"r","name":"Acme","conditions":` + conditions + `,"variations":[{"id":"v1","rollout":[0,1]}]}`
	}
	const half = `{"id":"v1","rollout":[0,0.5]},{"id":"v2","rollout":[0.5,1]}`
	client := offlineClient(t, featBitSecret, []byte(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[`+strings.Join([]string{
		flag("tenants", rule(`[{"property":"email","op":"NotEqual","value":""}]`), half),
		flag("everybody", rule(`[]`), half),
		flag("pattern", rule(`[{"property":"keyId","op":"MatchRegex","value":"("}]`), half),
		flag("nothing", rule(`null`), half),
		flag("segment", rule(`[{"property":"User is not in segment","op":null,"value":"[\"gone\"]"}]`), half),
		flag("gap", "", `{"id":"v1","rollout":[0,0.25]},{"id":"v2"}`),
		flag("unknown", "", `{"id":"v9","rollout":[0,1]}`),
	}, ",")+`],"segments":[]}}`))
	tests := []struct {
		name, key string
		user      ffc.User
		want      string
	}{
		{"by an attribute", "tenants", ffc.NewUser("u1", ffc.String("tenant", "acme inc")), `tenants = "off" (fall through all rules)
  targets: the user is not listed
  rule 1 "Acme": does not match
    email NotEqual "": no, the user does not have it
  default rule: bucket 0.532366 (tenant "acme inc") in share 0.5-1 -> "off"`},
		{"without the attribute", "tenants", ffc.NewUser("u1", ffc.Email("a@example.com")), `tenants = "on" (rule match)
  targets: the user is not listed
  rule 1 "Acme": matches
    email NotEqual "": yes, the user has "a@example.com"
    everybody -> "on"`},
		{"no conditions", "everybody", ffc.NewUser("u1"), `everybody = "on" (rule match)
  targets: the user is not listed
  rule 1 "Acme": matches, because it has no clauses
    everybody -> "on"`},
		{"malformed clause", "pattern", ffc.NewUser("u1"), `pattern: no value (error in evaluation)
  ffc: the flag cannot be evaluated: flag "pattern": rule 1: clause 1 (operator "MatchRegex"): its regular expression is invalid (missing closing ))
  targets: the user is not listed
  rule 1 "Acme": does not match
    keyId MatchRegex "(": no, the user has "u1"; its regular expression is invalid (missing closing ))`},
		{"malformed rule", "nothing", ffc.NewUser("u1"), `nothing: no value (error in evaluation)
  ffc: the flag cannot be evaluated: flag "nothing": rule 1: clause 1 (operator ""): the rule has no list of conditions
  targets: the user is not listed
  rule 1 "Acme": does not match
    a clause: no; the rule has no list of conditions`},
		{"unknown segment", "segment", ffc.NewUser("u1"), `segment: no value (error in evaluation)
  ffc: the flag cannot be evaluated: segment "gone": does not exist in the environment
  targets: the user is not listed
  rule 1 "Acme": does not match
    User is not in segment ["gone"]: no
      segment gone does not have the user (the data has no such segment)`},
		{"gap", "gap", ffc.NewUser("u1"), `gap: no value (error in evaluation)
  ffc: the flag cannot be evaluated: flag "gap": its default rule has no share for the user
  targets: the user is not listed
  default rule: bucket 0.321911 (without tenant) in no share of 0-0.25 -> "on", no range -> "off"`},
		{"unknown variation", "unknown", ffc.NewUser("u1"), `unknown: no value (error in evaluation)
  ffc: the flag cannot be evaluated: flag "unknown": its default rule serves a variation that the flag does not have
  targets: the user is not listed
  default rule: everybody -> no variation`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := explain(t, client, test.key, test.user).String(); got != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
		})
	}
}

// TestExplanationJSON has everything an explanation can have, and nothing.
func TestExplanationJSON(t *testing.T) {
	t.Parallel()
	gate := ffctest.Flag("gate").Off()
	client := offline(t, gate,
		ffctest.Flag("failed").Prerequisite(gate, "true"),
		ffctest.Segment("s").Rule(ffctest.Attr("plan").Equal("pro")),
		ffctest.Flag("ruled").Name("<b>").Rule("true", ffctest.InSegment("s")).NoExperiment())
	user := ffc.NewUser("u", ffc.String("plan", "pro"))
	for want, value := range map[string]any{
		`{"flagKey":"","flagName":"","value":"","variationId":"","reason":"","experiment":false,"prerequisites":[],"rules":[]}`:                                                                   ffc.Explanation{},
		`{"flagKey":"nope","flagName":"","value":"","variationId":"","reason":"flag not found","error":"ffc: the environment has no such flag","experiment":false,"prerequisites":[],"rules":[]}`: client.Explain("nope", user),
		`{"flagKey":"failed","flagName":"failed","value":"false","variationId":"2","reason":"prerequisite failed","experiment":false,"prerequisites":[` +
			`{"variationId":"1","passed":false,"explanation":{"flagKey":"gate","flagName":"gate","value":"false","variationId":"2","reason":"flag off","experiment":false,"prerequisites":[],"rules":[]}}],"rules":[]}`: client.Explain("failed", user),
		`{"flagKey":"ruled","flagName":"\u003cb\u003e","value":"true","variationId":"1","reason":"rule match","experiment":false,"prerequisites":[],"rules":[` +
			`{"id":"r1","name":"rule 1","matched":true,"clauses":[{"attribute":"","operator":"User is in segment","operand":"[\"s\"]","userValue":"","present":false,"matched":true,"segments":[` +
			`{"id":"s","member":true,"by":"rule","rules":[{"id":"","name":"","matched":true,"clauses":[` +
			`{"attribute":"plan","operator":"Equal","operand":"pro","userValue":"pro","present":true,"matched":true,"segments":[]}]}]}]}]}],` +
			`"rollout":{"bucketBy":"key","userValue":"u","shares":[{"from":0,"to":1,"variationId":"1","value":"true","taken":true}]}}`: client.Explain("ruled", user),
	} {
		if got, err := json.Marshal(value); err != nil || string(got) != want {
			t.Errorf("%v: got\n%s\nwant\n%s", err, got, want)
		}
	}
}
