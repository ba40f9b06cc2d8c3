package ffctest

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// FlagBuilder describes a flag. It does not change: its methods return a copy
// with the change, and panic if the description makes no sense. It is safe for
// concurrent use. The zero value is a flag without a key; make one with [Flag].
type FlagBuilder struct{ flag flag }

// flag describes a flag independently of the platform. Variations are indexes
// into values.
type flag struct {
	key, name     string
	on            bool
	values        []string
	off           int // -1: the last
	prerequisites []prerequisite
	targets       []target
	rules         []rule
	fallthru      []share // nil: everyone gets the first variation
	experiment    *experiment
	version       int64 // 0: set by the server or the snapshot
}

type prerequisite struct {
	flagKey   string
	variation int
	value     string
}

type target struct {
	variation int
	users     []string
}

type rule struct {
	clauses []model.Clause
	shares  []share
}

// share is the part of all users, from 0 to 1, that gets one variation.
type share struct {
	from, to  float64
	variation int
}

// experiment says which users count in experiments: for each variation, this
// part of all users that reach the default rule. Without parts no user counts.
type experiment struct{ parts []float64 }

// Flag describes a flag that is on and has the variations "true" and "false",
// with the ids 1 and 2. It serves the first variation to everyone, and the last
// while it is off. Flag panics if key is blank.
func Flag(key string) *FlagBuilder {
	if strings.TrimSpace(key) == "" {
		panic("ffctest: a flag needs a key")
	}
	return &FlagBuilder{flag{key: key, name: key, on: true, values: []string{"true", "false"}, off: -1}}
}

// with returns a copy of b after change. Change must replace slices, not write
// to their elements: the copy shares them with b.
func (b *FlagBuilder) with(change func(f *flag)) *FlagBuilder {
	next := *b
	change(&next.flag)
	return &next
}

// Name sets the name that people see. The default is the key.
func (b *FlagBuilder) Name(name string) *FlagBuilder {
	return b.with(func(f *flag) { f.name = name })
}

// On switches the flag on, which is the default.
func (b *FlagBuilder) On() *FlagBuilder {
	return b.with(func(f *flag) { f.on = true })
}

// Off switches the flag off: everyone gets the off variation.
func (b *FlagBuilder) Off() *FlagBuilder {
	return b.with(func(f *flag) { f.on = false })
}

// Variations sets the values that the flag can serve. Their ids are "1", "2"
// and so on. Call it before any method that refers to a variation.
func (b *FlagBuilder) Variations(values ...string) *FlagBuilder {
	if len(values) == 0 {
		b.misuse("needs at least one variation")
	}
	if b.usesVariations() {
		b.misuse("already refers to its variations: call Variations first")
	}
	for i, value := range values {
		if slices.Contains(values[:i], value) {
			b.misuse("has the variation %q twice", value)
		}
	}
	return b.with(func(f *flag) { f.values = slices.Clone(values) })
}

// usesVariations reports whether anything refers to a variation by its index.
func (b *FlagBuilder) usesVariations() bool {
	f := &b.flag
	return f.off >= 0 || f.fallthru != nil || len(f.targets)+len(f.rules) > 0 ||
		f.experiment != nil && len(f.experiment.parts) > 0
}

// OffVariation sets the value that the flag serves while it is off or a
// prerequisite fails. The default is the last variation.
func (b *FlagBuilder) OffVariation(value string) *FlagBuilder {
	off := b.variation(value)
	return b.with(func(f *flag) { f.off = off })
}

// Serve gives one variation to every user that no target and no rule matches.
// The default is the first variation.
func (b *FlagBuilder) Serve(value string) *FlagBuilder {
	shares := all(b.variation(value))
	return b.with(func(f *flag) { f.fallthru = shares })
}

// Rollout divides the users that no target and no rule matches over the
// variations: one percentage for each, in order, with a sum of 100.
func (b *FlagBuilder) Rollout(percents ...float64) *FlagBuilder {
	shares := b.divide(percents)
	return b.with(func(f *flag) { f.fallthru = shares })
}

// Target gives one variation to the users with these keys.
func (b *FlagBuilder) Target(value string, userKeys ...string) *FlagBuilder {
	t := target{variation: b.variation(value)}
	if len(userKeys) == 0 {
		b.misuse("has a target for %q without users", value)
	}
	t.users = checkUserKeys(b.owner(), userKeys)
	return b.with(func(f *flag) { f.targets = appended(f.targets, t) })
}

// Rule gives one variation to users that match all conditions. Rules are tried
// in the order in which they were added.
func (b *FlagBuilder) Rule(value string, clauses ...Clause) *FlagBuilder {
	return b.rule(all(b.variation(value)), clauses)
}

// RuleRollout divides the users that match all conditions over the variations:
// one percentage for each, in order, with a sum of 100.
func (b *FlagBuilder) RuleRollout(percents []float64, clauses ...Clause) *FlagBuilder {
	return b.rule(b.divide(percents), clauses)
}

// Prerequisite makes this flag serve its off variation unless other serves
// value to the same user. It does not put other on a server or in a snapshot.
// FeatBit has no prerequisites: there Put and Snapshot panic for a flag that has
// one.
func (b *FlagBuilder) Prerequisite(other *FlagBuilder, value string) *FlagBuilder {
	p := prerequisite{flagKey: other.flag.key, variation: other.variation(value), value: value}
	return b.with(func(f *flag) { f.prerequisites = appended(f.prerequisites, p) })
}

// Experiment says which users count in experiments: for each variation, in
// order, this percentage of all users that reach the default rule, at most the
// variation's share. Users that match a target or a rule do not count. Without
// Experiment and NoExperiment every user counts.
func (b *FlagBuilder) Experiment(percents ...float64) *FlagBuilder {
	b.checkPercents(percents)
	parts := make([]float64, len(percents))
	for i, percent := range percents {
		parts[i] = percent / 100
	}
	return b.with(func(f *flag) { f.experiment = &experiment{parts: parts} })
}

// NoExperiment says that no user of this flag counts in experiments.
func (b *FlagBuilder) NoExperiment() *FlagBuilder {
	return b.with(func(f *flag) { f.experiment = &experiment{} })
}

// Version sets the version, in milliseconds since 1970. By default the server
// sets it when the flag is put, and a snapshot counts from 1.
func (b *FlagBuilder) Version(unixMilli int64) *FlagBuilder {
	checkVersion(b.owner(), unixMilli)
	return b.with(func(f *flag) { f.version = unixMilli })
}

func (b *FlagBuilder) rule(shares []share, clauses []Clause) *FlagBuilder {
	r := rule{shares: shares, clauses: checkClauses(b.owner(), clauses)}
	return b.with(func(f *flag) { f.rules = appended(f.rules, r) })
}

// appended returns a new list with one more item.
func appended[T any](list []T, item T) []T { return append(slices.Clip(list), item) }

// variation returns the index of value.
func (b *FlagBuilder) variation(value string) int {
	i := slices.Index(b.flag.values, value)
	if i < 0 {
		b.misuse("has no variation %q, it has %q: call Variations first", value, b.flag.values)
	}
	return i
}

// all is a rollout that gives everyone one variation.
func all(variation int) []share {
	return []share{{from: 0, to: 1, variation: variation}}
}

// divide turns percentages into shares. Neighbours have exactly the same bound
// and the last share ends at exactly 1: users in a gap would get nothing. A
// variation of 0 percent gets no share, because a range of one point can still
// hold a user.
func (b *FlagBuilder) divide(percents []float64) []share {
	total := b.checkPercents(percents)
	if math.Abs(total-100) > 0.001+1e-9 { // 33.333 three times is accepted
		b.misuse("has percentages with a sum of %v, not 100: %v", total, percents)
	}
	var shares []share
	bound, sum := 0.0, 0.0
	for i, percent := range percents {
		if percent == 0 {
			continue
		}
		sum += percent
		// Twelve decimals are far finer than any bucket, and keep
		// 0.33299999999999996 out of the JSON.
		s := share{from: bound, to: min(math.Round(sum*1e10)/1e12, 1), variation: i}
		bound = s.to
		shares = append(shares, s)
	}
	shares[len(shares)-1].to = 1
	return shares
}

func (b *FlagBuilder) checkPercents(percents []float64) (total float64) {
	if len(percents) != len(b.flag.values) {
		b.misuse("has %d variations %q but got %d percentages %v", len(b.flag.values), b.flag.values, len(percents), percents)
	}
	for _, percent := range percents {
		if !(percent >= 0 && percent <= 100.001) { // also rejects NaN
			b.misuse("has a percentage that is not between 0 and 100: %v", percents)
		}
		total += percent
	}
	return total
}

func (b *FlagBuilder) owner() string { return "flag " + strconv.Quote(b.flag.key) }

func (b *FlagBuilder) misuse(format string, args ...any) {
	panic("ffctest: " + b.owner() + " " + fmt.Sprintf(format, args...))
}

// checkUserKeys panics if a key is empty, and returns a copy.
func checkUserKeys(owner string, keys []string) []string {
	if slices.Contains(keys, "") {
		panic("ffctest: " + owner + " names a user with an empty key")
	}
	return slices.Clone(keys)
}

func checkVersion(owner string, unixMilli int64) {
	if unixMilli < 1 {
		panic(fmt.Sprintf("ffctest: %s has version %d, which is not positive", owner, unixMilli))
	}
}
