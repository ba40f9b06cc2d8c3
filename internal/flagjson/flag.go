// Package flagjson writes flags and segments as the JSON of the platforms. The
// builders of ffctest and flag files describe flags with it.
package flagjson

import (
	"encoding/json"
	"math"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Format writes flags and segments of one environment, at a version in
// milliseconds since 1970. [Classic] and [FeatBit] are formats.
type Format interface {
	// Flag writes a flag. It panics if the flag needs something that the platform
	// does not have.
	Flag(f *Flag, version int64) []byte
	Segment(s *Segment, version int64) []byte
	// Platform returns the platform's name for people.
	Platform() string
	// Prerequisites reports whether flags of the platform can have prerequisites.
	Prerequisites() bool
}

// Flag describes a flag independently of the platform. Variations are indexes
// into Values.
type Flag struct {
	Key, Name     string
	On            bool
	Values        []string
	Off           int // -1: the last
	Prerequisites []Prerequisite
	Targets       []Target
	Rules         []Rule
	Shares        []Share // of the default rule; nil: everyone gets the first variation
	Experiment    *Experiment
}

// NewFlag returns a flag that is on and serves "true" to everyone, and "false"
// while it is off.
func NewFlag(key string) Flag {
	return Flag{Key: key, Name: key, On: true, Values: []string{"true", "false"}, Off: -1}
}

// Prerequisite is another flag and the variation that it must serve.
type Prerequisite struct {
	FlagKey   string
	Variation int
	Value     string // of the variation
}

// Target gives one variation to users.
type Target struct {
	Variation int
	UserKeys  []string
}

// Rule divides users that match all clauses.
type Rule struct {
	Clauses []model.Clause
	Shares  []Share
}

// Share is the part of all users, from 0 to 1, that gets one variation.
type Share struct {
	From, To  float64
	Variation int
}

// Experiment says which users count in experiments: for each variation, this
// part of all users that reach the default rule. Without Parts no user counts.
type Experiment struct{ Parts []float64 }

// part returns the part of a variation. Without an experiment it is 0.
func (x *Experiment) part(variation int) float64 {
	if x == nil || variation >= len(x.Parts) {
		return 0
	}
	return x.Parts[variation]
}

// Segment describes a segment independently of the platform.
type Segment struct {
	ID       string
	Included []string // user keys
	Excluded []string // user keys
	Rules    [][]model.Clause
}

// off returns the variation that is served while the flag is off.
func (f *Flag) off() int {
	if f.Off < 0 {
		return len(f.Values) - 1
	}
	return f.Off
}

// shares returns the shares of the default rule.
func (f *Flag) shares() []Share {
	if f.Shares == nil {
		return Everyone(0)
	}
	return f.Shares
}

// Everyone returns the shares of a rollout that gives everyone one variation.
func Everyone(variation int) []Share {
	return []Share{{From: 0, To: 1, Variation: variation}}
}

// IsWhole reports whether percentages with this sum divide all users: 33.333
// three times is accepted.
func IsWhole(sum float64) bool { return math.Abs(sum-100) <= 0.001+1e-9 }

// Divide returns the shares of a rollout by the percentages of the variations,
// whose sum is whole. Neighbours have exactly the same bound and the last share
// ends at exactly 1: users in a gap would get nothing. A variation of 0 percent
// gets no share, because a range of one point can still hold a user.
func Divide(percents []float64) []Share {
	var shares []Share
	bound, sum := 0.0, 0.0
	for i, percent := range percents {
		if percent == 0 {
			continue
		}
		sum += percent
		// Twelve decimals are far finer than any bucket, and keep
		// 0.33299999999999996 out of the JSON.
		s := Share{From: bound, To: min(math.Round(sum*1e10)/1e12, 1), Variation: i}
		bound = s.To
		shares = append(shares, s)
	}
	shares[len(shares)-1].To = 1
	return shares
}

// TimeText writes a version, in milliseconds since 1970, as the platforms write
// times.
func TimeText(version int64) string {
	return time.UnixMilli(version).UTC().Format("2006-01-02T15:04:05.0000000Z")
}

// ListOperand writes texts as the operand of a clause: JSON text.
func ListOperand(texts []string) string {
	if len(texts) == 0 {
		return "[]"
	}
	return string(mustMarshal(texts))
}

// mustMarshal is for values that always marshal.
func mustMarshal(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("flagjson: " + err.Error())
	}
	return out
}
