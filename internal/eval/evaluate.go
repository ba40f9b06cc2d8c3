package eval

import (
	"sort"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Result is the outcome for one flag and user. Variation is nil if there is no
// variation to serve: with ReasonError and ReasonLimit.
type Result struct {
	Flag       *Flag
	Variation  *Variation
	Reason     Reason
	Experiment bool // the user counts in experiments on the flag
	// Split: the user's bucket decided, in a rollout with percentages.
	Split bool
	// InvalidAttribute: the evaluation failed because it needs an invalid
	// attribute of the user; see User.SetInvalid.
	InvalidAttribute bool
}

// Static reports whether every user gets this result: the flag is on, and has no
// prerequisites, targets, rules or percentages.
func (r *Result) Static() bool { return r.Reason == ReasonFallthrough && r.Flag.static }

const (
	// maxDepth is the maximum length of a chain of prerequisites, or of
	// segments that refer to segments.
	maxDepth = 100
	// maxSteps is the maximum number of flags and segments that one evaluation
	// may visit. Without it, a chain of a few dozen flags that each require the
	// next one twice would practically never end.
	maxSteps = 10_000
	// maxClauses is the maximum number of rules, clauses, segments of clauses,
	// and shares that one evaluation may check, in all flags and segments
	// together. It limits an evaluation to about ten milliseconds.
	maxClauses = 1_000_000
)

// Evaluate decides which variation of f the user gets. The user must be valid
// and f must come from s.
//
// The results of prerequisites, each as often as it was evaluated, are
// appended to trace, in order (protocol reference, section 6.1).
func Evaluate(s *Snapshot, f *Flag, u *User, trace []Result) (Result, []Result) {
	if f.constant.Variation != nil {
		return f.constant, trace
	}
	e := evaluation{snapshot: s, semantics: f.source.Semantics, user: u}
	if f.alone { // what flag does for most flags
		e.steps = 1
		return e.own(f), trace
	}
	return e.flag(f, nil, trace)
}

// evaluation is one call of Evaluate. It stays on the stack: nothing may keep
// a pointer to it.
type evaluation struct {
	snapshot  *Snapshot
	semantics *Semantics
	user      *User
	steps     int  // flags and segments visited
	clauses   int  // checked, and what else maxClauses counts
	failed    bool // a clause could not be decided
	limited   bool // one of the limits has been reached
	// invalid is the invalid attribute that was needed, or nil.
	invalid *attributeRef
}

// step counts a flag or a segment. Beyond maxSteps the evaluation fails.
func (e *evaluation) step() bool {
	e.steps++
	return e.steps <= maxSteps || e.limit()
}

// spend counts clauses. Beyond maxClauses the evaluation fails.
func (e *evaluation) spend(clauses int) bool {
	e.clauses += clauses
	return e.clauses <= maxClauses || e.limit()
}

// limit makes the evaluation fail and returns false.
func (e *evaluation) limit() bool {
	e.failed, e.limited = true, true
	return false
}

// failure is the result of a flag that cannot be evaluated.
func (e *evaluation) failure(f *Flag) Result {
	if e.limited {
		return Result{Flag: f, Reason: ReasonLimit}
	}
	return Result{Flag: f, Reason: ReasonError, InvalidAttribute: e.invalid != nil}
}

// InvalidAttribute returns the name, as the user has it, of the attribute of a Result
// with InvalidAttribute. It evaluates the flag again: results are smaller without the
// name, which only a log needs.
func InvalidAttribute(s *Snapshot, f *Flag, u *User) string {
	e := evaluation{snapshot: s, semantics: f.source.Semantics, user: u}
	_, _ = e.flag(f, nil, nil)
	if e.invalid == nil {
		return ""
	}
	name, _ := u.invalidName(e.invalid)
	return name
}

// flagPath is the path from the evaluated flag to a prerequisite.
type flagPath struct {
	flag  *Flag
	from  *flagPath
	depth int
}

func (p *flagPath) has(f *Flag) bool {
	for ; p != nil; p = p.from {
		if p.flag == f {
			return true
		}
	}
	return false
}

// flag evaluates f, its prerequisites first. It fails if they form a cycle or
// one of them is broken.
//
// The trace is passed by value, because a slice stored in e would move its
// backing array to the heap. So would two functions that call each other:
// escape analysis follows a parameter to the results of its own function only.
func (e *evaluation) flag(f *Flag, path *flagPath, trace []Result) (Result, []Result) {
	if f.broken != nil || !e.step() {
		return e.failure(f), trace
	}
	if f.constant.Variation != nil {
		return f.constant, trace
	}
	here := flagPath{flag: f, from: path, depth: 1}
	if path != nil {
		here.depth += path.depth
	}
	for i := range f.prerequisites {
		p := &f.prerequisites[i]
		if p.FlagKey == f.Key {
			continue // counts as passed
		}
		passed := false
		if other := e.snapshot.Flag(p.FlagKey); other != nil {
			if here.has(other) || here.depth >= maxDepth && !e.limit() {
				return e.failure(f), trace
			}
			var result Result
			if result, trace = e.flag(other, &here, trace); result.Variation == nil {
				return e.failure(f), trace
			}
			trace = append(trace, result)
			passed = result.Variation.ID == p.VariationID
		}
		if !passed {
			return Result{Flag: f, Variation: f.off, Reason: ReasonPrerequisiteFailed}, trace
		}
	}
	return e.own(f), trace
}

// own evaluates an enabled flag whose prerequisites have passed.
//
// It counts the clauses of all rules up to the last that it has reached, at once:
// counting each rule would slow down every evaluation.
func (e *evaluation) own(f *Flag) Result {
	if len(f.targets.each) > 0 {
		if v := f.targets.of(e.user.Key); v != nil {
			return e.serve(Result{Flag: f, Variation: v, Reason: ReasonTargetMatch, Experiment: f.targetExperiment})
		}
	}
	rules, cost := f.rules, f.cost
	if left := maxClauses - e.clauses; cost > left {
		rules = within(left, rules)
	}
	for i := range rules {
		r := &rules[i]
		if !e.all(r.clauses, nil) {
			if e.failed {
				e.spend(r.cost) // the limit may come before the failure
				return e.failure(f)
			}
			continue
		}
		if s := r.rollout.share(e); s != nil {
			e.spend(r.cost)
			return e.serve(r.rollout.result(f, s, ReasonRuleMatch, e.user))
		}
		// A rule that matches but has no share ends the search.
		e.failed = e.failed || e.semantics.Strict
		cost = r.cost
		break
	}
	if cost > 0 {
		e.spend(cost)
	}
	if s := f.fallthrough_.share(e); s != nil {
		return e.serve(f.fallthrough_.result(f, s, ReasonFallthrough, e.user))
	}
	e.failed = e.failed || e.semantics.Strict
	return e.serve(Result{Flag: f, Variation: f.off, Reason: ReasonFallthrough})
}

// serve returns the result of a flag, unless the evaluation has failed.
func (e *evaluation) serve(r Result) Result {
	if e.failed || r.Variation == missing {
		return e.failure(r.Flag)
	}
	return r
}

// within returns the rules that have at most so many clauses together.
func within(clauses int, rules []rule) []rule {
	return rules[:sort.Search(len(rules), func(i int) bool { return rules[i].cost > clauses })]
}

// Every clauseText bytes of an attribute count as one more clause.
const clauseText = 256

// matches decides a clause about an attribute. A clause that cannot be decided
// does not match.
func (e *evaluation) matches(c *clause) (matches, decided bool) {
	value, _ := e.user.lookup(&c.attribute)
	if value == "" && e.needsInvalid(&c.attribute) {
		return false, false
	}
	if len(value) >= clauseText && !e.spend(len(value)/clauseText) {
		return false, false
	}
	if e.semantics.EmptyIsMissing && value == "" {
		return c.negate, true
	}
	if c.relation == model.MatchesPattern {
		found, ok := e.find(c.pattern, value)
		return ok && found != c.negate, ok
	}
	return c.test(e.semantics, value) != c.negate, true
}

// needsInvalid makes the evaluation fail if the user has an invalid attribute in
// place of one that was not found.
func (e *evaluation) needsInvalid(ref *attributeRef) bool {
	if e.user.invalid == nil {
		return false
	}
	if _, invalid := e.user.invalidName(ref); !invalid {
		return false
	}
	if !e.failed { // the first failure is the one to report
		e.invalid = ref
	}
	e.failed = true
	return true
}

// find runs a pattern, and counts its possible time as clauses.
func (e *evaluation) find(p *pattern, value string) (found, ok bool) {
	if !e.spend(p.clauses(value)) {
		return false, false
	}
	found, ok, clauses := p.match(value)
	if clauses > 0 && !e.spend(clauses) {
		return false, false
	}
	return found, ok
}

// all reports whether the user matches all clauses of a rule. The caller counts
// them.
func (e *evaluation) all(clauses []clause, path *segmentPath) bool {
	if len(clauses) == 0 {
		return !e.semantics.EmptyRuleNeverMatches
	}
	for i := range clauses {
		c := &clauses[i]
		if c.plain { // what matches does, without the cases that are rare
			value, _ := e.user.lookup(&c.attribute)
			if len(value) < clauseText && (value != "" || !e.semantics.EmptyIsMissing && e.user.invalid == nil) {
				if c.test(e.semantics, value) == c.negate {
					return false
				}
				continue
			}
		}
		switch {
		case c.undecided:
			e.failed = true
			return false
		case c.relation == model.IsInSegment:
			if e.inAny(c.segments, path) == c.negate || e.failed {
				return false
			}
		default:
			if matches, _ := e.matches(c); !matches {
				return false
			}
		}
	}
	return true
}
