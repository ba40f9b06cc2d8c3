package local

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// warnFlag returns warnings about valid settings of a flag that are probably
// mistakes.
func warnFlag(semantics *eval.Semantics, f *model.Flag) []string {
	out := lines(semantics.CheckFlag(f))
	out = append(out, warnTargets(f)...)
	for i, r := range f.Rules {
		out = append(out, warnClauses(semantics, fmt.Sprintf("rule %d: ", i+1), r.Clauses)...)
	}
	return out
}

// warnTargets reports users who are in the targets of several variations.
func warnTargets(f *model.Flag) (out []string) {
	if len(f.Targets) == 0 || !slices.ContainsFunc(f.Targets, func(t model.Target) bool { return t.Variation != f.Targets[0].Variation }) {
		return nil // all users get the same: the map would be larger than the flag
	}
	variationOf := make(map[string]int)
	for _, t := range f.Targets {
		for i := range t.Keys.Len() {
			key := t.Keys.At(i)
			if other, known := variationOf[key]; known && other != t.Variation {
				out = append(out, fmt.Sprintf("user %s is in the targets of %s and of %s: the first counts",
					flagfile.Quote(key), flagfile.Quote(valueOf(f, other)), flagfile.Quote(valueOf(f, t.Variation))))
			} else if !known {
				variationOf[key] = t.Variation
			}
		}
	}
	return out
}

// warnSegment is warnFlag for a segment.
func warnSegment(semantics *eval.Semantics, s *model.Segment) []string {
	out := lines(semantics.CheckSegment(s))
	for i, r := range s.Rules {
		out = append(out, warnClauses(semantics, fmt.Sprintf("rule %d: ", i+1), r.Clauses)...)
	}
	return out
}

func warnClauses(semantics *eval.Semantics, where string, clauses []model.Clause) (out []string) {
	for _, c := range clauses {
		o := model.OperatorNamed(c.Operator)
		switch {
		case c.Malformed != "" || isSegmentClause(c):
		case semantics.NeverFound(c.Property):
			out = append(out, fmt.Sprintf("%sno user can have the attribute %s: expected key, name, email, country, or a name of your own",
				where, flagfile.Quote(c.Property)))
		case c.Property == "":
			out = append(out, where+"a condition names no attribute, so no user has one")
		case strings.TrimSpace(c.Property) != c.Property:
			out = append(out, fmt.Sprintf("%sthe attribute %s has blanks around it, and few users have such an attribute", where, flagfile.Quote(c.Property)))
		case o.Operand == model.ListOperand && !o.Negated && isEmptyList(c.Value):
			out = append(out, where+"a list of values is empty, so the condition matches no user")
		}
	}
	return out
}

func isEmptyList(value string) bool {
	return strings.TrimSpace(strings.Trim(strings.TrimSpace(value), "[]")) == ""
}

func isSegmentClause(c model.Clause) bool {
	return model.OperatorNamed(c.Property).Operand == model.SegmentsOperand
}

func valueOf(f *model.Flag, variation int) string {
	if variation < 0 || variation >= len(f.Variations) {
		return ""
	}
	return f.Variations[variation].Value
}

// lines returns the errors that are joined in err.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// warn sets the warnings of all flags: their own, and one for each flag that is its
// own prerequisite by way of others.
func (v *view) warn() {
	v.warnings = maps.Clone(v.own)
	for _, circle := range v.circles() {
		keys := make([]string, 0, len(circle))
		for _, i := range circle {
			keys = append(keys, v.doc.Key(i))
		}
		slices.Sort(keys)
		shown := keys[:min(len(keys), 5)]
		text := "its prerequisites form a circle of " + strings.Join(shown, ", ")
		if more := len(keys) - len(shown); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		for _, i := range circle {
			v.warnings[i] = append(slices.Clone(v.own[i]), text+": every user gets the fallback while all of them are on")
		}
	}
}

// circles returns the indexes of flags that reach each other by their
// prerequisites: the strongly connected components of more than one flag, by
// Tarjan's algorithm.
func (v *view) circles() (out [][]int) {
	if len(v.prerequisites) == 0 {
		return nil
	}
	number := make([]int, v.doc.Len()) // 0: not visited
	low := make([]int, v.doc.Len())
	onStack := make([]bool, v.doc.Len())
	var stack []int
	next := 0
	var visit func(i int)
	visit = func(i int) {
		next++
		number[i], low[i] = next, next
		stack, onStack[i] = append(stack, i), true
		for _, key := range v.prerequisites[i] {
			j, ok := v.index(key)
			switch {
			case !ok || j == i:
			case number[j] == 0:
				visit(j)
				low[i] = min(low[i], low[j])
			case onStack[j]:
				low[i] = min(low[i], number[j])
			}
		}
		if low[i] != number[i] {
			return
		}
		at := slices.Index(stack, i)
		for _, j := range stack[at:] {
			onStack[j] = false
		}
		if len(stack)-at > 1 {
			out = append(out, slices.Clone(stack[at:]))
		}
		stack = stack[:at]
	}
	for i := range number {
		if number[i] == 0 && len(v.prerequisites[i]) > 0 {
			visit(i)
		}
	}
	return out
}

// maxWarned is how many warnings are logged at a time.
const maxWarned = 20

// logWarnings logs the warnings that the view before did not have.
func (p *Platform) logWarnings(before, now *view) {
	old := make(map[string]bool)
	for w := range before.allWarnings() {
		old[w] = true
	}
	told, more := 0, 0
	for _, w := range slices.Sorted(maps.Keys(now.allWarnings())) {
		switch {
		case old[w]:
		case told == maxWarned:
			more++
		default:
			told++
			p.cfg.Log("warning: " + p.cfg.File + ": " + w)
		}
	}
	if more > 0 {
		p.cfg.Log(fmt.Sprintf("warning: %s: %d more; the page shows them", p.cfg.File, more))
	}
}

// allWarnings returns the warnings of all flags and segments, with their keys.
func (v *view) allWarnings() map[string]struct{} {
	out := make(map[string]struct{})
	if v == nil {
		return out
	}
	for i, warnings := range v.warnings {
		for _, w := range warnings {
			out["flag "+flagfile.Quote(v.doc.Key(i))+": "+w] = struct{}{}
		}
	}
	for id, warnings := range v.segmentWarnings {
		for _, w := range warnings {
			out["segment "+flagfile.Quote(id)+": "+w] = struct{}{}
		}
	}
	return out
}
