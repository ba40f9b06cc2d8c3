package ffctest

import "strconv"

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

// segment writes s at a version.
func (c *classic) segment(s *segment, version int64) entity {
	out := classicSegment{
		ID:        s.id,
		Timestamp: version,
		Included:  append([]string{}, s.included...),
		Excluded:  append([]string{}, s.excluded...),
		Rules:     []classicSegmentRule{},
	}
	for i, clauses := range s.rules {
		out.Rules = append(out.Rules, classicSegmentRule{
			ID:      "s" + strconv.Itoa(i+1),
			Name:    "rule " + strconv.Itoa(i+1),
			Clauses: classicClauses(clauses),
		})
	}
	return entity{kind: segments, id: s.id, version: version, json: mustMarshal(out)}
}
