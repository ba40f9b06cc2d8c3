package classic

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// reader reads the data of featureflag.co (protocol reference, section 3.3).
type reader struct {
	// prefix starts the ids of all flags of the environment. If it is empty,
	// flags of any environment are accepted, but all flags of a message must be
	// of the same environment.
	prefix string
}

// separator is between the parts of ids and secrets.
const separator = "__"

// newReader returns the reader of an environment by the name that environmentOf
// returns. "" is an unknown environment.
func newReader(environment string) platform.Reader {
	if environment == "" {
		return reader{}
	}
	return reader{prefix: environment + separator}
}

// Errors of flags whose members may all be valid.
var (
	errForeign  = errors.New("belongs to another environment than the secret")
	errNoID     = errors.New("has a wrong id: expected FF__account__project__environment__key")
	errNoKey    = errors.New("has no key in its id")
	errNoBasics = errors.New("has no ff: expected an object")
)

// Update implements platform.Reader.
func (r reader) Update(message []byte, earlier store.Earlier) (*store.Update, []platform.Skipped, error) {
	flags := &flagHeaders{prefix: r.prefix}
	if r.prefix == "" {
		earlier.Flags = store.Sequence{} // how a flag is read depends on the flags before it
	}
	u, skipped, err := scan.Message(message, scan.Headers{
		Flags: flags.read, Segments: segmentHeader, UserTags: tagHeader, KeepSegments: true, Earlier: earlier,
	})
	if err == nil && flags.mixed != nil {
		return nil, nil, flags.mixed
	}
	return u, skipped, err
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
	item, end, err = header(b, i, func(name, value []byte) {
		switch string(name) {
		case "ff":
			basics = value[0] == '{'
		case "ffp":
			refers = refers || bytes.IndexByte(value, '{') >= 0
		case "fftuwmtr":
			refers = refers || scan.MayUseSegments(value)
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
			h.mixed = fmt.Errorf("the message has flags of several environments, for example %s and %s: set the environment secret to choose one",
				strings.TrimSuffix(h.prefix, separator), strings.TrimSuffix(prefix, separator))
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
func (r reader) flagKey(id string) (key string, ok bool) {
	if r.prefix != "" {
		return strings.CutPrefix(id, r.prefix)
	}
	_, key, ok = splitFlagID(id)
	return key, ok
}

// splitFlagID cuts a flag id of any environment before its key.
func splitFlagID(id string) (prefix, key string, ok bool) {
	parts := strings.SplitN(id, separator, 5)
	if len(parts) < 5 {
		return "", "", false
	}
	key = parts[4]
	return id[:len(id)-len(key)], key, true
}

func segmentHeader(b []byte, i int) (item store.Item, end int, err error) {
	refers := false
	item, end, err = header(b, i, func(name, value []byte) {
		if string(name) == "rules" {
			refers = refers || scan.MayUseSegments(value)
		}
	})
	item.Alone, item.Broken = !refers, err != nil && item.Key != ""
	return item, end, err
}

func tagHeader(b []byte, i int) (item store.Item, end int, err error) {
	return header(b, i, func(_, _ []byte) {})
}

// header reads what flags, segments and user tags have in common, and calls other
// with all other members. An invalid member does not keep it from reading the
// others. It returns the first error.
func header(b []byte, i int, other func(name, value []byte)) (item store.Item, end int, wrong error) {
	end, err := jsontext.EachMember(b, i, func(name, value []byte) error {
		var err error
		switch string(name) {
		case "id":
			item.Key, err = scan.String(value)
		case "timestamp":
			item.Version, err = integer(value)
		case "isArchived":
			item.Archived, err = scan.Bool(value)
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
		wrong = scan.ErrNoID
	}
	return item, end, wrong
}

func integer(value []byte) (int64, error) {
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

// DecodeFlag implements platform.Reader.
func (r reader) DecodeFlag(raw []byte) (*model.Flag, error) {
	return scan.Decode(raw, func(o scan.Object) *model.Flag {
		basics := o.Object("ff")
		d := &flag{Flag: &model.Flag{
			Name:    basics.OptionalString("name"),
			Enabled: basics.OptionalString("status") != "Disabled",
		}}
		d.ExperimentAll = o.Tri("exptIncludeAllRules")
		d.Off = d.variation(basics.Object("variationOptionWhenDisabled"))
		d.Prerequisites = scan.Collect(o.Objects("ffp"), r.prerequisite)
		d.Targets = scan.Collect(o.Objects("targetIndividuals"), d.target)
		d.Rules = scan.Collect(o.Objects("fftuwmtr"), d.rule)
		d.Fallthrough = d.rollout(basics, "defaultRulePercentageRollouts", "isDefaultRulePercentageRolloutsIncludedInExpt")
		return d.Flag
	})
}

// DecodeSegment implements platform.Reader.
func (r reader) DecodeSegment(raw []byte) (*model.Segment, error) {
	return scan.Decode(raw, func(o scan.Object) *model.Segment {
		s := &model.Segment{
			Included: o.Strings("included"),
			Excluded: o.Strings("excluded"),
		}
		s.Rules = scan.Collect(o.Objects("rules"), func(r scan.Object) model.SegmentRule { return model.SegmentRule{Clauses: clauses(r)} })
		return s
	})
}

// flag collects its variations from the places that use them. Every use repeats
// the whole variation, and these copies count.
type flag struct {
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
func (d *flag) variation(option scan.Object) int {
	v := model.Variation{
		ID:    strconv.FormatInt(option.Int("localId"), 10),
		Value: option.String("variationValue"),
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
func (d *flag) grow() {
	if n := len(d.Variations); n == cap(d.Variations) && n >= manyVariations {
		d.Variations = slices.Grow(d.Variations, max(n/2, jsontext.Count(d.shares)))
	}
}

// place returns the entry of a variation in places. It is 0 if the variation is
// new.
func (d *flag) place(v model.Variation) *uint32 {
	for at := maphash.Comparable(hashSeed, v); ; at++ {
		place := &d.places[at%uint64(len(d.places))]
		if *place == 0 || d.Variations[*place-1] == v {
			return place
		}
	}
}

func (d *flag) target(o scan.Object) model.Target {
	t := model.Target{Variation: d.variation(o.Object("valueOption"))}
	individuals := o.Objects("individuals")
	t.Keys = o.TextList("individuals", func(yield func(inside []byte)) {
		for individual := range individuals.All {
			if key := individual.OptionalText("keyId"); len(key) > 0 {
				yield(key)
			}
		}
	})
	return t
}

func (d *flag) rule(o scan.Object) model.Rule {
	return model.Rule{
		ID:      o.OptionalString("ruleId"),
		Name:    o.OptionalString("ruleName"),
		Clauses: clauses(o),
		Rollout: d.rollout(o, "valueOptionsVariationRuleValues", "isIncludedInExpt"),
	}
}

func (d *flag) rollout(o scan.Object, shares, included string) model.Rollout {
	list := o.Objects(shares)
	d.shares = list.Raw()
	return model.Rollout{Experiment: o.Tri(included), Shares: scan.Collect(list, func(s scan.Object) model.Share {
		from, to := s.RangeOf("rolloutPercentage")
		return model.Share{
			From:       from,
			To:         to,
			Variation:  d.variation(s.Object("valueOption")),
			Experiment: s.OptionalFloat("exptRollout"),
		}
	})}
}

// prerequisite accepts both spellings of the expected option: the platform's
// serializers disagree (protocol reference, section 3.3).
func (r reader) prerequisite(o scan.Object) model.Prerequisite {
	option := "valueOptionsVariationValue"
	if !o.Has(option) {
		option = "ValueOptionsVariationValue"
	}
	id := o.String("prerequisiteFeatureFlagId")
	key, ok := r.flagKey(id)
	if !ok {
		key = id // not a flag of this environment: the prerequisite fails
	}
	expected := o.Object(option)
	return model.Prerequisite{
		FlagKey:     key,
		VariationID: strconv.FormatInt(expected.Int("localId"), 10),
	}
}

func clauses(o scan.Object) []model.Clause {
	return scan.Collect(o.Objects("ruleJsonContent"), func(c scan.Object) model.Clause {
		return model.Clause{
			Property: c.OptionalString("property"),
			Operator: c.OptionalString("operation"),
			Value:    c.OptionalString("value"),
		}
	})
}
