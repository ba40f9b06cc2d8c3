package eval_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

const (
	testSecret      = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ=="
	testEnvironment = "FF__11__22__33"
	testPrefix      = testEnvironment + "__"
)

// classicFlag is a flag on the wire that serves "on"; more are members that
// come beside the usual ones, basics go into its ff.
func classicFlag(key, more, basics string) string {
	return `{"id":"` + testPrefix + key + `","timestamp":1,"ff":{"variationOptionWhenDisabled":{"localId":2,"variationValue":"off"},` +
		`"defaultRulePercentageRollouts":[{"rolloutPercentage":[0,1],"valueOption":{"localId":1,"variationValue":"on"}}]` + basics + `}` + more + `}`
}

// classicRule is the member of a flag that serves "special" to who matches the
// clauses.
func classicRule(clauses string) string {
	return `,"fftuwmtr":[{"ruleJsonContent":[` + clauses + `],"valueOptionsVariationRuleValues":[{"rolloutPercentage":[0,1],"valueOption":{"localId":3,"variationValue":"special"}}]}]`
}

// TestOneBrokenFlag: data that is wrong in one flag costs that flag at most,
// is reported once, and nothing private gets into the report.
func TestOneBrokenFlag(t *testing.T) {
	t.Parallel()
	// In every case the flag's private parts hold this word.
	const private = "s3cret"
	tests := []struct {
		name   string
		flag   string
		want   string
		report string // in the report; "" if there is none
	}{
		{name: "fine", flag: classicFlag("bad", "", ""), want: onFallthrough},
		{name: "no JSON", flag: `{"id":"` + testPrefix + `bad","x":"` + private + `","ff":{]}`, want: failed, report: "is not JSON"},
		{name: "basics that are empty", flag: `{"id":"` + testPrefix + `bad","x":"` + private + `","ff":{}}`, want: failed, report: "has a bad ff.variationOptionWhenDisabled"},
		{
			name: "number as value",
			flag: classicFlag("bad", `,"targetIndividuals":[{"individuals":[{"keyId":"`+private+`"}],"valueOption":{"localId":1,"variationValue":1}}]`, ""),
			want: failed, report: "has a bad targetIndividuals.valueOption.variationValue",
		},
		{
			name: "object as user key",
			flag: classicFlag("bad", `,"targetIndividuals":[{"individuals":[{"keyId":{"`+private+`":1}}],"valueOption":{"localId":1,"variationValue":"x"}}]`, ""),
			want: failed, report: "has a bad targetIndividuals.individuals.keyId",
		},
		{
			name: "pattern",
			flag: classicFlag("bad", classicRule(`{"property":"key","operation":"MatchRegex","value":"`+private+`("}`), ""),
			want: onFallthrough, report: "rule 1: clause 1",
		},
		{
			name: "negated pattern",
			flag: classicFlag("bad", classicRule(`{"property":"key","operation":"NotMatchRegex","value":"(?=`+private+`"}`), ""),
			want: onFallthrough, report: "regular expression",
		},
		{
			name: "pattern that repeats too much",
			flag: classicFlag("bad", classicRule(`{"property":"key","operation":"MatchRegex","value":"(`+private+`){9999999999}"}`), ""),
			want: onFallthrough, report: "regular expression",
		},
		{
			name: "number",
			flag: classicFlag("bad", classicRule(`{"property":"age","operation":"BiggerThan","value":"`+private+`"}`), ""),
			want: onFallthrough, report: "not a number",
		},
		{
			name: "list",
			flag: classicFlag("bad", classicRule(`{"property":"key","operation":"IsOneOf","value":"[`+private+`]"}`), ""),
			want: onFallthrough, report: "not a JSON array",
		},
		{
			name: "list of the negated operator",
			flag: classicFlag("bad", classicRule(`{"property":"key","operation":"NotOneOf","value":"`+private+`"}`), ""),
			want: matched, report: "not a JSON array",
		},
		{
			name: "unknown operator",
			flag: classicFlag("bad", classicRule(`{"property":"key","operation":"Resembles","value":"`+private+`"}`), ""),
			want: onFallthrough, report: `"Resembles"`,
		},
		{
			name: "range",
			flag: `{"id":"` + testPrefix + `bad","ff":{"name":"` + private + `","variationOptionWhenDisabled":{"localId":2,"variationValue":"off"},` +
				`"defaultRulePercentageRollouts":[{"rolloutPercentage":[],"valueOption":{"localId":1,"variationValue":"on"}}]}}`,
			want: "off, fall through all rules", report: "is not two numbers",
		},
		{
			name: "several problems",
			flag: classicFlag("bad", classicRule(`{"property":"key","operation":"MatchRegex","value":"`+private+`("},{"property":"key","operation":"IsOneOf","value":"`+private+`"}`), ""),
			want: onFallthrough, report: "clause 2",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &problems{}
			message := `{"eventType":"full","featureFlags":[` + classicFlag("good1", "", "") + "," + test.flag + "," + classicFlag("good2", `,"ffp":[{"prerequisiteFeatureFlagId":"`+testPrefix+`good1","valueOptionsVariationValue":{"localId":1}}]`, "") + `]}`
			s := classicSnapshot(t, testSecret, []byte(message), p.report)
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					u := user(private + fmt.Sprint("-user-", i))
					u.Set("age", private)
					if got := answer(s, "bad", u); got != test.want {
						t.Errorf("got %s, want %s", got, test.want)
					}
					for _, key := range []string{"good1", "good2"} {
						if got := answer(s, key, u); got != onFallthrough {
							t.Errorf("%s: got %s", key, got)
						}
					}
				})
			}
			wg.Wait()
			reported := p.take()
			if test.report == "" {
				if len(reported) > 0 {
					t.Errorf("reported %v", reported)
				}
				return
			}
			if len(reported) != 1 {
				t.Fatalf("reported %d times: %v", len(reported), reported)
			}
			text := reported[0].Error()
			if reported[0].Segment || reported[0].Key != "bad" || !strings.HasPrefix(text, `flag "bad": `) || !strings.Contains(text, test.report) {
				t.Errorf("reported %q, expected %q in it", text, test.report)
			}
			if strings.Contains(text, private) {
				t.Errorf("the report gives private data away: %s", text)
			}
		})
	}
}

// TestOneBrokenSegment is the same for segments.
func TestOneBrokenSegment(t *testing.T) {
	t.Parallel()
	const private = "s3cret"
	tests := []struct {
		name    string
		segment string
		want    string // of a flag for users in the segment
		report  string
	}{
		{name: "fine", segment: `{"id":"s","included":["u"]}`, want: matched},
		{name: "null arrays", segment: `{"id":"s","included":null,"excluded":null,"rules":null}`, want: onFallthrough},
		{name: "string as list", segment: `{"id":"s","included":"` + private + `"}`, want: failed, report: "has a bad included"},
		{name: "object in list", segment: `{"id":"s","included":["u"],"excluded":[{"` + private + `":1}]}`, want: failed, report: "has a bad excluded"},
		{name: "no JSON", segment: `{"id":"s","included":["u","` + private + `",]}`, want: failed, report: "is not JSON"},
		{
			name:    "pattern",
			segment: `{"id":"s","rules":[{"ruleJsonContent":[{"property":"key","operation":"NotMatchRegex","value":"` + private + `["}]}]}`,
			want:    onFallthrough, report: "rule 1: clause 1",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := &problems{}
			message := `{"eventType":"full","featureFlags":[` + classicFlag("f", classicRule(`{"property":"User is in segment","operation":null,"value":"[\"s\"]"}`), "") +
				"," + classicFlag("other", "", "") + `],"segments":[` + test.segment + `,{"id":"r","included":["u"]}]}`
			s := classicSnapshot(t, testSecret, []byte(message), p.report)
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					if got := answer(s, "f", user("u")); got != test.want {
						t.Errorf("got %s, want %s", got, test.want)
					}
					if got := answer(s, "other", user("u")); got != onFallthrough {
						t.Errorf("other: got %s", got)
					}
				})
			}
			wg.Wait()
			reported := p.take()
			if test.report == "" {
				if len(reported) > 0 {
					t.Errorf("reported %v", reported)
				}
				return
			}
			if len(reported) != 1 {
				t.Fatalf("reported %d times: %v", len(reported), reported)
			}
			text := reported[0].Error()
			if !reported[0].Segment || reported[0].Key != "s" || !strings.HasPrefix(text, `segment "s": `) || !strings.Contains(text, test.report) {
				t.Errorf("reported %q, expected %q in it", text, test.report)
			}
			if strings.Contains(text, private) {
				t.Errorf("the report gives private data away: %s", text)
			}
		})
	}
}

// TestBrokenHeader: a flag or segment of which no more can be told than who it
// is, is there, but gives no answers. It has been reported by the decoder.
func TestBrokenHeader(t *testing.T) {
	t.Parallel()
	const inS = `{"property":"User is in segment","operation":null,"value":"[\"s\"]"}`
	codec := classic.Protocol().CodecOf(testEnvironment)
	update, skipped, err := codec.Update([]byte(`{"eventType":"full","featureFlags":[` +
		strings.Replace(classicFlag("bad", "", ""), `"timestamp":1`, `"timestamp":"1"`, 1) + "," +
		classicFlag("fine", "", "") + "," +
		classicFlag("inBad", classicRule(inS), "") + "," +
		classicFlag("needsBad", `,"ffp":[{"prerequisiteFeatureFlagId":"`+testPrefix+`bad","valueOptionsVariationValue":{"localId":1}}]`, "") +
		`],"segments":[{"id":"s","timestamp":"1","included":["u"]}]}`))
	if err != nil || len(skipped) != 2 {
		t.Fatal(skipped, err)
	}
	p := &problems{}
	s, _ := eval.NewSnapshot(codec.Source(p.report)).Apply(update, 0)
	for key, want := range map[string]string{"bad": failed, "needsBad": failed, "inBad": failed, "fine": onFallthrough} {
		if got := answer(s, key, user("u")); got != want || !s.Has(key) {
			t.Errorf("%s: got %s, want %s", key, got, want)
		}
	}
	p.none(t)
}

// TestPatchIsReportedAtOnce: what a patch brings is compiled when it is
// applied, so its problems need no evaluation.
func TestPatchIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	source, p := newSource()
	s, _ := eval.NewSnapshot(source).Apply(&store.Update{Full: true, Flags: []store.Item{malformed("a", 1), item("b", 1, newFlag())}}, 0)
	if list := p.take(); len(list) != 0 {
		t.Errorf("a full has reported %v", list)
	}
	s, _ = s.Apply(&store.Update{
		Flags:    []store.Item{malformed("b", 2), item("c", 2, newFlag()), archived("d", 2)},
		Segments: []store.Item{malformed("s", 2), archived("r", 2)},
	}, 0)
	var got []string
	for _, problem := range p.take() {
		got = append(got, problem.Error())
	}
	if want := []string{`flag "b": is malformed`, `segment "s": is malformed`}; !slices.Equal(got, want) {
		t.Errorf("reported %q, want %q", got, want)
	}
	// A full that does not change them does not report them again.
	s, _ = s.Apply(&store.Update{
		Full:     true,
		Flags:    []store.Item{malformed("b", 2), item("c", 3, newFlag())},
		Segments: []store.Item{malformed("s", 2)},
	}, s.Updates())
	if got := answer(s, "b", user("u")); got != failed {
		t.Errorf("got %s", got)
	}
	_ = eval.FindSegment(s, "s")
	p.none(t)
}

// TestImpossibleModels: a decoder that refers to variations that are not there
// makes a broken flag, not a panic.
func TestImpossibleModels(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		edit func(*model.Flag)
		want string
	}{
		{name: "off", edit: func(f *model.Flag) { f.Off = 3 }, want: "off variation"},
		{name: "negative", edit: func(f *model.Flag) { f.Off = -1 }, want: "off variation"},
		{name: "no variations", edit: func(f *model.Flag) { f.Variations = nil }, want: "off variation"},
		{name: "target", edit: func(f *model.Flag) { f.Targets = []model.Target{{Variation: 0}, {Variation: 3}} }, want: "target 2"},
		{name: "rule", edit: func(f *model.Flag) { f.Rules = []model.Rule{{Rollout: everybody(-1)}} }, want: "rule 1"},
		{name: "fallthrough", edit: func(f *model.Flag) { f.Fallthrough = everybody(3) }, want: "default rule"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s, p := environment(t, map[string]any{"f": newFlag(test.edit), "off": newFlag(test.edit, disabled)})
			for _, key := range []string{"f", "off"} {
				if got := answer(s, key, user("u")); got != failed {
					t.Errorf("%s: got %s", key, got)
				}
				list := p.take()
				if len(list) != 1 || list[0].Key != key || !strings.Contains(list[0].Error(), test.want) {
					t.Errorf("%s: reported %v", key, list)
				}
			}
		})
	}
}
