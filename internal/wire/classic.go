package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Classic reads the data of featureflag.co (protocol reference, section 3.3).
type Classic struct {
	// Prefix starts the ids of all flags of the environment. When it is empty
	// the flags of any one environment are taken.
	Prefix string
}

// What is wrong with a flag whose id cannot be used.
var (
	errForeign = errors.New("is a flag of another environment than the secret's")
	errNoKey   = errors.New("has no key in its id")
)

// Update takes a message apart. The items point into the message, which must
// not change any more.
func (c Classic) Update(message []byte) (*eval.Update, []Skipped, error) {
	p, err := split(message)
	if err != nil {
		return nil, nil, fmt.Errorf("the message %w", err)
	}
	var u eval.Update
	var skipped []Skipped
	if u.Full, err = p.full(); err == nil {
		u.Flags, err = items("featureFlags", p.flags, c.flagHeader, &skipped)
	}
	if err == nil {
		u.Segments, err = items("segments", p.segments, classicHeader, &skipped)
	}
	if err == nil {
		u.Tags, err = items("userTags", p.userTags, classicHeader, &skipped)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the message %w", err)
	}
	// The polling route does not speak of segments, nor did early servers.
	// One that says null has none.
	u.NoSegments = p.segments == nil
	return &u, skipped, nil
}

// flagHeader turns the flag's id into its key.
func (c Classic) flagHeader(element []byte) (eval.Item, error) {
	item, err := classicHeader(element)
	if err != nil {
		return item, err
	}
	key, ok := c.flagKey(item.Key)
	if !ok {
		return item, errForeign
	}
	if eval.Blank(key) { // no flag can be asked for by such a key
		return item, errNoKey
	}
	item.Key = key
	return item, nil
}

// flagKey takes FF__<account>__<project>__<environment>__ off a flag id.
func (c Classic) flagKey(id string) (key string, ok bool) {
	if c.Prefix != "" {
		return strings.CutPrefix(id, c.Prefix)
	}
	parts := strings.SplitN(id, "__", 5)
	if len(parts) < 5 {
		return "", false
	}
	return parts[4], true
}

// classicHeader reads what flags, segments and user tags have in common.
func classicHeader(element []byte) (item eval.Item, err error) {
	_, err = eachMember(element, 0, func(name, value []byte) (err error) {
		switch string(name) {
		case "id":
			item.Key, err = headerString(value)
		case "timestamp":
			item.Version, err = headerInt(value)
		case "isArchived":
			item.Archived, err = headerBool(value)
		}
		if err != nil {
			err = fmt.Errorf("has a bad %s: %w", name, err)
		}
		return err
	})
	if err == nil && item.Key == "" {
		err = errors.New("has no id")
	}
	return item, err
}

func headerString(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", errors.New("expected a string")
	}
	text := string(value[1 : len(value)-1])
	if strings.IndexByte(text, '\\') < 0 {
		return text, nil
	}
	v, err := fastjson.ParseBytes(value)
	if err != nil {
		return "", errors.New("expected a string")
	}
	return string(v.GetStringBytes()), nil
}

func headerInt(value []byte) (int64, error) {
	if isNull(value) {
		return 0, nil
	}
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(value), 64) // 1.6625952e12 is a way to write it
	if err != nil || !(f >= -1<<62 && f <= 1<<62) { // also refuses NaN
		return 0, errors.New("expected a number")
	}
	return int64(f), nil
}

func headerBool(value []byte) (bool, error) {
	switch string(value) {
	case "true":
		return true, nil
	case "false", "null":
		return false, nil
	}
	return false, errors.New("expected true or false")
}

// Flag decodes one flag.
func (c Classic) Flag(raw []byte) (*model.Flag, error) {
	return decode(raw, func(o object) *model.Flag {
		basics := o.object("ff")
		d := classicFlag{Flag: &model.Flag{
			Name:    basics.optionalString("name"),
			Enabled: basics.optionalString("status") != "Disabled",
		}}
		d.ExperimentAll = o.tri("exptIncludeAllRules")
		d.Off = d.variation(basics.object("variationOptionWhenDisabled"))
		for p := range o.objects("ffp") {
			d.Prerequisites = append(d.Prerequisites, c.prerequisite(p))
		}
		for t := range o.objects("targetIndividuals") {
			d.Targets = append(d.Targets, d.target(t))
		}
		for r := range o.objects("fftuwmtr") {
			d.Rules = append(d.Rules, d.rule(r))
		}
		d.Fallthrough = d.rollout(basics, "defaultRulePercentageRollouts", "isDefaultRulePercentageRolloutsIncludedInExpt")
		return d.Flag
	})
}

// Segment decodes one segment.
func (c Classic) Segment(raw []byte) (*model.Segment, error) {
	return decode(raw, func(o object) *model.Segment {
		s := &model.Segment{
			Included: o.strings("included"),
			Excluded: o.strings("excluded"),
		}
		for r := range o.objects("rules") {
			s.Rules = append(s.Rules, model.SegmentRule{Clauses: classicClauses(r)})
		}
		return s
	})
}

// classicFlag collects the flag's variations from where they are used: every
// use repeats the whole variation, and what is repeated there counts.
type classicFlag struct{ *model.Flag }

// variation returns the index of an option.
func (d classicFlag) variation(option object) int {
	v := model.Variation{
		ID:    strconv.FormatInt(option.int("localId"), 10),
		Value: option.string("variationValue"),
	}
	for i := range d.Variations {
		if d.Variations[i] == v {
			return i
		}
	}
	d.Variations = append(d.Variations, v)
	return len(d.Variations) - 1
}

func (d classicFlag) target(o object) model.Target {
	t := model.Target{Variation: d.variation(o.object("valueOption"))}
	for individual := range o.objects("individuals") {
		if key := individual.optionalString("keyId"); key != "" {
			t.Keys = append(t.Keys, key)
		}
	}
	return t
}

func (d classicFlag) rule(o object) model.Rule {
	return model.Rule{
		ID:      o.optionalString("ruleId"),
		Name:    o.optionalString("ruleName"),
		Clauses: classicClauses(o),
		Rollout: d.rollout(o, "valueOptionsVariationRuleValues", "isIncludedInExpt"),
	}
}

func (d classicFlag) rollout(o object, shares, included string) model.Rollout {
	ro := model.Rollout{Experiment: o.tri(included)}
	for s := range o.objects(shares) {
		from, to := s.rangeOf("rolloutPercentage")
		ro.Shares = append(ro.Shares, model.Share{
			From:       from,
			To:         to,
			Variation:  d.variation(s.object("valueOption")),
			Experiment: s.optionalFloat("exptRollout"),
		})
	}
	return ro
}

// prerequisite accepts both spellings of the expected option: the platform's
// serializers disagree (protocol reference, section 3.3).
func (c Classic) prerequisite(o object) model.Prerequisite {
	option := "valueOptionsVariationValue"
	if !o.has(option) {
		option = "ValueOptionsVariationValue"
	}
	id := o.string("prerequisiteFeatureFlagId")
	key, ok := c.flagKey(id)
	if !ok {
		key = id // no flag of this environment: the prerequisite fails
	}
	return model.Prerequisite{
		FlagKey:     key,
		VariationID: strconv.FormatInt(o.object(option).int("localId"), 10),
	}
}

func classicClauses(o object) []model.Clause {
	var clauses []model.Clause
	for c := range o.objects("ruleJsonContent") {
		clauses = append(clauses, model.Clause{
			Property: c.optionalString("property"),
			Operator: c.optionalString("operation"),
			Value:    c.optionalString("value"),
		})
	}
	return clauses
}
