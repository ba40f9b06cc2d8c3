package ffctest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
)

// FlagBuilder describes a flag. It does not change: its methods return a copy
// with the change, and panic if the description makes no sense. It is safe for
// concurrent use. The zero value is a flag without a key; make one with [Flag].
type FlagBuilder struct {
	flag    flagjson.Flag
	version int64 // 0: set by the server or the snapshot
}

// Flag describes a flag that is on and has the variations "true" and "false",
// with the ids 1 and 2. It serves the first variation to everyone, and the last
// while it is off. Flag panics if key is blank.
func Flag(key string) *FlagBuilder {
	if strings.TrimSpace(key) == "" {
		panic("ffctest: a flag needs a key")
	}
	return &FlagBuilder{flag: flagjson.NewFlag(key)}
}

// with returns a copy of b after change. Change must replace slices, not write
// to their elements: the copy shares them with b.
func (b *FlagBuilder) with(change func(f *flagjson.Flag)) *FlagBuilder {
	next := *b
	change(&next.flag)
	return &next
}

// Name sets the name that people see. The default is the key.
func (b *FlagBuilder) Name(name string) *FlagBuilder {
	return b.with(func(f *flagjson.Flag) { f.Name = name })
}

// On switches the flag on, which is the default.
func (b *FlagBuilder) On() *FlagBuilder {
	return b.with(func(f *flagjson.Flag) { f.On = true })
}

// Off switches the flag off: everyone gets the off variation.
func (b *FlagBuilder) Off() *FlagBuilder {
	return b.with(func(f *flagjson.Flag) { f.On = false })
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
	return b.with(func(f *flagjson.Flag) { f.Values = slices.Clone(values) })
}

// usesVariations reports whether anything refers to a variation by its index.
func (b *FlagBuilder) usesVariations() bool {
	f := &b.flag
	return f.Off >= 0 || f.Shares != nil || len(f.Targets)+len(f.Rules) > 0 ||
		f.Experiment != nil && len(f.Experiment.Parts) > 0
}

// OffVariation sets the value that the flag serves while it is off or a
// prerequisite fails. The default is the last variation.
func (b *FlagBuilder) OffVariation(value string) *FlagBuilder {
	off := b.variation(value)
	return b.with(func(f *flagjson.Flag) { f.Off = off })
}

// Serve gives one variation to every user that no target and no rule matches.
// The default is the first variation.
func (b *FlagBuilder) Serve(value string) *FlagBuilder {
	shares := flagjson.Everyone(b.variation(value))
	return b.with(func(f *flagjson.Flag) { f.Shares = shares })
}

// Rollout divides the users that no target and no rule matches over the
// variations: one percentage for each, in order, with a sum of 100.
func (b *FlagBuilder) Rollout(percents ...float64) *FlagBuilder {
	shares := b.divide(percents)
	return b.with(func(f *flagjson.Flag) { f.Shares = shares })
}

// Target gives one variation to the users with these keys.
func (b *FlagBuilder) Target(value string, userKeys ...string) *FlagBuilder {
	t := flagjson.Target{Variation: b.variation(value)}
	if len(userKeys) == 0 {
		b.misuse("has a target for %q without users", value)
	}
	t.UserKeys = checkUserKeys(b.owner(), userKeys)
	return b.with(func(f *flagjson.Flag) { f.Targets = appended(f.Targets, t) })
}

// Rule gives one variation to users that match all conditions. Rules are tried
// in the order in which they were added.
func (b *FlagBuilder) Rule(value string, clauses ...Clause) *FlagBuilder {
	return b.rule(flagjson.Everyone(b.variation(value)), clauses)
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
	p := flagjson.Prerequisite{FlagKey: other.flag.Key, Variation: other.variation(value), Value: value}
	return b.with(func(f *flagjson.Flag) { f.Prerequisites = appended(f.Prerequisites, p) })
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
	return b.with(func(f *flagjson.Flag) { f.Experiment = &flagjson.Experiment{Parts: parts} })
}

// NoExperiment says that no user of this flag counts in experiments.
func (b *FlagBuilder) NoExperiment() *FlagBuilder {
	return b.with(func(f *flagjson.Flag) { f.Experiment = &flagjson.Experiment{} })
}

// Version sets the version, in milliseconds since 1970. By default the server
// sets it when the flag is put, and a snapshot counts from 1.
func (b *FlagBuilder) Version(unixMilli int64) *FlagBuilder {
	checkVersion(b.owner(), unixMilli)
	next := *b
	next.version = unixMilli
	return &next
}

func (b *FlagBuilder) rule(shares []flagjson.Share, clauses []Clause) *FlagBuilder {
	r := flagjson.Rule{Shares: shares, Clauses: checkClauses(b.owner(), clauses)}
	return b.with(func(f *flagjson.Flag) { f.Rules = appended(f.Rules, r) })
}

// appended returns a new list with one more item.
func appended[T any](list []T, item T) []T { return append(slices.Clip(list), item) }

// variation returns the index of value.
func (b *FlagBuilder) variation(value string) int {
	i := slices.Index(b.flag.Values, value)
	if i < 0 {
		b.misuse("has no variation %q, it has %q: call Variations first", value, b.flag.Values)
	}
	return i
}

// divide turns percentages into shares.
func (b *FlagBuilder) divide(percents []float64) []flagjson.Share {
	total := b.checkPercents(percents)
	if !flagjson.IsWhole(total) {
		b.misuse("has percentages with a sum of %v, not 100: %v", total, percents)
	}
	return flagjson.Divide(percents)
}

func (b *FlagBuilder) checkPercents(percents []float64) (total float64) {
	if len(percents) != len(b.flag.Values) {
		b.misuse("has %d variations %q but got %d percentages %v", len(b.flag.Values), b.flag.Values, len(percents), percents)
	}
	for _, percent := range percents {
		if !(percent >= 0 && percent <= 100.001) { // also rejects NaN
			b.misuse("has a percentage that is not between 0 and 100: %v", percents)
		}
		total += percent
	}
	return total
}

func (b *FlagBuilder) owner() string { return "flag " + strconv.Quote(b.flag.Key) }

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
