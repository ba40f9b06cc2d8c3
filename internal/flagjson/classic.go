package flagjson

import (
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Classic is an environment of featureflag.co.
type Classic struct{ Account, Project, ID int }

// Platform implements Format.
func (Classic) Platform() string { return "featureflag.co" }

// Prerequisites implements Format.
func (Classic) Prerequisites() bool { return true }

// TestClassic returns the environment of ffctest and of flag files.
func TestClassic() Classic { return Classic{Account: 11, Project: 22, ID: 33} }

// ParseClassic reads three numbers, none of which is 0.
func ParseClassic(account, project, id string) (Classic, bool) {
	var n [3]int
	for i, part := range [...]string{account, project, id} {
		v, err := strconv.ParseInt(part, 10, 32)
		if err != nil || v == 0 {
			return Classic{}, false
		}
		n[i] = int(v)
	}
	return Classic{Account: n[0], Project: n[1], ID: n[2]}, true
}

// FlagID returns the id of a flag: FF__account__project__environment__key.
func (e Classic) FlagID(key string) string {
	return "FF__" + strconv.Itoa(e.Account) + "__" + strconv.Itoa(e.Project) + "__" + strconv.Itoa(e.ID) + "__" + key
}

// ParseFlagID splits the id of a flag. The key may contain the separator.
func ParseFlagID(id string) (env Classic, key string, ok bool) {
	parts := strings.SplitN(id, "__", 5)
	if len(parts) < 5 || parts[0] != "FF" || parts[4] == "" {
		return Classic{}, "", false
	}
	env, ok = ParseClassic(parts[1], parts[2], parts[3])
	// Ids are compared as text: "011" would never be found again.
	return env, parts[4], ok && env.FlagID(parts[4]) == id
}

func (e Classic) userID(key string) string {
	return "WU__" + strconv.Itoa(e.ID) + "__" + key
}

type classicFlag struct {
	ID                  string                `json:"id"`
	IsArchived          bool                  `json:"isArchived"`
	Timestamp           int64                 `json:"timestamp"`
	ExptIncludeAllRules *bool                 `json:"exptIncludeAllRules"`
	Basics              classicBasics         `json:"ff"`
	Prerequisites       []classicPrerequisite `json:"ffp"`
	Rules               []classicRule         `json:"fftuwmtr"`
	Targets             []classicTarget       `json:"targetIndividuals"`
	Options             []classicOption       `json:"variationOptions"`
}

type classicBasics struct {
	ID              string         `json:"id"`
	Name            string         `json:"name"`
	Type            int            `json:"type"`
	KeyName         string         `json:"keyName"`
	Status          string         `json:"status"`
	IncludedInExpt  *bool          `json:"isDefaultRulePercentageRolloutsIncludedInExpt"`
	LastUpdatedTime string         `json:"lastUpdatedTime"`
	Rollouts        []classicShare `json:"defaultRulePercentageRollouts"`
	WhenDisabled    classicOption  `json:"variationOptionWhenDisabled"`
}

type classicOption struct {
	LocalID int    `json:"localId"`
	Order   int    `json:"displayOrder"`
	Value   string `json:"variationValue"`
}

type classicShare struct {
	ExptRollout *float64      `json:"exptRollout"`
	Percentage  [2]float64    `json:"rolloutPercentage"`
	Option      classicOption `json:"valueOption"`
}

// classicPrerequisite has the option under both names that SDKs read.
type classicPrerequisite struct {
	FlagID  string        `json:"prerequisiteFeatureFlagId"`
	Option  classicOption `json:"valueOptionsVariationValue"`
	Capital classicOption `json:"ValueOptionsVariationValue"`
}

type classicRule struct {
	ID             string          `json:"ruleId"`
	Name           string          `json:"ruleName"`
	IncludedInExpt *bool           `json:"isIncludedInExpt"`
	Clauses        []classicClause `json:"ruleJsonContent"`
	Rollouts       []classicShare  `json:"valueOptionsVariationRuleValues"`
}

type classicTarget struct {
	Individuals []classicIndividual `json:"individuals"`
	Option      classicOption       `json:"valueOption"`
}

type classicIndividual struct {
	ID    string  `json:"id"`
	Name  string  `json:"name"`
	KeyID string  `json:"keyId"`
	Email *string `json:"email"`
}

type classicSegment struct {
	ID         string               `json:"id"`
	IsArchived bool                 `json:"isArchived"`
	Timestamp  int64                `json:"timestamp"`
	Included   []string             `json:"included"`
	Excluded   []string             `json:"excluded"`
	Rules      []classicSegmentRule `json:"rules"`
}

type classicSegmentRule struct {
	ID      string          `json:"ruleId"`
	Name    string          `json:"ruleName"`
	Clauses []classicClause `json:"ruleJsonContent"`
}

type classicClause struct {
	Property  string  `json:"property"`
	Operation *string `json:"operation"`
	Value     string  `json:"value"`
}

func classicClauses(clauses []model.Clause) []classicClause {
	out := make([]classicClause, len(clauses))
	for i, c := range clauses {
		out[i] = classicClause{Property: c.Property, Value: c.Value}
		if c.Operator != "" {
			out[i].Operation = &clauses[i].Operator
		}
	}
	return out
}

// Flag implements Format.
func (e Classic) Flag(f *Flag, version int64) []byte {
	id := e.FlagID(f.Key)
	status := "Enabled"
	if !f.On {
		status = "Disabled"
	}
	out := classicFlag{
		ID:        id,
		Timestamp: version,
		Basics: classicBasics{
			ID:              id,
			Name:            f.Name,
			Type:            1,
			KeyName:         f.Key,
			Status:          status,
			LastUpdatedTime: TimeText(version),
			Rollouts:        classicShares(f, f.shares(), f.Experiment.part),
			WhenDisabled:    classicVariation(f, f.off()),
		},
		Prerequisites: []classicPrerequisite{},
		Rules:         []classicRule{},
		Targets:       []classicTarget{},
		Options:       []classicOption{},
	}
	if f.Experiment != nil {
		// Null would mean everyone, at each of these places.
		no := false
		counts := len(f.Experiment.Parts) > 0
		out.ExptIncludeAllRules = &no
		out.Basics.IncludedInExpt = &counts
	}
	for _, p := range f.Prerequisites {
		option := classicOption{LocalID: p.Variation + 1, Order: p.Variation + 1, Value: p.Value}
		out.Prerequisites = append(out.Prerequisites, classicPrerequisite{e.FlagID(p.FlagKey), option, option})
	}
	for i, r := range f.Rules {
		out.Rules = append(out.Rules, classicRule{
			ID:             "r" + strconv.Itoa(i+1),
			Name:           "rule " + strconv.Itoa(i+1),
			IncludedInExpt: out.ExptIncludeAllRules,
			Clauses:        classicClauses(r.Clauses),
			Rollouts:       classicShares(f, r.Shares, func(int) float64 { return 0 }),
		})
	}
	for _, t := range f.Targets {
		ct := classicTarget{Option: classicVariation(f, t.Variation)}
		for _, key := range t.UserKeys {
			ct.Individuals = append(ct.Individuals, classicIndividual{ID: e.userID(key), Name: key, KeyID: key})
		}
		out.Targets = append(out.Targets, ct)
	}
	for i := range f.Values {
		out.Options = append(out.Options, classicVariation(f, i))
	}
	return mustMarshal(out)
}

func classicVariation(f *Flag, i int) classicOption {
	return classicOption{LocalID: i + 1, Order: i + 1, Value: f.Values[i]}
}

// classicShares writes a rollout. part returns the part of a variation that
// counts in experiments, if the flag restricts that.
func classicShares(f *Flag, shares []Share, part func(variation int) float64) []classicShare {
	out := make([]classicShare, len(shares))
	for i, s := range shares {
		out[i] = classicShare{Percentage: [2]float64{s.From, s.To}, Option: classicVariation(f, s.Variation)}
		if f.Experiment != nil {
			p := part(s.Variation)
			out[i].ExptRollout = &p
		}
	}
	return out
}

// Segment implements Format.
func (Classic) Segment(s *Segment, version int64) []byte {
	out := classicSegment{
		ID:        s.ID,
		Timestamp: version,
		Included:  append([]string{}, s.Included...),
		Excluded:  append([]string{}, s.Excluded...),
		Rules:     []classicSegmentRule{},
	}
	for i, clauses := range s.Rules {
		out.Rules = append(out.Rules, classicSegmentRule{
			ID:      "s" + strconv.Itoa(i+1),
			Name:    "rule " + strconv.Itoa(i+1),
			Clauses: classicClauses(clauses),
		})
	}
	return mustMarshal(out)
}
