package eval

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Flag is a compiled model.Flag. It is immutable.
type Flag struct {
	Key, Name string
	// Omitted: evaluations are reported only if they count in an experiment.
	Omitted bool

	enabled       bool
	alone         bool // can be evaluated, and has no prerequisites
	off           *Variation
	prerequisites []model.Prerequisite
	targets       targets
	rules         []rule
	cost          int // ruleCost of all rules
	fallthrough_  rollout
	// targetExperiment: users matched by a target count in experiments.
	targetExperiment bool
	// constant is the result for every user, if all users get the same.
	constant Result
	static   bool // see Result.Static
	// broken says why the flag cannot be evaluated at all.
	broken error
	source *Source // compiled the flag
}

// Prerequisites returns the number of flags that f depends on directly.
func (f *Flag) Prerequisites() int { return len(f.prerequisites) }

type rule struct {
	id, name string
	clauses  []clause
	rollout  rollout
	cost     int // ruleCost of this rule and all rules before it
}

// ruleCost is what a rule adds to evaluation.clauses, even if its first clause
// decides.
func ruleCost(clauses []clause) int { return 1 + len(clauses) }

// Problem is an error of one flag or segment. It does not affect other items.
type Problem struct {
	Segment bool
	Key     string
	Err     error
}

// Error implements error.
func (p Problem) Error() string {
	kind := "flag"
	if p.Segment {
		kind = "segment"
	}
	// Joined errors have several lines; a log entry has one line.
	return fmt.Sprintf("%s %q: %s", kind, p.Key, strings.ReplaceAll(p.Err.Error(), "\n", "; "))
}

// brokenFlag returns a flag in place of one that could not be decoded or
// compiled. Its evaluation has ReasonError.
func brokenFlag(key string, err error) *Flag { return &Flag{Key: key, broken: err} }

// compileFlag prepares a flag for evaluation. Errors in single clauses do not
// affect the rest of the flag. They are joined and returned together with the
// flag.
func (sem *Semantics) compileFlag(m *model.Flag, owner *patternOwner) (*Flag, error) {
	if err := sem.checkFlag(m); err != nil {
		return brokenFlag(m.Key, err), err
	}
	variations := sem.compileVariations(m.Variations)
	f := &Flag{
		Key:              m.Key,
		Name:             m.Name,
		enabled:          m.Enabled,
		alone:            len(m.Prerequisites) == 0,
		off:              variations.at(m.Off),
		prerequisites:    m.Prerequisites,
		targets:          compileTargets(m.Targets, variations),
		rules:            make([]rule, len(m.Rules)),
		fallthrough_:     sem.compileRollout(m, &m.Fallthrough, variations),
		targetExperiment: m.ExperimentAll != model.No,
	}
	problems := missingVariations(m)
	if err := checkRanges(&m.Fallthrough); err != nil {
		problems.add("the default rule: %w", err)
	}
	for i := range m.Rules {
		from := &m.Rules[i]
		clauses, err := sem.compileClauses(from.Clauses, owner)
		if err != nil {
			problems.add("rule %d: %w", i+1, err)
		}
		if err := checkRanges(&from.Rollout); err != nil {
			problems.add("rule %d: %w", i+1, err)
		}
		f.cost += ruleCost(clauses)
		f.rules[i] = rule{
			id:      from.ID,
			name:    from.Name,
			clauses: clauses,
			rollout: sem.compileRollout(m, &from.Rollout, variations),
			cost:    f.cost,
		}
	}
	f.static = f.isStatic()
	f.constant = f.onlyResult()
	return f, problems.join()
}

func (sem *Semantics) compileClauses(from []model.Clause, owner *patternOwner) ([]clause, error) {
	clauses := make([]clause, len(from))
	var problems problemList
	for i := range from {
		clauses[i] = sem.compileClause(&from[i], owner)
		if err := clauses[i].problem(); err != nil {
			problems.add("clause %d (operator %.100q): %w", i+1, from[i].Operator, err)
		}
	}
	return clauses, problems.join()
}

// problemList has the first problems of a flag, segment or rule, and the number
// of the rest.
type problemList struct {
	first []error
	more  int
}

// maxProblems is the number of problems of a flag, or of a rule, that are
// reported.
const maxProblems = 10

func (l *problemList) add(format string, args ...any) {
	if len(l.first) == maxProblems {
		l.more++
		return
	}
	l.first = append(l.first, fmt.Errorf(format, args...))
}

func (l *problemList) join() error {
	all := l.first
	if l.more > 0 {
		all = append(all, fmt.Errorf("and %d more", l.more))
	}
	return errors.Join(all...)
}

// variations are the compiled variations of a flag.
type variations []Variation

func (sem *Semantics) compileVariations(from []model.Variation) variations {
	v := make(variations, len(from))
	for i := range from {
		v[i] = sem.Variation(from[i].ID, from[i].Value)
	}
	return v
}

// Variation returns a variation with its value parsed as each type of the platform.
func (sem *Semantics) Variation(id, value string) Variation {
	if sem.PlainNumbers {
		return plainVariation(id, value)
	}
	return NewVariation(id, value)
}

// missing is used for a variation that the flag does not have. Serving it is an
// error.
var missing = &Variation{}

func (v variations) at(index int) *Variation {
	if index < 0 || index >= len(v) {
		return missing
	}
	return &v[index]
}

// checkFlag returns an error if the flag cannot be evaluated at all.
func (sem *Semantics) checkFlag(m *model.Flag) error {
	if m.Enabled && sem.Strict {
		return nil // what is missing matters only if an evaluation reaches it
	}
	if !hasVariation(m, m.Off) {
		return errors.New("its off variation is missing")
	}
	if problems := missingVariations(m); !sem.Strict && len(problems.first) > 0 {
		return problems.first[0]
	}
	return nil
}

func hasVariation(m *model.Flag, index int) bool { return index >= 0 && index < len(m.Variations) }

// missingVariations lists the places that serve a variation which the flag does
// not have.
func missingVariations(m *model.Flag) (problems problemList) {
	for i := range m.Targets {
		if !hasVariation(m, m.Targets[i].Variation) {
			problems.add("target %d serves a variation that the flag does not have", i+1)
		}
	}
	for i := range m.Rules {
		if lacks(m, &m.Rules[i].Rollout) {
			problems.add("rule %d serves a variation that the flag does not have", i+1)
		}
	}
	if lacks(m, &m.Fallthrough) {
		problems.add("its default rule serves a variation that the flag does not have")
	}
	return problems
}

func lacks(m *model.Flag, ro *model.Rollout) bool {
	return slices.ContainsFunc(ro.Shares, func(s model.Share) bool { return !hasVariation(m, s.Variation) })
}

// checkRanges returns an error if there is a share that no user can get.
func checkRanges(ro *model.Rollout) error {
	for i, s := range ro.Shares {
		if math.IsNaN(s.From) || math.IsNaN(s.To) {
			return fmt.Errorf("the range of share %d is not two numbers, so no user gets it", i+1)
		}
	}
	return nil
}

func (f *Flag) isStatic() bool {
	return f.enabled && len(f.prerequisites) == 0 && f.targets.keys.empty() && len(f.rules) == 0 && f.fallthrough_.whole >= 0
}

// onlyResult returns the result of a flag that serves every user the same, or
// the zero Result if users differ.
func (f *Flag) onlyResult() Result {
	if !f.enabled {
		return Result{Flag: f, Variation: f.off, Reason: ReasonOff}
	}
	if !f.static {
		return Result{}
	}
	s := &f.fallthrough_.shares[f.fallthrough_.whole]
	if s.experiment.some || s.variation == missing {
		return Result{}
	}
	return Result{Flag: f, Variation: s.variation, Reason: ReasonFallthrough, Experiment: s.experiment.all}
}

// targets maps user keys to variations; the first target that names a key wins.
type targets struct {
	keys textSet // of all targets, one after the other
	each []target
}

type target struct {
	end       int // of its keys
	variation *Variation
}

func compileTargets(from []model.Target, variations variations) targets {
	t := targets{each: make([]target, len(from))}
	lists := make([]model.List, len(from))
	end := 0
	for i := range from {
		lists[i] = from[i].Keys
		end += lists[i].Len()
		t.each[i] = target{end, variations.at(from[i].Variation)}
	}
	t.keys = newTextSet(joined(lists))
	return t
}

// joined returns the texts of all lists in one list.
func joined(lists []model.List) model.List {
	if len(lists) == 1 {
		return lists[0]
	}
	count, size := 0, 0
	for i := range lists {
		count += lists[i].Len()
		size += len(lists[i].Text)
	}
	var text strings.Builder
	text.Grow(size)
	out := model.List{Ends: make([]uint32, 0, count)}
	for i := range lists {
		start := uint32(text.Len())
		text.WriteString(lists[i].Text)
		for _, end := range lists[i].Ends {
			out.Ends = append(out.Ends, start+end)
		}
	}
	out.Text = text.String()
	return out
}

// of returns the variation for the user with this key, or nil.
func (t *targets) of(key string) *Variation {
	i := t.keys.index(key)
	if i < 0 {
		return nil
	}
	at, _ := slices.BinarySearchFunc(t.each, i+1, func(t target, i int) int { return cmp.Compare(t.end, i) })
	return t.each[at].variation
}
