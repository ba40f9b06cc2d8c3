package featbit

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// reader reads the data of FeatBit (FeatBit reference, section 4).
type reader struct{}

// Update implements platform.Reader.
func (reader) Update(message []byte, earlier store.Earlier) (*store.Update, []platform.Skipped, error) {
	return scan.Message(message, scan.Headers{Flags: flagHeader, Segments: segmentHeader, Earlier: earlier})
}

func flagHeader(b []byte, i int) (store.Item, int, error) { return header(b, i, "key") }

func segmentHeader(b []byte, i int) (store.Item, int, error) { return header(b, i, "id") }

// header reads the members that storing an item needs. An invalid member does not
// keep it from reading the others. It returns the first error.
func header(b []byte, i int, identity string) (item store.Item, end int, wrong error) {
	refers, dated := false, false
	end, err := jsontext.EachMember(b, i, func(name, value []byte) error {
		var err error
		switch string(name) {
		case identity:
			item.Key, err = scan.String(value)
		case "updatedAt":
			dated = true
			item.Version, err = headerTime(value)
		case "isArchived":
			item.Archived, err = scan.Bool(value)
		case "rules":
			refers = refers || scan.MayUseSegments(value)
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
	errNoIdentity = map[string]error{"key": errors.New("has no key"), "id": scan.ErrNoID}
	errNoDate     = errors.New("has no updatedAt")
)

// headerTime reads a time as Unix milliseconds. It truncates smaller units, as
// the platform does when it compares versions. A time without a zone is UTC.
func headerTime(value []byte) (int64, error) {
	text, err := scan.String(value)
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

// DecodeFlag implements platform.Reader.
func (reader) DecodeFlag(raw []byte) (*model.Flag, error) {
	return scan.Decode(raw, func(o scan.Object) *model.Flag {
		f := &model.Flag{
			Name:          o.OptionalString("name"),
			Enabled:       o.Bool("isEnabled"),
			ExperimentAll: model.TriOf(o.Bool("exptIncludeAllTargets")),
		}
		indexes := make(map[string]int)
		f.Variations = scan.Collect(o.List("variations"), func(v scan.Object) model.Variation {
			return model.Variation{ID: v.String("id"), Value: v.String("value")}
		})
		for i := range f.Variations {
			if _, ok := indexes[f.Variations[i].ID]; !ok {
				indexes[f.Variations[i].ID] = i
			}
		}
		d := flag{f, indexes}
		f.Off = d.variation(o.OptionalString("disabledVariationId"))
		f.Targets = scan.Collect(o.List("targetUsers"), func(t scan.Object) model.Target {
			return model.Target{Keys: t.Texts("keyIds"), Variation: d.variation(t.OptionalString("variationId"))}
		})
		f.Rules = scan.Collect(o.List("rules"), func(r scan.Object) model.Rule {
			return model.Rule{
				ID:      r.OptionalString("id"),
				Name:    r.OptionalString("name"),
				Clauses: clauses(r),
				Rollout: d.rollout(r),
			}
		})
		if o.Has("fallthrough") { // a disabled flag may have no fallthrough
			f.Fallthrough = d.rollout(o.Object("fallthrough"))
		}
		return f
	})
}

// DecodeSegment implements platform.Reader.
func (reader) DecodeSegment(raw []byte) (*model.Segment, error) {
	return scan.Decode(raw, func(o scan.Object) *model.Segment {
		s := &model.Segment{Included: o.Texts("included"), Excluded: o.Texts("excluded")}
		s.Rules = scan.Collect(o.List("rules"), func(r scan.Object) model.SegmentRule { return model.SegmentRule{Clauses: clauses(r)} })
		return s
	})
}

// flag finds the variations that a flag refers to by id.
type flag struct {
	*model.Flag
	indexes map[string]int
}

func (d flag) variation(id string) int {
	if i, ok := d.indexes[id]; ok {
		return i
	}
	return model.Missing
}

func (d flag) rollout(o scan.Object) model.Rollout {
	ro := model.Rollout{
		BucketBy:   o.OptionalString("dispatchKey"),
		Experiment: model.TriOf(o.Bool("includedInExpt")),
	}
	ro.Shares = scan.Collect(o.List("variations"), func(s scan.Object) model.Share {
		share := model.Share{From: math.NaN(), To: math.NaN(), Variation: d.variation(s.OptionalString("id")), Experiment: &noExperiment}
		if s.Has("rollout") {
			share.From, share.To = s.RangeOf("rollout")
		}
		if f := s.OptionalFloat("exptRollout"); f != nil {
			share.Experiment = f
		}
		return share
	})
	return ro
}

// noExperiment is the default of a share's exptRollout.
var noExperiment = 0.0

// clauses reads the conditions of a rule. A rule with an empty list matches every
// user, so a rule without a list must not be treated the same.
func clauses(o scan.Object) []model.Clause {
	if !o.Has("conditions") {
		return []model.Clause{{Malformed: "the rule has no list of conditions"}}
	}
	return scan.Collect(o.Objects("conditions"), func(c scan.Object) model.Clause {
		return model.Clause{
			Property: c.OptionalString("property"),
			Operator: c.OptionalString("op"),
			Value:    c.OptionalString("value"),
		}
	})
}
