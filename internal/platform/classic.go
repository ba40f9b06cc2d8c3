package platform

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// classicData reads the data of featureflag.co (protocol reference, section 3.3).
type classicData struct {
	// prefix starts the ids of all flags of the environment. If it is empty,
	// flags of any environment are accepted, but all flags of a message must be
	// of the same environment.
	prefix string
}

// Errors of flags whose members may all be valid.
var (
	errForeign  = errors.New("belongs to another environment than the secret")
	errNoID     = errors.New("has a wrong id: expected FF__account__project__environment__key")
	errNoKey    = errors.New("has no key in its id")
	errNoBasics = errors.New("has no ff: expected an object")
	errNoItemID = errors.New("has no id")
)

// update parses a message. The items point into the message, which must not
// change afterwards.
func (c classicData) update(message []byte) (*store.Update, []Skipped, error) {
	flags := &flagHeaders{prefix: c.prefix}
	p, err := split(message, headers{flags: flags.read, segments: segmentHeader, userTags: tagHeader})
	var u *store.Update
	var skipped []Skipped
	if err == nil {
		p.flags.err = cmp.Or(p.flags.err, flags.mixed)
		u, skipped, err = p.update()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the message %w", err)
	}
	// Poll responses have no segments member. A data-sync message without it,
	// or with null, means that there are no segments.
	u.NoSegments = !p.segments.given && !p.enveloped
	return u, skipped, nil
}

// flagHeaders reads the headers of flags.
type flagHeaders struct {
	// prefix starts the ids of the environment's flags. It is empty until it is
	// known.
	prefix string
	// guessed: prefix was taken from the first flag.
	guessed bool
	// mixed is set if the flags have several prefixes.
	mixed error
}

func (h *flagHeaders) read(b []byte, i int) (item store.Item, end int, err error) {
	basics, refers := false, false
	item, end, err = classicHeader(b, i, func(name, value []byte) {
		switch string(name) {
		case "ff":
			basics = value[0] == '{'
		case "ffp":
			refers = refers || bytes.IndexByte(value, '{') >= 0
		case "fftuwmtr":
			refers = refers || mayUseSegments(value)
		}
	})
	if item.Key == "" {
		return item, end, err
	}
	key, err2 := h.key(item.Key)
	if err2 != nil {
		return item, end, err2
	}
	if err == nil && !basics && !item.Archived {
		err = errNoBasics
	}
	item.Key, item.Alone, item.Broken = key, !refers, err != nil
	return item, end, err
}

// key turns a flag's id into its key.
func (h *flagHeaders) key(id string) (string, error) {
	key, ok := strings.CutPrefix(id, h.prefix)
	if !ok || h.prefix == "" {
		if h.prefix != "" && !h.guessed {
			return "", errForeign
		}
		prefix, rest, ok := splitFlagID(id)
		if !ok {
			return "", errNoID
		}
		if h.guessed {
			h.mixed = fmt.Errorf("has flags of several environments, for example %s and %s: set the environment secret to choose one",
				strings.TrimSuffix(h.prefix, "__"), strings.TrimSuffix(prefix, "__"))
			return "", errForeign
		}
		h.prefix, h.guessed, key = prefix, true, rest
	}
	if eval.Blank(key) { // no flag can be evaluated by such a key
		return "", errNoKey
	}
	return key, nil
}

// flagKey removes FF__<account>__<project>__<environment>__ from a flag id.
func (c classicData) flagKey(id string) (key string, ok bool) {
	if c.prefix != "" {
		return strings.CutPrefix(id, c.prefix)
	}
	_, key, ok = splitFlagID(id)
	return key, ok
}

// splitFlagID cuts a flag id of any environment before its key.
func splitFlagID(id string) (prefix, key string, ok bool) {
	parts := strings.SplitN(id, "__", 5)
	if len(parts) < 5 {
		return "", "", false
	}
	key = parts[4]
	return id[:len(id)-len(key)], key, true
}

func segmentHeader(b []byte, i int) (item store.Item, end int, err error) {
	refers := false
	item, end, err = classicHeader(b, i, func(name, value []byte) {
		if string(name) == "rules" {
			refers = refers || mayUseSegments(value)
		}
	})
	item.Alone, item.Broken = !refers, err != nil && item.Key != ""
	return item, end, err
}

func tagHeader(b []byte, i int) (item store.Item, end int, err error) {
	return classicHeader(b, i, func(_, _ []byte) {})
}

// mayUseSegments reports whether rules can have a clause about segments. The
// word may be hidden by escapes.
func mayUseSegments(rules []byte) bool {
	return bytes.Contains(rules, []byte("segment")) || bytes.Contains(rules, []byte(`\u00`))
}

// classicHeader reads what flags, segments and user tags have in common, and
// calls other with all other members. An invalid member does not keep it from
// reading the others. It returns the first error.
func classicHeader(b []byte, i int, other func(name, value []byte)) (item store.Item, end int, wrong error) {
	end, err := jsontext.EachMember(b, i, func(name, value []byte) error {
		var err error
		switch string(name) {
		case "id":
			item.Key, err = headerString(value)
		case "timestamp":
			item.Version, err = headerInt(value)
		case "isArchived":
			item.Archived, err = headerBool(value)
		default:
			other(name, value)
		}
		if err != nil && wrong == nil {
			wrong = fmt.Errorf("has a bad %s: %w", name, err)
		}
		return nil
	})
	if wrong == nil {
		wrong = err
	}
	if wrong == nil && item.Key == "" {
		wrong = errNoItemID
	}
	return item, end, wrong
}

func headerString(value []byte) (string, error) {
	if len(value) < 2 || value[0] != '"' {
		return "", errors.New("expected a string")
	}
	return jsontext.Text(value[1 : len(value)-1]), nil
}

func headerInt(value []byte) (int64, error) {
	if jsontext.IsNull(value) {
		return 0, nil
	}
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(value), 64) // 1.6625952e12 is also valid
	if err != nil || !(f >= -1<<62 && f <= 1<<62) { // also rejects NaN
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

// flag decodes one flag.
func (c classicData) flag(raw []byte) (*model.Flag, error) {
	return decode(raw, func(o object) *model.Flag {
		basics := o.object("ff")
		d := &classicFlag{Flag: &model.Flag{
			Name:    basics.optionalString("name"),
			Enabled: basics.optionalString("status") != "Disabled",
		}}
		d.ExperimentAll = o.tri("exptIncludeAllRules")
		d.Off = d.variation(basics.object("variationOptionWhenDisabled"))
		d.Prerequisites = collect(o.objects("ffp"), c.prerequisite)
		d.Targets = collect(o.objects("targetIndividuals"), d.target)
		d.Rules = collect(o.objects("fftuwmtr"), d.rule)
		d.Fallthrough = d.rollout(basics, "defaultRulePercentageRollouts", "isDefaultRulePercentageRolloutsIncludedInExpt")
		return d.Flag
	})
}

// segment decodes one segment.
func (c classicData) segment(raw []byte) (*model.Segment, error) {
	return decode(raw, func(o object) *model.Segment {
		s := &model.Segment{
			Included: o.strings("included"),
			Excluded: o.strings("excluded"),
		}
		s.Rules = collect(o.objects("rules"), func(r object) model.SegmentRule { return model.SegmentRule{Clauses: classicClauses(r)} })
		return s
	})
}

// classicFlag collects the flag's variations from the places that use them.
// Every use repeats the whole variation, and these copies count.
type classicFlag struct {
	*model.Flag
	// places is an open-addressing hash table of the indexes of the variations,
	// plus one. At least half of it is empty. A flag with few variations has no
	// table: a linear search is faster.
	places []uint32
	// shares is the list of shares that is being read.
	shares []byte
}

// fewVariations is the largest number of variations for which a linear search
// is faster.
const fewVariations = 16

// hashSeed is random, so that no one can choose variations whose hashes
// collide.
var hashSeed = maphash.MakeSeed()

// variation returns the index of the variation of an option, and adds new
// variations.
func (d *classicFlag) variation(option object) int {
	v := model.Variation{
		ID:    strconv.FormatInt(option.int("localId"), 10),
		Value: option.string("variationValue"),
	}
	if len(d.Variations) <= fewVariations {
		if i := slices.Index(d.Variations, v); i >= 0 {
			return i
		}
		d.Variations = append(d.Variations, v)
		return len(d.Variations) - 1
	}
	d.grow()
	if 2*len(d.Variations) >= len(d.places) {
		d.places = make([]uint32, 4*cap(d.Variations))
		for i := range d.Variations {
			*d.place(d.Variations[i]) = uint32(i + 1)
		}
	}
	place := d.place(v)
	if *place == 0 {
		d.Variations = append(d.Variations, v)
		*place = uint32(len(d.Variations))
	}
	return int(*place - 1)
}

// From manyVariations on, a flag allocates space for a variation of each share at
// once. Growing step by step would take several times the memory.
const manyVariations = 1024

// grow allocates space for a variation.
func (d *classicFlag) grow() {
	if n := len(d.Variations); n == cap(d.Variations) && n >= manyVariations {
		d.Variations = slices.Grow(d.Variations, max(n/2, jsontext.Count(d.shares)))
	}
}

// place returns the entry of a variation in places. It is 0 if the variation is
// new.
func (d *classicFlag) place(v model.Variation) *uint32 {
	for at := maphash.Comparable(hashSeed, v); ; at++ {
		place := &d.places[at%uint64(len(d.places))]
		if *place == 0 || d.Variations[*place-1] == v {
			return place
		}
	}
}

func (d *classicFlag) target(o object) model.Target {
	t := model.Target{Variation: d.variation(o.object("valueOption"))}
	individuals := o.objects("individuals")
	t.Keys = o.textList("individuals", func(yield func(inside []byte)) {
		for individual := range individuals.all() {
			if key := individual.optionalText("keyId"); len(key) > 0 {
				yield(key)
			}
		}
	})
	return t
}

func (d *classicFlag) rule(o object) model.Rule {
	return model.Rule{
		ID:      o.optionalString("ruleId"),
		Name:    o.optionalString("ruleName"),
		Clauses: classicClauses(o),
		Rollout: d.rollout(o, "valueOptionsVariationRuleValues", "isIncludedInExpt"),
	}
}

func (d *classicFlag) rollout(o object, shares, included string) model.Rollout {
	list := o.objects(shares)
	d.shares = list.array
	return model.Rollout{Experiment: o.tri(included), Shares: collect(list, func(s object) model.Share {
		from, to := s.rangeOf("rolloutPercentage")
		return model.Share{
			From:       from,
			To:         to,
			Variation:  d.variation(s.object("valueOption")),
			Experiment: s.optionalFloat("exptRollout"),
		}
	})}
}

// prerequisite accepts both spellings of the expected option: the platform's
// serializers disagree (protocol reference, section 3.3).
func (c classicData) prerequisite(o object) model.Prerequisite {
	option := "valueOptionsVariationValue"
	if !o.has(option) {
		option = "ValueOptionsVariationValue"
	}
	id := o.string("prerequisiteFeatureFlagId")
	key, ok := c.flagKey(id)
	if !ok {
		key = id // not a flag of this environment: the prerequisite fails
	}
	return model.Prerequisite{
		FlagKey:     key,
		VariationID: strconv.FormatInt(o.object(option).int("localId"), 10),
	}
}

func classicClauses(o object) []model.Clause {
	return collect(o.objects("ruleJsonContent"), func(c object) model.Clause {
		return model.Clause{
			Property: c.optionalString("property"),
			Operator: c.optionalString("operation"),
			Value:    c.optionalString("value"),
		}
	})
}
