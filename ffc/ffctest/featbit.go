package ffctest

import (
	"crypto/md5"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// featBit is FeatBit, for one environment.
type featBit struct {
	// env is the environment that loaded flags are of, in the byte order of
	// secrets; zero if that is the one of [FeatBitEnvSecret], or not known.
	env guid
}

const featBitEnvID = "11111111-2222-3333-4444-555555555555"

// featBitNames are what a data object calls its arrays.
func featBitNames() []string { return []string{flags: "featureFlags", segments: "segments"} }

func (*featBit) flagID(key string) string { return key }

// archive keeps all of e and marks it.
func (d *featBit) archive(e entity, version int64) entity {
	return d.rewrite(e, version, true)
}

func (d *featBit) stamp(e entity, version int64) entity {
	return d.rewrite(e, version, e.archived)
}

func (*featBit) rewrite(e entity, version int64, archived bool) entity {
	out := jsontext.Set(e.json, "updatedAt", mustMarshal(timeText(version)))
	if archived {
		out = jsontext.Set(out, "isArchived", []byte("true"))
	}
	return entity{kind: e.kind, id: e.id, version: version, archived: archived, json: out}
}

func (*featBit) message(eventType string, entities [kinds][]entity) []byte {
	return newMessage(eventType, featBitNames(), entities)
}

// load also finds the environment in the first flag that has one.
func (d *featBit) load(data []byte) ([]entity, error) {
	return loadData(data, featBitNames(), func(k kind, item json.RawMessage) (entity, error) {
		identity := "key"
		if k == segments {
			identity = "id"
		}
		var err error
		var updatedAt string
		var envID any
		e := entity{kind: k}
		e.json, err = loadMembers(item, map[string]any{identity: &e.id, "updatedAt": &updatedAt, "isArchived": &e.archived, "envId": &envID})
		if text, ok := envID.(string); ok && k == flags && d.env == (guid{}) {
			if env, ok := guidOfText(text); ok && env != ownEnvironment() {
				d.env = env
			}
		}
		switch {
		case err != nil:
			return entity{}, err
		case e.id == "":
			return entity{}, errors.New("no " + identity)
		case updatedAt == "":
			return entity{}, errors.New("no updatedAt")
		}
		at, err := time.Parse(time.RFC3339, updatedAt)
		if err != nil { // without a zone it is UTC
			at, err = time.Parse("2006-01-02T15:04:05", updatedAt)
		}
		if err != nil {
			return entity{}, fmt.Errorf("updatedAt: %q is not a time", updatedAt)
		}
		e.version = at.UnixMilli()
		return e, nil
	})
}

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

func (d *featBit) flag(f *flag, version int64) entity {
	if len(f.prerequisites) > 0 {
		panic(fmt.Sprintf("ffctest: flag %q has a prerequisite, which FeatBit does not have", f.key))
	}
	off := f.off
	if off < 0 {
		off = len(f.values) - 1
	}
	shares := f.fallthru
	if shares == nil {
		shares = all(0)
	}
	everyone := f.experiment == nil
	out := featBitFlag{
		ID:         guidOf(f.key),
		EnvID:      d.envID(),
		Key:        f.key,
		Name:       f.name,
		Type:       featBitType(f.values),
		Variations: []featBitVariation{},
		Targets:    []featBitTarget{},
		Rules:      []featBitRule{},
		Enabled:    f.on,
		Off:        variationID(off),
		Fallthrough: featBitRollout{
			IncludedInExpt: !everyone && len(f.experiment.parts) > 0,
			Shares:         featBitShares(shares, f.experiment.part),
		},
		ExptAll:   everyone,
		Tags:      []string{},
		UpdatedAt: timeText(version),
	}
	for i, value := range f.values {
		out.Variations = append(out.Variations, featBitVariation{variationID(i), value, value})
	}
	for _, t := range f.targets {
		out.Targets = append(out.Targets, featBitTarget{t.users, variationID(t.variation)})
	}
	for i, r := range f.rules {
		out.Rules = append(out.Rules, featBitRule{
			ID:             "r" + strconv.Itoa(i+1),
			Name:           "rule " + strconv.Itoa(i+1),
			Clauses:        featBitClauses(r.clauses),
			featBitRollout: featBitRollout{Shares: featBitShares(r.shares, func(int) float64 { return 0 })},
		})
	}
	return entity{kind: flags, id: f.key, version: version, json: mustMarshal(out)}
}

// featBitShares writes a rollout; part is what of a variation counts in
// experiments when the flag restricts that.
func featBitShares(shares []share, part func(variation int) float64) []featBitShare {
	out := make([]featBitShare, len(shares))
	for i, s := range shares {
		out[i] = featBitShare{variationID(s.variation), [2]float64{s.from, s.to}, part(s.variation)}
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

// featBitType is for people.
func featBitType(values []string) string {
	for _, value := range values {
		if value != "true" && value != "false" {
			return "string"
		}
	}
	return "boolean"
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

func (d *featBit) segment(s *segment, version int64) entity {
	out := featBitSegment{
		ID:        s.id,
		EnvID:     d.envID(),
		Name:      s.id,
		Included:  append([]string{}, s.included...),
		Excluded:  append([]string{}, s.excluded...),
		Rules:     []featBitSegmentRule{},
		UpdatedAt: timeText(version),
	}
	for i, clauses := range s.rules {
		out.Rules = append(out.Rules, featBitSegmentRule{
			ID:      "s" + strconv.Itoa(i+1),
			Name:    "rule " + strconv.Itoa(i+1),
			Clauses: featBitClauses(clauses),
		})
	}
	return entity{kind: segments, id: s.id, version: version, json: mustMarshal(out)}
}

// guidOf makes an id that is always the same for a key. Nothing reads it.
func guidOf(key string) string {
	sum := md5.Sum([]byte(key))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:])
}
