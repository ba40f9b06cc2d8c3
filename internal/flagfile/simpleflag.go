package flagfile

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
)

// reader reads flags of the simple form. It panics with a *Mismatch at the first
// mistake.
type reader struct {
	format   flagjson.Format
	index    map[string]int // of flags, by key
	text     func(key string) (*node, error)
	segments map[string]bool
	values   map[string][]string // of flags that are prerequisites
}

// reader returns a reader of the document's flags. text returns a flag.
func (d *Document) reader(text func(key string) (*node, error)) *reader {
	r := &reader{format: d.layout.format, index: d.index, text: text, segments: make(map[string]bool), values: make(map[string][]string)}
	for _, id := range d.ids {
		r.segments[id] = true
	}
	return r
}

// find returns a flag that exists.
func (r *reader) find(key string) *node {
	n, err := r.text(key)
	if err != nil {
		panic(&Mismatch{0, "the flag " + Quote(key), err.Error()})
	}
	return n
}

// flag returns a flag in bootstrap form.
func (r *reader) flag(key string, n *node) []byte {
	f := begin(key, n)
	r.finish(f)
	return r.format.Flag(&f.flag, firstVersion)
}

// simpleFlag is a flag that is being read.
type simpleFlag struct {
	key  string
	node *node
	flag flagjson.Flag
}

// fail panics with a *Mismatch for n.
func fail(n *node, expected string) { panic(&Mismatch{n.start, expected, n.describe()}) }

// begin reads the variations of a flag.
func begin(key string, n *node) *simpleFlag {
	f := &simpleFlag{key: key, node: n, flag: flagjson.NewFlag(key)}
	checkMembers(n, "name", "on", "variations", "offVariation", "prerequisites", "targets", "rules", "serve", "rollout", "experiment")
	if n := n.get("variations"); n != nil {
		f.flag.Values = nil
		for item := range listOf(n) {
			value := textOf(item)
			if slices.Contains(f.flag.Values, value) {
				fail(item, "a variation that is not in the list yet")
			}
			f.flag.Values = append(f.flag.Values, value)
		}
		if len(f.flag.Values) == 0 {
			panic(&Mismatch{n.start, "a list of variations", "an empty one"})
		}
	}
	return f
}

// finish reads everything but the variations.
func (r *reader) finish(f *simpleFlag) {
	if n := f.node.get("name"); n != nil {
		f.flag.Name = textOf(n)
	}
	if n := f.node.get("on"); n != nil {
		f.flag.On = booleanOf(n)
	}
	if n := f.node.get("offVariation"); n != nil {
		f.flag.Off = f.variation(n)
	}
	for _, m := range objectOf(f.node.get("prerequisites")) {
		f.flag.Prerequisites = append(f.flag.Prerequisites, r.prerequisite(f, m))
	}
	for _, m := range objectOf(f.node.get("targets")) {
		variation, keys := f.indexOf(m.name, m.at), userKeys(&m.value)
		if len(keys) == 0 {
			panic(&Mismatch{m.value.start, aUserKey, "an empty list"})
		}
		f.flag.Targets = append(f.flag.Targets, flagjson.Target{Variation: variation, UserKeys: keys})
	}
	for rule := range listOf(f.node.get("rules")) {
		checkMembers(rule, "if", "serve", "rollout")
		clauses, shares := r.clauses(rule), f.shares(rule)
		if shares == nil {
			panic(&Mismatch{rule.start, `a rule with "serve" or "rollout"`, "one with neither"})
		}
		f.flag.Rules = append(f.flag.Rules, flagjson.Rule{Clauses: clauses, Shares: shares})
	}
	f.flag.Shares = f.shares(f.node)
	if n := f.node.get("experiment"); n != nil {
		f.flag.Experiment = f.experiment(n)
	}
}

func (f *simpleFlag) experiment(n *node) *flagjson.Experiment {
	if n.kind == boolean && n.text() == "false" {
		return &flagjson.Experiment{}
	}
	if n.kind != object {
		fail(n, "an object with percentages by variation, or false")
	}
	parts := f.percents(n, false)
	for i := range parts {
		parts[i] /= 100
	}
	return &flagjson.Experiment{Parts: parts}
}

func (r *reader) prerequisite(f *simpleFlag, m member) flagjson.Prerequisite {
	if !r.format.Prerequisites() {
		panic(&Mismatch{m.at, "no prerequisites, which " + r.format.Platform() + " does not have", Quote(m.name)})
	}
	switch _, known := r.index[m.name]; {
	case !known:
		panic(&Mismatch{m.at, "the key of a flag in this file", Quote(m.name)})
	case m.name == f.key:
		panic(&Mismatch{m.at, "the key of another flag", Quote(m.name)})
	}
	other := &simpleFlag{key: m.name, flag: flagjson.Flag{Values: r.valuesOf(m.name)}}
	variation := other.variation(&m.value)
	return flagjson.Prerequisite{FlagKey: m.name, Variation: variation, Value: other.flag.Values[variation]}
}

// valuesOf returns the variations of another flag.
func (r *reader) valuesOf(key string) []string {
	values, known := r.values[key]
	if !known {
		values = begin(key, r.find(key)).flag.Values
		r.values[key] = values
	}
	return values
}

func (r *reader) segment(m member) flagjson.Segment {
	n := &m.value
	checkMembers(n, "included", "excluded", "rules")
	s := flagjson.Segment{ID: m.name, Included: userKeys(n.get("included")), Excluded: userKeys(n.get("excluded"))}
	for rule := range listOf(n.get("rules")) {
		checkMembers(rule, "if")
		s.Rules = append(s.Rules, r.clauses(rule))
	}
	return s
}

// shares reads "serve" or "rollout" of a rule or a flag; nil if it has neither.
func (f *simpleFlag) shares(n *node) []flagjson.Share {
	serve, rollout := n.get("serve"), n.get("rollout")
	switch {
	case serve != nil && rollout != nil:
		panic(&Mismatch{rollout.start, `either "serve" or "rollout"`, "both"})
	case serve != nil:
		return flagjson.Everyone(f.variation(serve))
	case rollout != nil:
		return flagjson.Divide(f.percents(rollout, true))
	}
	return nil
}

// variation returns the index of a variation.
func (f *simpleFlag) variation(n *node) int { return f.indexOf(textOf(n), n.start) }

// indexOf returns the index of a variation that is named at an offset.
func (f *simpleFlag) indexOf(value string, at int) int {
	i := slices.Index(f.flag.Values, value)
	if i < 0 {
		quoted := make([]string, len(f.flag.Values))
		for i, v := range f.flag.Values {
			quoted[i] = Quote(v)
		}
		panic(&Mismatch{at, "a variation of flag " + Quote(f.key) + ", " + orList(quoted), Quote(value)})
	}
	return i
}

// percents reads percentages by variation; the default is 0. If whole is true,
// their sum must be 100.
func (f *simpleFlag) percents(n *node, whole bool) []float64 {
	out := make([]float64, len(f.flag.Values))
	for _, m := range objectOf(n) {
		variation := f.indexOf(m.name, m.at)
		percent, err := strconv.ParseFloat(m.value.text(), 64)
		if m.value.kind != number || err != nil || percent < 0 || percent > 100 {
			fail(&m.value, "a percentage, a number from 0 to 100")
		}
		out[variation] = percent
	}
	sum := 0.0
	for _, percent := range out {
		sum += percent
	}
	if whole && !flagjson.IsWhole(sum) {
		panic(&Mismatch{n.start, "percentages with a sum of 100", fmt.Sprintf("a sum of %v", Tidy(sum))})
	}
	return out
}
