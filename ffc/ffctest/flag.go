package ffctest

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// FlagBuilder describes a flag. Its methods change it and return it; they panic
// when the description makes no sense. It is not safe for concurrent use.
// [Server.Put] and [Snapshot] read it and keep nothing, so it can be changed and
// put again.
type FlagBuilder struct {
	flag flag
	used bool // something refers to the variations by index
}

// flag is what its author said about a flag, before any generation of the
// platform gives it a shape. Variations are indexes into values.
type flag struct {
	key, name     string
	on            bool
	values        []string
	off           int // -1: the last
	prerequisites []prerequisite
	targets       []target
	rules         []rule
	fallthru      []share // none: all of the first variation
	experiment    *experiment
	version       int64 // 0: whoever writes the flag decides
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
	clauses []Clause
	shares  []share
}

// share is the part of all users, from 0 to 1, that gets one variation.
type share struct {
	from, to  float64
	variation int
}

// experiment says who counts: per variation, that part of all users that fall
// through. None is nobody.
type experiment struct{ parts []float64 }

// Flag describes a flag that is on, has the variations "true" and "false" (ids
// 1 and 2), serves the first to everyone and the last while it is off.
func Flag(key string) *FlagBuilder {
	if strings.TrimSpace(key) == "" {
		panic("ffctest: a flag needs a key")
	}
	return &FlagBuilder{flag: flag{key: key, name: key, on: true, values: []string{"true", "false"}, off: -1}}
}

// Name sets the name that people see. The default is the key.
func (b *FlagBuilder) Name(name string) *FlagBuilder {
	b.flag.name = name
	return b
}

// On switches the flag on, which it is by default.
func (b *FlagBuilder) On() *FlagBuilder {
	b.flag.on = true
	return b
}

// Off switches the flag off: everyone gets the off variation.
func (b *FlagBuilder) Off() *FlagBuilder {
	b.flag.on = false
	return b
}

// Variations sets the values that the flag can serve; their ids are "1", "2",
// and so on. It comes before whatever refers to a variation.
func (b *FlagBuilder) Variations(values ...string) *FlagBuilder {
	if len(values) == 0 {
		b.misuse("needs at least one variation")
	}
	if b.used {
		b.misuse("already refers to its variations: call Variations first")
	}
	for i, value := range values {
		for _, earlier := range values[:i] {
			if value == earlier {
				b.misuse("has the variation %q twice", value)
			}
		}
	}
	b.flag.values = append([]string(nil), values...)
	return b
}

// OffVariation sets the value served while the flag is off or a prerequisite
// fails. The default is the last variation.
func (b *FlagBuilder) OffVariation(value string) *FlagBuilder {
	b.flag.off = b.variation(value)
	return b
}

// Serve gives one variation to every user that no target and no rule takes. The
// default is the first variation.
func (b *FlagBuilder) Serve(value string) *FlagBuilder {
	b.flag.fallthru = all(b.variation(value))
	return b
}

// Rollout divides the users that no target and no rule takes over the
// variations: one percentage for each, in order, with a sum of 100.
func (b *FlagBuilder) Rollout(percents ...float64) *FlagBuilder {
	b.flag.fallthru = b.divide(percents)
	return b
}

// Target gives one variation to the users with these keys.
func (b *FlagBuilder) Target(value string, userKeys ...string) *FlagBuilder {
	t := target{variation: b.variation(value)}
	if len(userKeys) == 0 {
		b.misuse("has a target for %q without users", value)
	}
	t.users = checkUserKeys(b.owner(), userKeys)
	b.flag.targets = append(b.flag.targets, t)
	return b
}

// Rule gives one variation to users that match all conditions. Rules are tried
// in the order they were added.
func (b *FlagBuilder) Rule(value string, clauses ...Clause) *FlagBuilder {
	return b.rule(all(b.variation(value)), clauses)
}

// RuleRollout divides the users that match all conditions over the variations:
// one percentage for each, in order, with a sum of 100.
func (b *FlagBuilder) RuleRollout(percents []float64, clauses ...Clause) *FlagBuilder {
	return b.rule(b.divide(percents), clauses)
}

// Prerequisite makes this flag serve its off variation unless flag serves
// value to the same user. It does not put flag on a server or in a snapshot.
// FeatBit has no prerequisites: there a flag that has one makes Put and Snapshot
// panic.
func (b *FlagBuilder) Prerequisite(flag *FlagBuilder, value string) *FlagBuilder {
	b.flag.prerequisites = append(b.flag.prerequisites,
		prerequisite{flagKey: flag.flag.key, variation: flag.variation(value), value: value})
	return b
}

// Experiment says who counts in experiments: for each variation, in order, that
// percentage of all users that fall through, taken out of the variation's
// share. More than the share is all of it. Users that a target or a rule takes
// do not count. Without Experiment and NoExperiment everyone counts.
func (b *FlagBuilder) Experiment(percents ...float64) *FlagBuilder {
	b.checkPercents(percents)
	parts := make([]float64, len(percents))
	for i, percent := range percents {
		parts[i] = percent / 100
	}
	b.flag.experiment = &experiment{parts: parts}
	return b
}

// NoExperiment says that no user of this flag counts in experiments.
func (b *FlagBuilder) NoExperiment() *FlagBuilder {
	b.flag.experiment = &experiment{}
	return b
}

// Version fixes the version, in milliseconds since 1970. Without it the server
// stamps the flag when it is put, and a snapshot counts from 1.
func (b *FlagBuilder) Version(unixMilli int64) *FlagBuilder {
	b.flag.version = checkVersion(b.owner(), unixMilli)
	return b
}

func (b *FlagBuilder) rule(shares []share, clauses []Clause) *FlagBuilder {
	b.flag.rules = append(b.flag.rules, rule{shares: shares, clauses: checkClauses(b.owner(), clauses)})
	return b
}

// variation returns the index of value.
func (b *FlagBuilder) variation(value string) int {
	b.used = true
	for i, v := range b.flag.values {
		if v == value {
			return i
		}
	}
	b.misuse("has no variation %q, it has %q: call Variations first", value, b.flag.values)
	return -1
}

// all is a rollout of everyone to one variation.
func all(variation int) []share {
	return []share{{from: 0, to: 1, variation: variation}}
}

// divide turns percentages into shares. Neighbours share the very same bound
// and the last ends at exactly 1: any gap would be users that get nothing. A
// variation of 0 percent gets no share, because a range of one point can still
// hold a user.
func (b *FlagBuilder) divide(percents []float64) []share {
	total := b.checkPercents(percents)
	if math.Abs(total-100) > 0.001+1e-9 { // 33.333 three times is fine
		b.misuse("has percentages with a sum of %v, not 100: %v", total, percents)
	}
	var shares []share
	bound, sum := 0.0, 0.0
	for i, percent := range percents {
		if percent == 0 {
			continue
		}
		sum += percent
		// Twelve decimals are far finer than any bucket and spare the reader
		// 0.33299999999999996.
		s := share{from: bound, to: min(math.Round(sum*1e10)/1e12, 1), variation: i}
		bound = s.to
		shares = append(shares, s)
	}
	shares[len(shares)-1].to = 1
	return shares
}

func (b *FlagBuilder) checkPercents(percents []float64) (total float64) {
	b.used = true
	if len(percents) != len(b.flag.values) {
		b.misuse("has %d variations %q but got %d percentages %v", len(b.flag.values), b.flag.values, len(percents), percents)
	}
	for _, percent := range percents {
		if !(percent >= 0 && percent <= 100.001) { // also refuses NaN
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

func checkUserKeys(owner string, keys []string) []string {
	for _, key := range keys {
		if key == "" {
			panic("ffctest: " + owner + " names a user with an empty key")
		}
	}
	return append([]string(nil), keys...)
}

func checkVersion(owner string, unixMilli int64) int64 {
	if unixMilli < 1 {
		panic(fmt.Sprintf("ffctest: %s has version %d, which is not positive", owner, unixMilli))
	}
	return unixMilli
}
