package flagjson

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// FeatBit is an environment of FeatBit.
type FeatBit struct{ EnvID string }

// Platform implements Format.
func (FeatBit) Platform() string { return "FeatBit" }

// Prerequisites implements Format.
func (FeatBit) Prerequisites() bool { return false }

// TestEnvID is the id of the environment of ffctest and of flag files.
const TestEnvID = "11111111-2222-3333-4444-555555555555"

type featBitFlag struct {
	ID          string             `json:"id"`
	EnvID       string             `json:"envId"`
	Key         string             `json:"key"`
	Name        string             `json:"name"`
	Type        string             `json:"variationType"`
	Variations  []featBitVariation `json:"variations"`
	Targets     []featBitTarget    `json:"targetUsers"`
	Rules       []featBitRule      `json:"rules"`
	Enabled     bool               `json:"isEnabled"`
	Off         string             `json:"disabledVariationId"`
	Fallthrough featBitRollout     `json:"fallthrough"`
	ExptAll     bool               `json:"exptIncludeAllTargets"`
	Tags        []string           `json:"tags"`
	Archived    bool               `json:"isArchived"`
	UpdatedAt   string             `json:"updatedAt"`
}

type featBitVariation struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Value string `json:"value"`
}

type featBitTarget struct {
	Keys      []string `json:"keyIds"`
	Variation string   `json:"variationId"`
}

type featBitRule struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Clauses []featBitClause `json:"conditions"`
	featBitRollout
}

type featBitRollout struct {
	DispatchKey    *string        `json:"dispatchKey"`
	IncludedInExpt bool           `json:"includedInExpt"`
	Shares         []featBitShare `json:"variations"`
}

type featBitShare struct {
	ID          string     `json:"id"`
	Range       [2]float64 `json:"rollout"`
	ExptRollout float64    `json:"exptRollout"`
}

type featBitClause struct {
	ID       string  `json:"id"`
	Property string  `json:"property"`
	Operator *string `json:"op"`
	Value    string  `json:"value"`
}

// Flag implements Format.
func (e FeatBit) Flag(f *Flag, version int64) []byte {
	if len(f.Prerequisites) > 0 {
		panic(fmt.Sprintf("flagjson: flag %q has a prerequisite", f.Key))
	}
	everyone := f.Experiment == nil
	out := featBitFlag{
		ID:         guidOf(f.Key),
		EnvID:      e.EnvID,
		Key:        f.Key,
		Name:       f.Name,
		Type:       featBitType(f.Values),
		Variations: []featBitVariation{},
		Targets:    []featBitTarget{},
		Rules:      []featBitRule{},
		Enabled:    f.On,
		Off:        variationID(f.off()),
		Fallthrough: featBitRollout{
			IncludedInExpt: !everyone && len(f.Experiment.Parts) > 0,
			Shares:         featBitShares(f.shares(), f.Experiment.part),
		},
		ExptAll:   everyone,
		Tags:      []string{},
		UpdatedAt: TimeText(version),
	}
	for i, value := range f.Values {
		out.Variations = append(out.Variations, featBitVariation{variationID(i), value, value})
	}
	for _, t := range f.Targets {
		out.Targets = append(out.Targets, featBitTarget{t.UserKeys, variationID(t.Variation)})
	}
	for i, r := range f.Rules {
		out.Rules = append(out.Rules, featBitRule{
			ID:             "r" + strconv.Itoa(i+1),
			Name:           "rule " + strconv.Itoa(i+1),
			Clauses:        featBitClauses(r.Clauses),
			featBitRollout: featBitRollout{Shares: featBitShares(r.Shares, func(int) float64 { return 0 })},
		})
	}
	return mustMarshal(out)
}

// featBitShares writes a rollout. part returns the part of a variation that
// counts in experiments, if the flag restricts that.
func featBitShares(shares []Share, part func(variation int) float64) []featBitShare {
	out := make([]featBitShare, len(shares))
	for i, s := range shares {
		out[i] = featBitShare{variationID(s.Variation), [2]float64{s.From, s.To}, part(s.Variation)}
	}
	return out
}

func featBitClauses(clauses []model.Clause) []featBitClause {
	out := make([]featBitClause, len(clauses))
	for i, c := range clauses {
		out[i] = featBitClause{ID: "c" + strconv.Itoa(i+1), Property: c.Property, Value: c.Value}
		if c.Property == "key" {
			out[i].Property = "keyId"
		}
		if c.Operator != "" {
			out[i].Operator = &clauses[i].Operator
		}
	}
	return out
}

// variationID returns the id of a variation, counted from 1.
func variationID(i int) string { return strconv.Itoa(i + 1) }

// featBitType returns the type of a flag's variations, which the platform's
// page shows.
func featBitType(values []string) string {
	all := func(is func(value string) bool) bool {
		return !slices.ContainsFunc(values, func(value string) bool { return !is(value) })
	}
	switch {
	case all(func(value string) bool { return value == "true" || value == "false" }):
		return "boolean"
	case all(jsontext.IsNumber):
		return "number"
	case all(jsontext.IsComposite):
		return "json"
	}
	return "string"
}

type featBitSegment struct {
	ID        string               `json:"id"`
	EnvID     string               `json:"envId"`
	Name      string               `json:"name"`
	Included  []string             `json:"included"`
	Excluded  []string             `json:"excluded"`
	Rules     []featBitSegmentRule `json:"rules"`
	Archived  bool                 `json:"isArchived"`
	UpdatedAt string               `json:"updatedAt"`
}

type featBitSegmentRule struct {
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Clauses []featBitClause `json:"conditions"`
}

// Segment implements Format.
func (e FeatBit) Segment(s *Segment, version int64) []byte {
	out := featBitSegment{
		ID:        s.ID,
		EnvID:     e.EnvID,
		Name:      s.ID,
		Included:  append([]string{}, s.Included...),
		Excluded:  append([]string{}, s.Excluded...),
		Rules:     []featBitSegmentRule{},
		UpdatedAt: TimeText(version),
	}
	for i, clauses := range s.Rules {
		out.Rules = append(out.Rules, featBitSegmentRule{
			ID:      "s" + strconv.Itoa(i+1),
			Name:    "rule " + strconv.Itoa(i+1),
			Clauses: featBitClauses(clauses),
		})
	}
	return mustMarshal(out)
}

// guidOf makes an id that is always the same for a key. Nothing reads it.
func guidOf(key string) string {
	sum := md5.Sum([]byte(key))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:])
}
