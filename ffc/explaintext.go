package ffc

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// String returns the explanation as text of several lines, for people:
//
//	checkout = "blue" (rule match)
//	  targets: the user is not listed
//	  rule 1 "Europe": matches
//	    country IsOneOf ["FR","BE"]: yes, the user has "FR"
//	    bucket 0.651939 (key "u1") in share 0.5-1 -> "blue"
//
// Long values are cut. The format may change: programs must read the fields
// instead.
func (e Explanation) String() string {
	if e.FlagKey == "" && e.Reason == "" {
		return "no explanation"
	}
	var t explanationText
	t.line("%s", outcome(&e))
	t.depth++
	if e.Reason == ReasonError {
		t.line("%v", e.Err)
	}
	t.way(&e)
	if e.Experiment {
		t.line("counts in experiments")
	}
	return strings.TrimSuffix(t.String(), "\n")
}

// explanationText is an indented text.
type explanationText struct {
	strings.Builder
	depth int
}

func (t *explanationText) line(format string, args ...any) {
	for range t.depth {
		t.WriteString("  ")
	}
	fmt.Fprintf(t, format, args...)
	t.WriteByte('\n')
}

func outcome(e *Explanation) string {
	if e.Err != nil {
		return fmt.Sprintf("%s: no value (%s)", word(e.FlagKey), e.Reason)
	}
	return fmt.Sprintf("%s = %s (%s)", word(e.FlagKey), quoted(e.Value), e.Reason)
}

// way writes the steps that led to the outcome.
func (t *explanationText) way(e *Explanation) {
	for i := range e.Prerequisites {
		t.prerequisite(&e.Prerequisites[i])
	}
	switch {
	case e.Reason == ReasonTargetMatch:
		t.line("targets: the user is listed")
	case e.Rollout != nil || len(e.Rules) > 0:
		t.line("targets: the user is not listed")
	}
	t.rules(e.Rules)
	if e.Rollout == nil {
		return
	}
	end := ""
	if e.Err == nil && takenOf(e.Rollout) == nil {
		end = ", so the off variation"
	}
	if n := len(e.Rules); n > 0 && e.Rules[n-1].Matched && e.Rules[n-1].Rollout == nil {
		t.line("  %s%s", rolloutText(e.Rollout), end)
		return
	}
	t.line("default rule: %s%s", rolloutText(e.Rollout), end)
}

func (t *explanationText) prerequisite(p *ExplainedPrerequisite) {
	e := &p.Explanation
	name := fmt.Sprintf("prerequisite %s, variation %s", word(e.FlagKey), word(p.VariationID))
	switch {
	case e.Reason == "":
		t.line("%s: passed, because it is the flag itself", name)
		return
	case p.Passed:
		t.line("%s: passed", name)
	case e.Err == nil:
		t.line("%s: failed, it serves variation %s", name, word(e.VariationID))
	default:
		t.line("%s: failed", name)
	}
	t.depth++
	defer func() { t.depth-- }()
	if explainedBefore(e) {
		t.line("%s, explained above", outcome(e))
		return
	}
	t.line("%s", outcome(e))
	t.depth++
	t.way(e)
	t.depth--
}

// explainedBefore reports whether an explanation lacks its steps, because the same
// Explanation has them further up.
func explainedBefore(e *Explanation) bool {
	switch e.Reason {
	case ReasonPrerequisiteFailed:
		return len(e.Prerequisites) == 0
	case ReasonRuleMatch, ReasonFallthrough:
		return e.Rollout == nil
	}
	return false
}

func (t *explanationText) rules(rules []ExplainedRule) {
	for i := range rules {
		r := &rules[i]
		name := ""
		if r.Name != "" && r.Name != fmt.Sprintf("rule %d", i+1) {
			name = " " + quoted(r.Name)
		}
		end := "does not match"
		if r.Matched {
			end = "matches"
		}
		if len(r.Clauses) == 0 {
			end += ", because it has no clauses"
		}
		t.line("rule %d%s: %s", i+1, name, end)
		t.depth++
		for j := range r.Clauses {
			t.clause(&r.Clauses[j])
		}
		if r.Rollout != nil {
			t.line("%s, so the default rule decides", rolloutText(r.Rollout))
		}
		t.depth--
	}
}

func (t *explanationText) clause(c *ExplainedClause) {
	end := "no"
	if c.Matched {
		end = "yes"
	}
	switch {
	case c.Present:
		end += ", the user has " + quoted(c.UserValue)
	case c.Attribute != "":
		end += ", the user does not have it"
	}
	if c.Problem != "" {
		end += "; " + c.Problem
	}
	t.line("%s: %s", condition(c), end)
	t.depth++
	for i := range c.Segments {
		t.segment(&c.Segments[i])
	}
	t.depth--
}

// condition returns a clause as text: attribute, operator and operand, without the
// parts that the clause lacks.
func condition(c *ExplainedClause) string {
	var parts []string
	if c.Attribute != "" {
		parts = append(parts, word(c.Attribute))
	}
	if c.Operator != "" {
		parts = append(parts, plain(c.Operator))
	}
	o := model.OperatorNamed(c.Operator)
	isList := o.Operand == model.ListOperand || o.Operand == model.SegmentsOperand
	switch {
	case o.Relation != model.NoRelation && o.Operand == model.NoOperand:
	case isList && strings.HasPrefix(c.Operand, "["):
		parts = append(parts, plain(c.Operand))
	case len(parts) > 0:
		parts = append(parts, quoted(c.Operand))
	default:
		return "a clause"
	}
	return strings.Join(parts, " ")
}

func (t *explanationText) segment(s *ExplainedSegment) {
	end := "does not have the user"
	if s.Member {
		end = "has the user"
	}
	by := s.By
	if by == "unknown" { // polling on classic gets no segments
		by = "the data has no such segment"
	}
	t.line("segment %s %s (%s)", word(s.ID), end, by)
	t.depth++
	t.rules(s.Rules)
	t.depth--
}

// rolloutText returns a rollout as one line: the user's share, or all shares if the
// user is in none.
func rolloutText(ro *ExplainedRollout) string {
	if len(ro.Shares) == 0 {
		return "no shares"
	}
	taken := takenOf(ro)
	if taken != nil && math.IsNaN(ro.Bucket) {
		return "everybody -> " + servedText(taken)
	}
	by := "without " + word(ro.BucketBy)
	if ro.UserValue != "" {
		by = word(ro.BucketBy) + " " + quoted(ro.UserValue)
	}
	// Cut the bucket, do not round it: a bucket below the end of a share must not
	// look equal to that end.
	bucket := fmt.Sprintf("bucket %s (%s)", number(math.Trunc(ro.Bucket*1e6)/1e6), by)
	if taken != nil {
		return fmt.Sprintf("%s in share %s", bucket, shareText(taken))
	}
	shares := make([]string, len(ro.Shares))
	for i := range ro.Shares {
		shares[i] = shareText(&ro.Shares[i])
	}
	return fmt.Sprintf("%s in no share of %s", bucket, strings.Join(shares, ", "))
}

func takenOf(ro *ExplainedRollout) *ExplainedShare {
	for i := range ro.Shares {
		if ro.Shares[i].Taken {
			return &ro.Shares[i]
		}
	}
	return nil
}

func shareText(s *ExplainedShare) string {
	ends := "no range"
	if !math.IsNaN(s.From) && !math.IsNaN(s.To) {
		ends = number(s.From) + "-" + number(s.To)
	}
	return ends + " -> " + servedText(s)
}

func servedText(s *ExplainedShare) string {
	if s.VariationID == "" && s.Value == "" {
		return "no variation"
	}
	return quoted(s.Value)
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// longestText is the maximum number of characters of a text that are printed.
const longestText = 100

// quoted returns a text in quotes, with escapes for characters that are not
// visible.
func quoted(s string) string {
	start, more := cut(s)
	return strconv.Quote(start) + more
}

// plain returns a text without quotes if all its characters are printable.
func plain(s string) string {
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return quoted(s)
	}
	start, more := cut(s)
	return start + more
}

// word returns a name without quotes, unless it is empty or has characters that
// the format of the explanation uses.
func word(s string) string {
	if s == "" || strings.ContainsAny(s, "\" \t,:()=") {
		return quoted(s)
	}
	return plain(s)
}

func cut(s string) (start, more string) {
	n := 0
	for i := range s {
		if n == longestText {
			return s[:i], "..."
		}
		n++
	}
	return s, ""
}
