package platform

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// featBitData reads the data of FeatBit (FeatBit reference, section 4).
type featBitData struct{}

// update parses a message. The items point into the message, which must not
// change afterwards.
func (featBitData) update(message []byte) (*store.Update, []Skipped, error) {
	p, err := split(message, headers{flags: featBitFlagHeader, segments: featBitSegmentHeader})
	var u *store.Update
	var skipped []Skipped
	if err == nil {
		u, skipped, err = p.update()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the message %w", err)
	}
	return u, skipped, nil
}

func featBitFlagHeader(b []byte, i int) (store.Item, int, error) { return featBitHeader(b, i, "key") }

func featBitSegmentHeader(b []byte, i int) (store.Item, int, error) { return featBitHeader(b, i, "id") }

// featBitHeader reads the members that storing an item needs. An invalid member
// does not keep it from reading the others. It returns the first error.
func featBitHeader(b []byte, i int, identity string) (item store.Item, end int, wrong error) {
	refers, dated := false, false
	end, err := jsontext.EachMember(b, i, func(name, value []byte) error {
		var err error
		switch string(name) {
		case identity:
			item.Key, err = headerString(value)
		case "updatedAt":
			dated = true
			item.Version, err = headerTime(value)
		case "isArchived":
			item.Archived, err = headerBool(value)
		case "rules":
			refers = refers || mayUseSegments(value)
		}
		if err != nil && wrong == nil {
			wrong = fmt.Errorf("has a bad %s: %w", name, err)
		}
		return nil
	})
	switch {
	case wrong != nil:
	case err != nil:
		wrong = err
	case eval.Blank(item.Key):
		item.Key, wrong = "", errNoIdentity[identity]
	case !dated:
		wrong = errNoDate
	}
	item.Alone, item.Broken = !refers, wrong != nil && item.Key != ""
	return item, end, wrong
}

var (
	errNoIdentity = map[string]error{"key": errors.New("has no key"), "id": errNoItemID}
	errNoDate     = errors.New("has no updatedAt")
)

// headerTime reads a time as Unix milliseconds. It truncates smaller units, as
// the platform does when it compares versions. A time without a zone is UTC.
func headerTime(value []byte) (int64, error) {
	text, err := headerString(value)
	if err != nil {
		return 0, err
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05", text)
	}
	if err != nil {
		return 0, errors.New("expected a time like 2026-01-31T12:00:00.123Z")
	}
	return at.UnixMilli(), nil
}

// flag decodes one flag.
func (featBitData) flag(raw []byte) (*model.Flag, error) {
	return decode(raw, func(o object) *model.Flag {
		f := &model.Flag{
			Name:          o.optionalString("name"),
			Enabled:       o.bool("isEnabled"),
			ExperimentAll: model.TriOf(o.bool("exptIncludeAllTargets")),
		}
		indexes := make(map[string]int)
		f.Variations = collect(o.list("variations"), func(v object) model.Variation {
			return model.Variation{ID: v.string("id"), Value: v.string("value")}
		})
		for i := range f.Variations {
			if _, ok := indexes[f.Variations[i].ID]; !ok {
				indexes[f.Variations[i].ID] = i
			}
		}
		d := featBitFlag{f, indexes}
		f.Off = d.variation(o.optionalString("disabledVariationId"))
		f.Targets = collect(o.list("targetUsers"), func(t object) model.Target {
			return model.Target{Keys: t.texts("keyIds"), Variation: d.variation(t.optionalString("variationId"))}
		})
		f.Rules = collect(o.list("rules"), func(r object) model.Rule {
			return model.Rule{
				ID:      r.optionalString("id"),
				Name:    r.optionalString("name"),
				Clauses: featBitClauses(r),
				Rollout: d.rollout(r),
			}
		})
		if o.has("fallthrough") { // a disabled flag may have no fallthrough
			f.Fallthrough = d.rollout(o.object("fallthrough"))
		}
		return f
	})
}

// segment decodes one segment.
func (featBitData) segment(raw []byte) (*model.Segment, error) {
	return decode(raw, func(o object) *model.Segment {
		s := &model.Segment{Included: o.texts("included"), Excluded: o.texts("excluded")}
		s.Rules = collect(o.list("rules"), func(r object) model.SegmentRule { return model.SegmentRule{Clauses: featBitClauses(r)} })
		return s
	})
}

// featBitFlag finds the variations that a flag refers to by id.
type featBitFlag struct {
	*model.Flag
	indexes map[string]int
}

func (d featBitFlag) variation(id string) int {
	if i, ok := d.indexes[id]; ok {
		return i
	}
	return model.Missing
}

func (d featBitFlag) rollout(o object) model.Rollout {
	ro := model.Rollout{
		BucketBy:   o.optionalString("dispatchKey"),
		Experiment: model.TriOf(o.bool("includedInExpt")),
	}
	ro.Shares = collect(o.list("variations"), func(s object) model.Share {
		share := model.Share{From: math.NaN(), To: math.NaN(), Variation: d.variation(s.optionalString("id")), Experiment: &noExperiment}
		if s.has("rollout") {
			share.From, share.To = s.rangeOf("rollout")
		}
		if f := s.optionalFloat("exptRollout"); f != nil {
			share.Experiment = f
		}
		return share
	})
	return ro
}

// noExperiment is the default of a share's exptRollout.
var noExperiment = 0.0

// featBitClauses reads the conditions of a rule. A rule with an empty list
// matches every user, so a rule without a list must not be treated the same.
func featBitClauses(o object) []model.Clause {
	if !o.has("conditions") {
		return []model.Clause{{Malformed: "the rule has no list of conditions"}}
	}
	return collect(o.objects("conditions"), func(c object) model.Clause {
		return model.Clause{
			Property: c.optionalString("property"),
			Operator: c.optionalString("op"),
			Value:    c.optionalString("value"),
		}
	})
}
