package flagfile

import (
	"bytes"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
)

// simple is a file of the simple form.
type simple struct {
	text      []byte
	root      *node
	flags     map[string]part // by key
	whole     bool            // the previous document is unknown
	built     [][]byte        // lists of all flags if whole, else of those that differ; nil after Served
	segments  []byte          // a list, like those of built: in bootstrap form, with commas in between
	keys, ids []string
	size      int // of Data in bytes, about
}

// part is a flag of the file.
type part struct {
	source []byte // in the file
	// alone: the flag has no prerequisites, so it depends only on its source and on
	// the ids of the file's segments.
	alone bool
}

// Size implements Document.
func (s *simple) Size() int { return s.size }

// builtSize returns the size in bytes of what is built.
func (s *simple) builtSize() int {
	size := len(s.segments) + 100
	for _, flags := range s.built {
		size += len(flags) + 1
	}
	return size
}

// Data implements Document.
func (s *simple) Data() []byte {
	out := append(make([]byte, 0, s.builtSize()), `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[`...)
	out = append(s.appendFlags(out), `],"segments":[`...)
	return append(append(out, s.segments...), `]}}`...)
}

// appendFlags appends the built flags, with commas.
func (s *simple) appendFlags(out []byte) []byte {
	for i, flags := range s.built {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, flags...)
	}
	return out
}

// Parts implements Document.
func (s *simple) Parts() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if !yield(fmt.Appendf(nil, `{"segments":[%s]}`, s.segments)) {
			return
		}
		for i, flags := range s.built {
			s.built[i] = nil
			if !yield(fmt.Appendf(nil, `{"featureFlags":[%s]}`, flags)) {
				return
			}
		}
	}
}

// Changed implements Document. It ignores the keys: parsing found the flags that
// changed.
func (s *simple) Changed([]string) []byte {
	if s.whole {
		return nil
	}
	out := append(s.appendFlags([]byte(`{"featureFlags":[`)), `],"segments":[`...)
	return append(append(out, s.segments...), `]}`...)
}

// Served implements Document. It frees the bootstrap form, which is large.
func (s *simple) Served() { s.built = nil }

func (s *simple) source() []byte { return s.text }
func (s *simple) tree() *node    { return s.root }

func (s *simple) FlagKeys() []string   { return s.keys }
func (s *simple) SegmentIDs() []string { return s.ids }

// reader reads flags from a tree. It panics with a *Mismatch at the first mistake.
type reader struct {
	format   flagjson.Format
	flags    map[string]*simpleFlag
	segments map[string]bool
}

// simpleFlag is a flag that is being read.
type simpleFlag struct {
	key   string
	doc   []byte
	node  *node
	begun bool // flag has its variations
	flag  flagjson.Flag
}

// fail panics with a *Mismatch for n.
func fail(n *node, expected string) { panic(&Mismatch{n.start, expected, n.describe()}) }

func parseSimple(doc []byte, root *node, format flagjson.Format, before *simple) (_ *simple, err error) {
	defer func() {
		if r := recover(); r != nil {
			wrong, ok := r.(*Mismatch)
			if !ok {
				panic(r)
			}
			err = wrong
		}
	}()
	s := &simple{text: doc, root: root, flags: make(map[string]part), whole: before == nil}
	r := &reader{format: format, flags: make(map[string]*simpleFlag), segments: make(map[string]bool)}
	checkMembers(root, "flags", "segments")

	// Flags refer to each other and to segments, in any order.
	flags, segments := objectOf(root.get("flags")), objectOf(root.get("segments"))
	for _, m := range segments {
		if strings.TrimSpace(m.name) == "" {
			panic(&Mismatch{m.at, "the id of a segment", Quote(m.name)})
		}
		r.segments[m.name] = true
		s.ids = append(s.ids, m.name)
	}
	if before != nil && !slices.Equal(before.ids, s.ids) {
		before, s.whole = nil, true
	}
	same := make([]bool, len(flags)) // as before
	parts := make([]part, len(flags))
	var dependent []int
	for i, m := range flags {
		if strings.TrimSpace(m.name) == "" {
			panic(&Mismatch{m.at, "the key of a flag", Quote(m.name)})
		}
		parts[i].source = doc[m.value.start:m.value.end]
		parts[i].alone = !bytes.Contains(parts[i].source, []byte("prerequisites"))
		if p, ok := before.lookup(m.name); ok && p.alone && bytes.Equal(p.source, parts[i].source) {
			same[i] = true
		}
		if !parts[i].alone {
			dependent = append(dependent, i)
		}
		r.flags[m.name] = &simpleFlag{key: m.name, doc: doc, node: m.value}
		s.keys = append(s.keys, m.name)
	}
	for i, m := range segments {
		if i > 0 {
			s.segments = append(s.segments, ',')
		}
		segment := r.segment(doc, m)
		s.segments = append(s.segments, format.Segment(&segment, firstVersion)...)
	}
	var alone []int
	for i := range parts {
		if parts[i].alone && !same[i] {
			alone = append(alone, i)
		}
	}
	var wrong firstError
	runs := slices.Collect(slices.Chunk(alone, run))
	s.built = make([][]byte, len(runs))
	InParallel(len(runs), func(i int) { s.built[i] = r.build(runs[i], flags, &wrong) })
	for numbers := range slices.Chunk(dependent, run) { // one by one, as they share what they refer to
		s.built = append(s.built, r.build(numbers, flags, &wrong))
	}
	if wrong.err != nil {
		return nil, wrong.err
	}
	for i, key := range s.keys {
		s.flags[key] = parts[i]
	}
	s.size = s.builtSize()
	if before != nil {
		s.size = max(s.size, before.size)
	}
	return s, nil
}

// run is how many flags are built in one list.
const run = 100

// firstVersion is the version of everything in a file of the simple form.
const firstVersion = 1

// build returns a list of the flags of these numbers in bootstrap form.
func (r *reader) build(numbers []int, flags []member, wrong *firstError) []byte {
	list := make([][]byte, 0, len(numbers))
	for _, i := range numbers {
		wrong.note(i, func() {
			f := r.flags[flags[i].name].begin()
			r.finish(f)
			list = append(list, r.format.Flag(&f.flag, firstVersion))
			f.forget()
		})
	}
	return bytes.Join(list, []byte(","))
}

// InParallel calls f for 0 to n-1, on all processors, and returns when all calls
// have returned.
func InParallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n/100+1)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				f(i)
			}
		})
	}
	wait.Wait()
}

// firstError keeps the error of the first of several items.
type firstError struct {
	mu  sync.Mutex
	at  int
	err error
}

// note calls f, which panics with a *Mismatch if item i is wrong.
func (e *firstError) note(i int, f func()) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		wrong, ok := v.(*Mismatch)
		if !ok {
			panic(v)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.err == nil || i < e.at {
			e.at, e.err = i, wrong
		}
	}()
	f()
}

// lookup returns a flag of the file. S may be nil.
func (s *simple) lookup(key string) (part, bool) {
	if s == nil {
		return part{}, false
	}
	p, ok := s.flags[key]
	return p, ok
}

// forget drops the tree of the flag, which is large.
func (f *simpleFlag) forget() {
	f.node, f.flag, f.begun = &node{start: f.node.start, end: f.node.end, kind: object, lazy: true}, flagjson.Flag{}, false
}

// begin reads the variations of a flag. Other flags may refer to them.
func (f *simpleFlag) begin() *simpleFlag {
	if f.begun {
		return f
	}
	n, err := f.node.expand(f.doc)
	if err != nil {
		panic(err)
	}
	m := member{name: f.key, value: n}
	f.node, f.flag, f.begun = n, flagjson.NewFlag(f.key), true
	checkMembers(m.value, "name", "on", "variations", "offVariation", "prerequisites", "targets", "rules", "serve", "rollout", "experiment")
	if n := m.value.get("variations"); n != nil {
		f.flag.Values = nil
		for _, item := range listOf(n) {
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
		variation, keys := f.indexOf(m.name, m.at), userKeys(m.value)
		if len(keys) == 0 {
			panic(&Mismatch{m.value.start, aUserKey, "an empty list"})
		}
		f.flag.Targets = append(f.flag.Targets, flagjson.Target{Variation: variation, UserKeys: keys})
	}
	for _, rule := range listOf(f.node.get("rules")) {
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
	if n.kind == boolean && n.text == "false" {
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
	other := r.flags[m.name]
	switch {
	case other == nil:
		panic(&Mismatch{m.at, "the key of a flag in this file", Quote(m.name)})
	case other == f:
		panic(&Mismatch{m.at, "the key of another flag", Quote(m.name)})
	}
	variation := other.begin().variation(m.value)
	return flagjson.Prerequisite{FlagKey: other.key, Variation: variation, Value: other.flag.Values[variation]}
}

func (r *reader) segment(doc []byte, m member) flagjson.Segment {
	n, err := m.value.expand(doc)
	if err != nil {
		panic(err)
	}
	checkMembers(n, "included", "excluded", "rules")
	s := flagjson.Segment{ID: m.name, Included: userKeys(n.get("included")), Excluded: userKeys(n.get("excluded"))}
	for _, rule := range listOf(n.get("rules")) {
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
		percent, err := strconv.ParseFloat(m.value.text, 64)
		if m.value.kind != number || err != nil || percent < 0 || percent > 100 {
			fail(m.value, "a percentage, a number from 0 to 100")
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

func (s *simple) Edit(key string, c Change, _ int64) ([]byte, error) {
	flag, err := s.root.get("flags").get(key).expand(s.text)
	if err != nil {
		return nil, err
	}
	e := &edits{doc: s.text}
	if n := flag.get("on"); c.On != nil && (n != nil || !*c.On) {
		e.set(flag, "on", strconv.FormatBool(*c.On))
	}
	if c.Shares != nil {
		variations := []string{"true", "false"}
		if n := flag.get("variations"); n != nil {
			variations = nil
			for _, item := range n.items {
				variations = append(variations, item.text)
			}
		}
		var parts []string
		var only string
		for _, share := range c.Shares {
			if share.Percent == 0 {
				continue
			}
			i, err := strconv.Atoi(share.Variation)
			if err != nil || i < 1 || i > len(variations) {
				return nil, fmt.Errorf("%q is not the id of a variation", share.Variation)
			}
			only = MarshalText(variations[i-1])
			parts = append(parts, only+": "+strconv.FormatFloat(share.Percent, 'f', -1, 64))
		}
		if len(parts) == 1 {
			e.swap(flag, "rollout", "serve", only)
		} else {
			e.swap(flag, "serve", "rollout", "{"+strings.Join(parts, ", ")+"}")
		}
	}
	return e.apply(), nil
}

// checkMembers fails unless n is an object whose members have these names, each
// once.
func checkMembers(n *node, names ...string) {
	for _, m := range objectOf(n) {
		if !slices.Contains(names, m.name) {
			quoted := make([]string, len(names))
			for i, name := range names {
				quoted[i] = Quote(name)
			}
			panic(&Mismatch{m.at, orList(quoted), Quote(m.name)})
		}
	}
}

// objectOf returns the members of an object, each once; none of nil.
func objectOf(n *node) []member {
	if n == nil {
		return nil
	}
	if n.kind != object {
		fail(n, "an object")
	}
	if len(n.members) <= 16 {
		for i, m := range n.members {
			if slices.ContainsFunc(n.members[:i], func(earlier member) bool { return earlier.name == m.name }) {
				panic(&Mismatch{m.at, "each name once", "a second " + Quote(m.name)})
			}
		}
		return n.members
	}
	seen := make(map[string]bool, len(n.members))
	for _, m := range n.members {
		if seen[m.name] {
			panic(&Mismatch{m.at, "each name once", "a second " + Quote(m.name)})
		}
		seen[m.name] = true
	}
	return n.members
}

// listOf returns the items of a list; none of nil.
func listOf(n *node) []*node {
	if n == nil {
		return nil
	}
	if n.kind != list {
		fail(n, "a list")
	}
	return n.items
}

func textOf(n *node) string {
	switch n.kind {
	case text:
		return n.text
	case number, boolean:
		fail(n, "a text, such as "+Quote(n.text))
	default:
		fail(n, "a text")
	}
	return ""
}

// userKeys returns the user keys of a list; none of nil.
func userKeys(n *node) []string {
	var keys []string
	for _, item := range listOf(n) {
		key := textOf(item)
		if key == "" {
			fail(item, aUserKey)
		}
		keys = append(keys, key)
	}
	return keys
}

const aUserKey = "the key of a user"

func booleanOf(n *node) bool {
	if n.kind != boolean {
		fail(n, "true or false")
	}
	return n.text == "true"
}

// orList is "a", "a or b", or "one of a, b and c".
func orList(words []string) string {
	switch n := len(words); n {
	case 1, 2:
		return strings.Join(words, " or ")
	default:
		return "one of " + strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
}
