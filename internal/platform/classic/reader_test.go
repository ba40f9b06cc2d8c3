package classic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// everyField is a flag that says everything a flag can say.
const everyField = `{
"_id":"x","environmentId":33,"id":"FF__11__22__33__a","isArchived":false,"timestamp":5,"exptIncludeAllRules":false,
"ff":{"id":"FF__11__22__33__a","name":"A","type":1,"keyName":"a","environmentId":33,"creatorUserId":"u","status":"Enabled",
 "isDefaultRulePercentageRolloutsIncludedInExpt":true,"lastUpdatedTime":"2022-09-08T00:00:00.1234567Z",
 "defaultRulePercentageRollouts":[
  {"exptRollout":0.25,"rolloutPercentage":[0,0.5],"valueOption":{"localId":1,"displayOrder":1,"variationValue":"red"}},
  {"exptRollout":null,"rolloutPercentage":[0.5,1],"valueOption":{"localId":2,"displayOrder":2,"variationValue":"blue"}}],
 "variationOptionWhenDisabled":{"localId":3,"displayOrder":3,"variationValue":"none"}},
"ffp":[{"prerequisiteFeatureFlagId":"FF__11__22__33__b","valueOptionsVariationValue":{"localId":7,"displayOrder":1,"variationValue":"true"}}],
"fftuwmtr":[{"ruleId":"r1","ruleName":"adults","isIncludedInExpt":true,
 "ruleJsonContent":[{"property":"age","operation":"BiggerThan","value":"18"}],
 "valueOptionsVariationRuleValues":[{"exptRollout":1,"rolloutPercentage":[0,1],"valueOption":{"localId":1,"displayOrder":1,"variationValue":"red"}}]}],
"targetIndividuals":[{"individuals":[{"id":"i","name":"Ann","keyId":"ann","email":null}],"valueOption":{"localId":2,"displayOrder":2,"variationValue":"blue"}}],
"variationOptions":[{"localId":9,"displayOrder":9,"variationValue":"unused"}]}`

func TestFlag(t *testing.T) {
	t.Parallel()
	quarter, one := .25, 1.
	want := &model.Flag{
		Name:          "A",
		Enabled:       true,
		Variations:    []model.Variation{{ID: "3", Value: "none"}, {ID: "2", Value: "blue"}, {ID: "1", Value: "red"}},
		Prerequisites: []model.Prerequisite{{FlagKey: "b", VariationID: "7"}},
		Targets:       []model.Target{{Keys: model.Texts("ann"), Variation: 1}},
		Rules: []model.Rule{{
			ID:      "r1",
			Name:    "adults",
			Clauses: []model.Clause{{Property: "age", Operator: "BiggerThan", Value: "18"}},
			Rollout: model.Rollout{Shares: []model.Share{{To: 1, Variation: 2, Experiment: &one}}, Experiment: model.Yes},
		}},
		Fallthrough: model.Rollout{
			Shares:     []model.Share{{To: .5, Variation: 2, Experiment: &quarter}, {From: .5, To: 1, Variation: 1}},
			Experiment: model.Yes,
		},
		ExperimentAll: model.No,
	}
	got, err := reader{testPrefix}.DecodeFlag([]byte(everyField))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v\nwant %+v", got, err, want)
	}
}

// absent is a value for with.
const absent = ""

// with returns a document with the value at a path replaced or taken out.
// Numbers in the path are places in arrays.
func with(t *testing.T, document, path, value string) []byte {
	t.Helper()
	var whole any
	if err := json.Unmarshal([]byte(document), &whole); err != nil {
		t.Fatal(err)
	}
	at := whole
	steps := strings.Split(path, ".")
	for _, step := range steps[:len(steps)-1] {
		switch container := at.(type) {
		case map[string]any:
			at = container[step]
		case []any:
			i, _ := strconv.Atoi(step)
			at = container[i]
		}
	}
	last := steps[len(steps)-1]
	switch container := at.(type) {
	case map[string]any:
		if _, ok := container[last]; !ok {
			t.Fatalf("there is no %s", path)
		}
		delete(container, last)
		if value != absent {
			container[last] = json.RawMessage(value)
		}
	case []any:
		i, _ := strconv.Atoi(last)
		container[i] = json.RawMessage(value)
	}
	out, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestFlagFields goes through the tables of protocol reference, section 3.3:
// what a field means when it is absent or null, and that a value of the wrong
// type makes the flag an error that names the field.
func TestFlagFields(t *testing.T) {
	t.Parallel()
	const broken = "broken"
	tests := []struct {
		field string
		pick  func(*model.Flag) any
		// unset is what pick gives when the field is absent or null.
		unset any
		// wrong are values of the wrong type.
		wrong []string
		// ignored: the field may be anything at all.
		ignored bool
	}{
		{field: "_id", ignored: true},
		{field: "environmentId", ignored: true},
		{field: "id", ignored: true}, // storing it needs it, evaluating does not
		{field: "timestamp", ignored: true},
		{field: "isArchived", ignored: true},
		{field: "variationOptions", ignored: true},
		{field: "ff.id", ignored: true},
		{field: "ff.type", ignored: true},
		{field: "ff.keyName", ignored: true},
		{field: "ff.environmentId", ignored: true},
		{field: "ff.creatorUserId", ignored: true},
		{field: "ff.lastUpdatedTime", ignored: true},
		{field: "ff.variationOptionWhenDisabled.displayOrder", ignored: true},
		{field: "targetIndividuals.0.individuals.0.id", ignored: true},
		{field: "targetIndividuals.0.individuals.0.name", ignored: true},
		{field: "targetIndividuals.0.individuals.0.email", ignored: true},
		{field: "ffp.0.valueOptionsVariationValue.variationValue", ignored: true}, // only the id is compared

		{field: "exptIncludeAllRules", pick: func(f *model.Flag) any { return f.ExperimentAll }, unset: model.Unset, wrong: []string{`"true"`, `1`, `[]`}},
		{field: "ff", unset: broken, wrong: []string{`"x"`, `[]`, `1`}},
		{field: "ff.name", pick: func(f *model.Flag) any { return f.Name }, unset: "", wrong: []string{`1`, `{}`}},
		{field: "ff.status", pick: func(f *model.Flag) any { return f.Enabled }, unset: true, wrong: []string{`false`, `0`}},
		{
			field: "ff.isDefaultRulePercentageRolloutsIncludedInExpt",
			pick:  func(f *model.Flag) any { return f.Fallthrough.Experiment }, unset: model.Unset, wrong: []string{`"false"`, `0`},
		},
		{
			field: "ff.defaultRulePercentageRollouts",
			pick:  func(f *model.Flag) any { return len(f.Fallthrough.Shares) }, unset: 0, wrong: []string{`{}`, `"[]"`, `[1]`, `[null]`, `[[]]`},
		},
		{field: "ff.variationOptionWhenDisabled", unset: broken, wrong: []string{`[]`, `1`, `"none"`}},
		{field: "ff.variationOptionWhenDisabled.localId", unset: broken, wrong: []string{`"3"`, `1.5`, `true`, `1e30`}},
		{field: "ff.variationOptionWhenDisabled.variationValue", unset: broken, wrong: []string{`true`, `3`, `{}`}},
		{
			field: "ff.defaultRulePercentageRollouts.0.exptRollout",
			pick:  func(f *model.Flag) any { return f.Fallthrough.Shares[0].Experiment == nil }, unset: true, wrong: []string{`"1"`, `[]`},
		},
		{
			field: "ff.defaultRulePercentageRollouts.0.rolloutPercentage",
			pick:  func(f *model.Flag) any { return [2]float64{f.Fallthrough.Shares[0].From, f.Fallthrough.Shares[0].To} }, unset: [2]float64{0, 1},
		},
		{field: "ff.defaultRulePercentageRollouts.0.valueOption", unset: broken, wrong: []string{`[]`, `"red"`}},
		{field: "ffp", pick: func(f *model.Flag) any { return len(f.Prerequisites) }, unset: 0, wrong: []string{`{}`, `1`, `["b"]`, `[null]`}},
		{field: "ffp.0.prerequisiteFeatureFlagId", unset: broken, wrong: []string{`1`, `{}`}},
		{field: "ffp.0.valueOptionsVariationValue", unset: broken, wrong: []string{`1`, `[]`}},
		{field: "ffp.0.valueOptionsVariationValue.localId", unset: broken, wrong: []string{`"7"`, `{}`}},
		{field: "fftuwmtr", pick: func(f *model.Flag) any { return len(f.Rules) }, unset: 0, wrong: []string{`{}`, `1`, `[1]`, `[null]`}},
		{field: "fftuwmtr.0.ruleId", pick: func(f *model.Flag) any { return f.Rules[0].ID }, unset: "", wrong: []string{`1`}},
		{field: "fftuwmtr.0.ruleName", pick: func(f *model.Flag) any { return f.Rules[0].Name }, unset: "", wrong: []string{`1`}},
		{field: "fftuwmtr.0.isIncludedInExpt", pick: func(f *model.Flag) any { return f.Rules[0].Rollout.Experiment }, unset: model.Unset, wrong: []string{`"true"`}},
		{field: "fftuwmtr.0.ruleJsonContent", pick: func(f *model.Flag) any { return len(f.Rules[0].Clauses) }, unset: 0, wrong: []string{`"[]"`, `{}`, `[[]]`}},
		{field: "fftuwmtr.0.ruleJsonContent.0.property", pick: func(f *model.Flag) any { return f.Rules[0].Clauses[0].Property }, unset: "", wrong: []string{`1`}},
		{field: "fftuwmtr.0.ruleJsonContent.0.operation", pick: func(f *model.Flag) any { return f.Rules[0].Clauses[0].Operator }, unset: "", wrong: []string{`{}`}},
		{field: "fftuwmtr.0.ruleJsonContent.0.value", pick: func(f *model.Flag) any { return f.Rules[0].Clauses[0].Value }, unset: "", wrong: []string{`18`, `["a"]`}},
		{
			field: "fftuwmtr.0.valueOptionsVariationRuleValues",
			pick:  func(f *model.Flag) any { return len(f.Rules[0].Rollout.Shares) }, unset: 0, wrong: []string{`{}`, `[0]`},
		},
		{field: "targetIndividuals", pick: func(f *model.Flag) any { return len(f.Targets) }, unset: 0, wrong: []string{`{}`, `["ann"]`}},
		{field: "targetIndividuals.0.individuals", pick: func(f *model.Flag) any { return f.Targets[0].Keys.Len() }, unset: 0, wrong: []string{`{}`, `["ann"]`}},
		{field: "targetIndividuals.0.individuals.0.keyId", pick: func(f *model.Flag) any { return f.Targets[0].Keys.Len() }, unset: 0, wrong: []string{`1`}},
		{field: "targetIndividuals.0.valueOption", unset: broken, wrong: []string{`1`, `[]`}},
	}
	classic := reader{testPrefix}
	for _, test := range tests {
		t.Run(test.field, func(t *testing.T) {
			t.Parallel()
			name := test.field[strings.LastIndexByte(test.field, '.')+1:]
			if test.ignored {
				for _, value := range []string{absent, `null`, `"x"`, `1.5`, `[1]`, `{"a":1}`, `true`} {
					if _, err := classic.DecodeFlag(with(t, everyField, test.field, value)); err != nil {
						t.Errorf("%q: %v", value, err)
					}
				}
				return
			}
			for _, value := range []string{absent, `null`} {
				f, err := classic.DecodeFlag(with(t, everyField, test.field, value))
				if test.unset == broken {
					checkBadField(t, err, name)
				} else if err != nil {
					t.Errorf("%q: %v", value, err)
				} else if got := test.pick(f); got != test.unset {
					t.Errorf("%q: got %v, want %v", value, got, test.unset)
				}
			}
			for _, value := range test.wrong {
				f, err := classic.DecodeFlag(with(t, everyField, test.field, value))
				if f != nil {
					t.Errorf("%s: got %+v", value, f)
				}
				checkBadField(t, err, name)
			}
		})
	}
}

func checkBadField(t *testing.T, err error, name string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "has a bad ") || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(name)) {
		t.Errorf("error %v, expected one about %s", err, name)
	}
}

func TestFlagStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]bool{"Enabled": true, "Disabled": false, "disabled": true, " Disabled": true, "": true, "Off": true} {
		f, err := reader{testPrefix}.DecodeFlag(with(t, everyField, "ff.status", strconv.Quote(status)))
		if err != nil || f.Enabled != want {
			t.Errorf("status %q: got %+v, %v; want on: %v", status, f, err, want)
		}
	}
}

func TestFlagRanges(t *testing.T) {
	t.Parallel()
	nan := math.NaN()
	tests := []struct {
		name     string
		value    string
		from, to float64
	}{
		{name: "two numbers", value: `[0.25,0.75]`, from: .25, to: .75},
		{name: "whole numbers", value: `[0,1]`, to: 1},
		{name: "exponents", value: `[2.5e-1,75E-2]`, from: .25, to: .75},
		{name: "three numbers", value: `[0.1,0.2,0.3]`, from: .1, to: .2},
		{name: "beyond the ends", value: `[-1,2]`, from: -1, to: 2},
		{name: "turned", value: `[0.9,0.1]`, from: .9, to: .1},
		{name: "empty", value: `[]`, from: nan, to: nan},
		{name: "one number", value: `[0]`, from: nan, to: nan},
		{name: "null in it", value: `[0,null]`, from: nan, to: nan},
		{name: "strings", value: `["0","1"]`, from: nan, to: nan},
		{name: "object", value: `{"from":0,"to":1}`, from: nan, to: nan},
		{name: "number", value: `1`, from: nan, to: nan},
		{name: "string", value: `"[0,1]"`, from: nan, to: nan},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, err := reader{testPrefix}.DecodeFlag(with(t, everyField, "ff.defaultRulePercentageRollouts.0.rolloutPercentage", test.value))
			if err != nil {
				t.Fatal(err)
			}
			// As text, NaN equals NaN.
			s := f.Fallthrough.Shares[0]
			if got, want := fmt.Sprint(s.From, s.To), fmt.Sprint(test.from, test.to); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestPrerequisiteSpellings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		entry   string
		want    model.Prerequisite
		wantErr bool
	}{
		{name: "camel case", entry: `"prerequisiteFeatureFlagId":"FF__11__22__33__b","valueOptionsVariationValue":{"localId":1}`, want: model.Prerequisite{FlagKey: "b", VariationID: "1"}},
		{name: "Pascal case", entry: `"prerequisiteFeatureFlagId":"FF__11__22__33__b","ValueOptionsVariationValue":{"localId":1}`, want: model.Prerequisite{FlagKey: "b", VariationID: "1"}},
		{name: "camel case null", entry: `"prerequisiteFeatureFlagId":"FF__11__22__33__b","valueOptionsVariationValue":null,"ValueOptionsVariationValue":{"localId":1}`, want: model.Prerequisite{FlagKey: "b", VariationID: "1"}},
		{name: "Pascal case null", entry: `"prerequisiteFeatureFlagId":"FF__11__22__33__b","ValueOptionsVariationValue":null,"valueOptionsVariationValue":{"localId":1}`, want: model.Prerequisite{FlagKey: "b", VariationID: "1"}},
		{name: "key with separator", entry: `"prerequisiteFeatureFlagId":"FF__11__22__33__b__c","valueOptionsVariationValue":{"localId":1}`, want: model.Prerequisite{FlagKey: "b__c", VariationID: "1"}},
		{name: "another environment", entry: `"prerequisiteFeatureFlagId":"FF__1__2__3__b","valueOptionsVariationValue":{"localId":1}`, want: model.Prerequisite{FlagKey: "FF__1__2__3__b", VariationID: "1"}},
		{name: "few parts", entry: `"prerequisiteFeatureFlagId":"b","valueOptionsVariationValue":{"localId":1}`, want: model.Prerequisite{FlagKey: "b", VariationID: "1"}},
		{name: "neither", entry: `"prerequisiteFeatureFlagId":"FF__11__22__33__b"`, wantErr: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, err := reader{testPrefix}.DecodeFlag(with(t, everyField, "ffp.0", "{"+test.entry+"}"))
			if test.wantErr {
				checkBadField(t, err, "valueOptionsVariationValue")
				return
			}
			if err != nil || len(f.Prerequisites) != 1 || f.Prerequisites[0] != test.want {
				t.Errorf("got %+v, %v", f, err)
			}
		})
	}
}

// TestPrerequisitesOfAnyEnvironment: without a secret, the id itself says what
// its key is.
func TestPrerequisitesOfAnyEnvironment(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{"FF__1__2__3__b": "b", "FF__1__2__3__b__c": "b__c", "b": "b"} {
		f, err := reader{}.DecodeFlag(with(t, everyField, "ffp.0.prerequisiteFeatureFlagId", strconv.Quote(id)))
		if err != nil || f.Prerequisites[0].FlagKey != want {
			t.Errorf("%s: got %+v, %v; want %q", id, f, err, want)
		}
	}
}

// TestVariationIDs are decimal.
func TestVariationIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"0", "12", "-3", "123456789012"} {
		f, err := reader{testPrefix}.DecodeFlag(with(t, everyField, "ff.variationOptionWhenDisabled.localId", id))
		if err != nil || f.Variations[f.Off].ID != id {
			t.Errorf("%s: got %+v, %v", id, f, err)
		}
		f, err = reader{testPrefix}.DecodeFlag(with(t, everyField, "ffp.0.valueOptionsVariationValue.localId", id))
		if err != nil || f.Prerequisites[0].VariationID != id {
			t.Errorf("prerequisite %s: got %+v, %v", id, f, err)
		}
	}
}

// TestVariationsOfUses: each use of a variation counts as it stands, so two
// values under one id stay two.
func TestVariationsOfUses(t *testing.T) {
	t.Parallel()
	f, err := reader{testPrefix}.DecodeFlag(with(t, everyField, "targetIndividuals.0.valueOption", `{"localId":1,"variationValue":"crimson"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Variations[f.Targets[0].Variation]; got != (model.Variation{ID: "1", Value: "crimson"}) {
		t.Errorf("the target serves %+v", got)
	}
	if got := f.Variations[f.Fallthrough.Shares[0].Variation]; got != (model.Variation{ID: "1", Value: "red"}) {
		t.Errorf("the default rule serves %+v", got)
	}
}

func TestFlagThatIsNoObject(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{``, `null`, `1`, `"private"`, `[]`, `{`, `{"private":}`, `{} private`} {
		f, err := reader{}.DecodeFlag([]byte(raw))
		if f != nil || err == nil || strings.Contains(err.Error(), "private") {
			t.Errorf("%q: got %+v, %v", raw, f, err)
		}
		s, err := reader{}.DecodeSegment([]byte(raw))
		if s != nil || err == nil || strings.Contains(err.Error(), "private") {
			t.Errorf("%q: got %+v, %v", raw, s, err)
		}
	}
}

// TestDecodedDataIsOfItsOwn: nothing that is decoded changes when the input or
// a reused parser does.
func TestDecodedDataIsOfItsOwn(t *testing.T) {
	t.Parallel()
	classic := reader{testPrefix}
	input := []byte(everyField)
	first, err := classic.DecodeFlag(input)
	if err != nil {
		t.Fatal(err)
	}
	clear(input)
	other := strings.NewReplacer("red", "RED", "blue", "BLUE", "ann", "ANN", "age", "AGE", "b\"", "B\"").Replace(everyField)
	for range 10 {
		if _, err := classic.DecodeFlag([]byte(other)); err != nil {
			t.Fatal(err)
		}
	}
	again, err := classic.DecodeFlag([]byte(everyField))
	if err != nil || !reflect.DeepEqual(first, again) {
		t.Errorf("got %+v, then %+v, %v", first, again, err)
	}
}

const everySegmentField = `{"id":"s","isArchived":false,"timestamp":1,"included":["a"],"excluded":["b"],
"rules":[{"ruleId":"r","ruleName":"n","ruleJsonContent":[{"property":"Email","operation":"EndsWith","value":"@example.com"}]}]}`

func TestSegment(t *testing.T) {
	t.Parallel()
	want := &model.Segment{
		Included: model.Texts("a"),
		Excluded: model.Texts("b"),
		Rules:    []model.SegmentRule{{Clauses: []model.Clause{{Property: "Email", Operator: "EndsWith", Value: "@example.com"}}}},
	}
	got, err := reader{}.DecodeSegment([]byte(everySegmentField))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSegmentFields(t *testing.T) {
	t.Parallel()
	tests := []struct {
		field string
		pick  func(*model.Segment) any
		unset any
		wrong []string
	}{
		{field: "included", pick: func(s *model.Segment) any { return s.Included.Len() }, unset: 0, wrong: []string{`"a"`, `{}`, `[1]`, `[null]`, `[["a"]]`}},
		{field: "excluded", pick: func(s *model.Segment) any { return s.Excluded.Len() }, unset: 0, wrong: []string{`"a"`, `{}`, `["a",1]`}},
		{field: "rules", pick: func(s *model.Segment) any { return len(s.Rules) }, unset: 0, wrong: []string{`{}`, `[1]`, `[null]`}},
		{field: "rules.0.ruleId", pick: func(*model.Segment) any { return nil }},
		{field: "rules.0.ruleName", pick: func(*model.Segment) any { return nil }},
		{field: "rules.0.ruleJsonContent", pick: func(s *model.Segment) any { return len(s.Rules[0].Clauses) }, unset: 0, wrong: []string{`{}`, `[""]`}},
		{field: "rules.0.ruleJsonContent.0.value", pick: func(s *model.Segment) any { return s.Rules[0].Clauses[0].Value }, unset: "", wrong: []string{`[]`}},
		{field: "timestamp", pick: func(*model.Segment) any { return nil }},
		{field: "isArchived", pick: func(*model.Segment) any { return nil }},
	}
	for _, test := range tests {
		t.Run(test.field, func(t *testing.T) {
			t.Parallel()
			for _, value := range []string{absent, `null`} {
				s, err := reader{}.DecodeSegment(with(t, everySegmentField, test.field, value))
				if err != nil {
					t.Errorf("%q: %v", value, err)
				} else if got := test.pick(s); got != test.unset {
					t.Errorf("%q: got %v, want %v", value, got, test.unset)
				}
			}
			for _, value := range test.wrong {
				s, err := reader{}.DecodeSegment(with(t, everySegmentField, test.field, value))
				if s != nil {
					t.Errorf("%s: got %+v", value, s)
				}
				checkBadField(t, err, test.field[strings.LastIndexByte(test.field, '.')+1:])
			}
		})
	}
}

// TestLargeElements: an element of many MB, for which no parser is kept, reads
// like any other.
func TestLargeElements(t *testing.T) {
	t.Parallel()
	var keys bytes.Buffer
	const count = 200_000
	for i := range count {
		if i > 0 {
			keys.WriteByte(',')
		}
		fmt.Fprintf(&keys, `"user-%d"`, i)
	}
	raw := with(t, everySegmentField, "included", "["+keys.String()+"]")
	s, err := reader{}.DecodeSegment(raw)
	if err != nil || s.Included.Len() != count || s.Included.At(count-1) != fmt.Sprintf("user-%d", count-1) {
		t.Errorf("got %d users, %v", s.Included.Len(), err)
	}
}

// TestManyVariations: each share gets its own variation, and equal variations are
// one, be they few or many.
func TestManyVariations(t *testing.T) {
	t.Parallel()
	for _, distinct := range []int{1, 16, 17, 1024, 1025, 4000} {
		var shares strings.Builder
		for i := range 2 * distinct {
			fmt.Fprintf(&shares, `,{"valueOption":{"localId":%d,"variationValue":"v%d"}}`, i%distinct, i%distinct)
		}
		f, err := reader{}.DecodeFlag([]byte(`{"ff":{"variationOptionWhenDisabled":{"localId":0,"variationValue":"v0"}},"fftuwmtr":[{"valueOptionsVariationRuleValues":[` +
			shares.String()[1:] + `]}]}`))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Variations) != distinct {
			t.Fatalf("got %d variations, want %d", len(f.Variations), distinct)
		}
		for i, s := range f.Rules[0].Rollout.Shares {
			if got, want := f.Variations[s.Variation].ID, strconv.Itoa(i%distinct); got != want {
				t.Fatalf("of %d, share %d serves %s, want %s", distinct, i, got, want)
			}
		}
	}
}

// BenchmarkDecodeFlag decodes a flag that has everything, as its first
// evaluation does.
func BenchmarkDecodeFlag(b *testing.B) {
	raw := []byte(everyField)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := (reader{testPrefix}).DecodeFlag(raw); err != nil {
			b.Fatal(err)
		}
	}
}
