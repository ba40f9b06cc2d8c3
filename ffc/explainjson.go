package ffc

import (
	"encoding/json"
	"math"
)

// MarshalJSON implements json.Marshaler with the names of the fields and the error
// as text: {"flagKey":"checkout","flagName":"Checkout","value":"blue",
// "variationId":"2","reason":"rule match","experiment":true,
// "prerequisites":[...],"rules":[...],"rollout":{...}}. An error, problem, rollout
// or bucket that is missing is left out. Lists are never null. From and To of a
// share are null if they are NaN.
func (e Explanation) MarshalJSON() ([]byte, error) { return json.Marshal(explanationForm(&e)) }

// explanationJSON is built for the whole tree at once. If each level implemented
// json.Marshaler, its JSON would be copied at every level above it.
type explanationJSON struct {
	FlagKey       string             `json:"flagKey"`
	FlagName      string             `json:"flagName"`
	Value         string             `json:"value"`
	VariationID   string             `json:"variationId"`
	Reason        Reason             `json:"reason"`
	Error         string             `json:"error,omitempty"`
	Experiment    bool               `json:"experiment"`
	Prerequisites []prerequisiteJSON `json:"prerequisites"`
	Rules         []ruleJSON         `json:"rules"`
	Rollout       *rolloutJSON       `json:"rollout,omitempty"`
}

type prerequisiteJSON struct {
	VariationID string          `json:"variationId"`
	Passed      bool            `json:"passed"`
	Explanation explanationJSON `json:"explanation"`
}

type ruleJSON struct {
	ID      string       `json:"id"`
	Name    string       `json:"name"`
	Matched bool         `json:"matched"`
	Clauses []clauseJSON `json:"clauses"`
	Rollout *rolloutJSON `json:"rollout,omitempty"`
}

type clauseJSON struct {
	Attribute string        `json:"attribute"`
	Operator  string        `json:"operator"`
	Operand   string        `json:"operand"`
	UserValue string        `json:"userValue"`
	Present   bool          `json:"present"`
	Matched   bool          `json:"matched"`
	Problem   string        `json:"problem,omitempty"`
	Segments  []segmentJSON `json:"segments"`
}

type segmentJSON struct {
	ID     string     `json:"id"`
	Member bool       `json:"member"`
	By     string     `json:"by"`
	Rules  []ruleJSON `json:"rules"`
}

type rolloutJSON struct {
	Bucket    *float64    `json:"bucket,omitempty"`
	BucketBy  string      `json:"bucketBy"`
	UserValue string      `json:"userValue"`
	Shares    []shareJSON `json:"shares"`
}

type shareJSON struct {
	From        *float64 `json:"from"`
	To          *float64 `json:"to"`
	VariationID string   `json:"variationId"`
	Value       string   `json:"value"`
	Taken       bool     `json:"taken"`
}

func explanationForm(e *Explanation) explanationJSON {
	out := explanationJSON{
		FlagKey: e.FlagKey, FlagName: e.FlagName, Value: e.Value, VariationID: e.VariationID, Reason: e.Reason, Experiment: e.Experiment,
		Prerequisites: mapped(e.Prerequisites, prerequisiteForm),
		Rules:         mapped(e.Rules, ruleForm),
		Rollout:       rolloutForm(e.Rollout),
	}
	if e.Err != nil {
		out.Error = e.Err.Error()
	}
	return out
}

func prerequisiteForm(p *ExplainedPrerequisite) prerequisiteJSON {
	return prerequisiteJSON{p.VariationID, p.Passed, explanationForm(&p.Explanation)}
}

func ruleForm(r *ExplainedRule) ruleJSON {
	return ruleJSON{r.ID, r.Name, r.Matched, mapped(r.Clauses, clauseForm), rolloutForm(r.Rollout)}
}

func clauseForm(c *ExplainedClause) clauseJSON {
	return clauseJSON{c.Attribute, c.Operator, c.Operand, c.UserValue, c.Present, c.Matched, c.Problem, mapped(c.Segments, segmentForm)}
}

func segmentForm(s *ExplainedSegment) segmentJSON {
	return segmentJSON{s.ID, s.Member, s.By, mapped(s.Rules, ruleForm)}
}

func rolloutForm(ro *ExplainedRollout) *rolloutJSON {
	if ro == nil {
		return nil
	}
	return &rolloutJSON{finite(ro.Bucket), ro.BucketBy, ro.UserValue, mapped(ro.Shares, shareForm)}
}

func shareForm(s *ExplainedShare) shareJSON {
	return shareJSON{finite(s.From), finite(s.To), s.VariationID, s.Value, s.Taken}
}

// finite returns nil for NaN and infinities, which JSON cannot represent.
func finite(f float64) *float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil
	}
	return &f
}
