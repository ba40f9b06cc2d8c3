package ffctest

import "strconv"

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

// flag writes f at a version.
func (c *classic) flag(f *flag, version int64) entity {
	id := c.env.flagID(f.key)
	off := f.off
	if off < 0 {
		off = len(f.values) - 1
	}
	shares := f.fallthru
	if shares == nil {
		shares = all(0)
	}
	status := "Enabled"
	if !f.on {
		status = "Disabled"
	}
	out := classicFlag{
		ID:        id,
		Timestamp: version,
		Basics: classicBasics{
			ID:              id,
			Name:            f.name,
			Type:            1,
			KeyName:         f.key,
			Status:          status,
			LastUpdatedTime: timeText(version),
			Rollouts:        classicShares(f, shares, func(i int) float64 { return f.experiment.part(i) }),
			WhenDisabled:    classicVariation(f, off),
		},
		Prerequisites: []classicPrerequisite{},
		Rules:         []classicRule{},
		Targets:       []classicTarget{},
		Options:       []classicOption{},
	}
	if f.experiment != nil {
		// Null would mean everyone, at each of these places.
		no := false
		counts := len(f.experiment.parts) > 0
		out.ExptIncludeAllRules = &no
		out.Basics.IncludedInExpt = &counts
	}
	for _, p := range f.prerequisites {
		option := classicOption{LocalID: p.variation + 1, Order: p.variation + 1, Value: p.value}
		out.Prerequisites = append(out.Prerequisites, classicPrerequisite{c.env.flagID(p.flagKey), option, option})
	}
	for i, r := range f.rules {
		out.Rules = append(out.Rules, classicRule{
			ID:             "r" + strconv.Itoa(i+1),
			Name:           "rule " + strconv.Itoa(i+1),
			IncludedInExpt: out.ExptIncludeAllRules,
			Clauses:        classicClauses(r.clauses),
			Rollouts:       classicShares(f, r.shares, func(int) float64 { return 0 }),
		})
	}
	for _, t := range f.targets {
		ct := classicTarget{Option: classicVariation(f, t.variation)}
		for _, key := range t.users {
			ct.Individuals = append(ct.Individuals, classicIndividual{ID: c.env.userID(key), Name: key, KeyID: key})
		}
		out.Targets = append(out.Targets, ct)
	}
	for i := range f.values {
		out.Options = append(out.Options, classicVariation(f, i))
	}
	return entity{kind: flags, id: id, version: version, json: mustMarshal(out)}
}

func (x *experiment) part(variation int) float64 {
	if x == nil || variation >= len(x.parts) {
		return 0
	}
	return x.parts[variation]
}

func classicVariation(f *flag, i int) classicOption {
	return classicOption{LocalID: i + 1, Order: i + 1, Value: f.values[i]}
}

// classicShares writes a rollout; part is what of a variation counts in
// experiments when the flag restricts that.
func classicShares(f *flag, shares []share, part func(variation int) float64) []classicShare {
	out := make([]classicShare, len(shares))
	for i, s := range shares {
		out[i] = classicShare{Percentage: [2]float64{s.from, s.to}, Option: classicVariation(f, s.variation)}
		if f.experiment != nil {
			p := part(s.variation)
			out[i].ExptRollout = &p
		}
	}
	return out
}
