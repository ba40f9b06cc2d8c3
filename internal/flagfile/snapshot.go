package flagfile

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
)

// snapshot is a file in bootstrap form.
type snapshot struct {
	text      []byte
	platform  ffctest.Platform
	keys, ids []string
	flags     map[string]*node // lazy
}

// Changed implements Document.
func (s *snapshot) Changed(keys []string) []byte {
	if keys == nil {
		return nil
	}
	out := []byte(`{"featureFlags":[`)
	for i, key := range keys {
		if i > 0 {
			out = append(out, ',')
		}
		n := s.flags[key]
		out = append(out, s.text[n.start:n.end]...)
	}
	return append(out, `]}`...)
}

// Parts implements Document. The environment is known by all flags together.
func (s *snapshot) Parts() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) { yield(s.Data()) }
}

// Served implements Document.
func (s *snapshot) Served() {}

func (s *snapshot) Data() []byte         { return bytes.TrimPrefix(s.text, bom()) }
func (s *snapshot) FlagKeys() []string   { return s.keys }
func (s *snapshot) SegmentIDs() []string { return s.ids }

// isSnapshot reports whether a file is in bootstrap form. Segments are the only
// member in common with the simple one; a file with "flags" is not served
// without them because its segments are a list.
func isSnapshot(root *node) bool {
	segments := root.get("segments")
	return root.get("messageType") != nil || root.get("featureFlags") != nil ||
		segments != nil && segments.kind == list && root.get("flags") == nil
}

func parseSnapshot(doc []byte, root *node, wanted *ffctest.Platform) (Document, ffctest.Platform, error) {
	s := &snapshot{text: doc, flags: make(map[string]*node)}
	data := s.Data()
	body := root
	if root.get("messageType") != nil {
		if body = root.get("data"); body == nil || body.kind != object {
			return nil, 0, &Mismatch{root.start, `a data-sync message with an object "data"`, "one without"}
		}
	}
	if wire.DialectOfData(data).Name == wire.PlatformFeatBit {
		s.platform = ffctest.FeatBit
	}
	flags, segments := body.get("featureFlags"), body.get("segments")
	empty := (flags == nil || len(flags.items) == 0) && (segments == nil || len(segments.items) == 0)
	if wanted != nil && *wanted != s.platform {
		if !empty {
			return nil, 0, fmt.Errorf("expected a snapshot of the platform %v, got one of %v", *wanted, s.platform)
		}
		s.platform = *wanted
	}
	err := each(doc, flags, s.flagIdentity(), func(name, n *node) error {
		key, err := s.flagKey(name)
		if _, twice := s.flags[key]; twice && err == nil {
			err = &Mismatch{name.start, "each flag once", "a second " + name.describe()}
		}
		s.flags[key] = n
		if err == nil && !isArchived(n) {
			s.keys = append(s.keys, key)
		}
		return err
	})
	if err == nil {
		err = each(doc, segments, "id", func(name, n *node) error {
			if !isArchived(n) {
				s.ids = append(s.ids, name.text)
			}
			return nil
		})
	}
	return s, s.platform, err
}

func (s *snapshot) flagIdentity() string {
	if s.platform == ffctest.FeatBit {
		return "key"
	}
	return "id"
}

// flagKey returns the key that stands in what a flag is known by.
func (s *snapshot) flagKey(identity *node) (string, error) {
	if s.platform == ffctest.FeatBit {
		return identity.text, nil
	}
	parts := strings.SplitN(identity.text, "__", 5)
	if len(parts) < 5 || parts[0] != "FF" || parts[4] == "" {
		return "", &Mismatch{identity.start, "FF__account__project__environment__key", identity.describe()}
	}
	return parts[4], nil
}

func isArchived(n *node) bool {
	archived := n.get("isArchived")
	return archived != nil && archived.text == "true"
}

// each visits the items of a list that may be missing or null, and what each is
// known by.
func each(doc []byte, of *node, identity string, visit func(name, n *node) error) error {
	switch {
	case of == nil || of.kind == null:
		return nil
	case of.kind != list:
		return &Mismatch{of.start, "a list", of.describe()}
	}
	for _, item := range of.items {
		if item.lazy {
			if name := lazyName(doc, item, identity); name != nil {
				if err := visit(name, item); err != nil {
					return err
				}
				continue
			}
			var err error
			if item, err = item.expand(doc); err != nil {
				return err
			}
		}
		name := item.get(identity)
		switch {
		case item.kind != object:
			return &Mismatch{item.start, "an object", item.describe()}
		case name == nil:
			return &Mismatch{item.start, fmt.Sprintf("an object with %q", identity), "one without"}
		case name.kind != text || name.text == "":
			return &Mismatch{name.start, "a text that is not empty", name.describe()}
		}
		if err := visit(name, item); err != nil {
			return err
		}
	}
	return nil
}

// lazyName returns what a lazy item is known by, and notes whether it is archived;
// nil if there is more to say about it.
func lazyName(doc []byte, item *node, identity string) *node {
	var name *node
	for key, value := range jsontext.Members(doc[item.start:item.end]) {
		switch string(key) {
		case identity:
			if name != nil || len(value) <= 2 || value[0] != '"' || bytes.IndexByte(value, '\\') >= 0 || !utf8.Valid(value) {
				return nil
			}
			start := cap(doc) - cap(value) // value is a part of doc
			name = &node{kind: text, start: start, end: start + len(value), text: string(value[1 : len(value)-1])}
		case "isArchived":
			item.members = []member{{name: "isArchived", value: &node{kind: boolean, text: string(value)}}}
		}
	}
	return name
}

// edit raises the version too: clients that have started from this file ignore
// what is no newer.
func (s *snapshot) Edit(key string, c Change, version int64) ([]byte, error) {
	flag, err := s.flags[key].expand(s.text)
	if err != nil {
		return nil, err
	}
	e := &edits{doc: s.text}
	changedAt := MarshalText(time.UnixMilli(version).UTC().Format("2006-01-02T15:04:05.000Z"))
	if s.platform == ffctest.FeatBit {
		e.set(flag, "updatedAt", changedAt)
		if c.On != nil {
			e.set(flag, "isEnabled", strconv.FormatBool(*c.On))
		}
		if c.Shares != nil {
			featBitShares(e, flag, c.Shares)
		}
		return e.apply(), nil
	}
	basics := flag.get("ff")
	if basics == nil || basics.kind != object {
		return nil, errors.New(`the flag has no object "ff"`)
	}
	e.set(flag, "timestamp", strconv.FormatInt(version, 10))
	if basics.get("lastUpdatedTime") != nil {
		e.set(basics, "lastUpdatedTime", changedAt)
	}
	if c.On != nil {
		status := "Disabled"
		if *c.On {
			status = "Enabled"
		}
		e.set(basics, "status", MarshalText(status))
	}
	if c.Shares != nil {
		if err := classicShares(e, flag, basics, c.Shares); err != nil {
			return nil, err
		}
	}
	return e.apply(), nil
}

// classicShares writes a default rule. Each share repeats its variation as the
// flag has it, and keeps what of it counts in experiments.
func classicShares(e *edits, flag, basics *node, shares []Share) error {
	const rollouts = "defaultRulePercentageRollouts"
	options := make(map[string]string)
	if list := flag.get("variationOptions"); list != nil {
		for _, option := range list.items {
			if id := option.get("localId"); id != nil {
				options[id.text] = e.text(option)
			}
		}
	}
	counted := make(map[string]string)
	if list := basics.get(rollouts); list != nil {
		for _, old := range list.items {
			id, part := old.get("valueOption").get("localId"), old.get("exptRollout")
			if id != nil && part != nil {
				counted[id.text] = e.text(part)
			}
		}
	}
	var parts []string
	for _, r := range ranges(shares) {
		option, ok := options[r.variation]
		if !ok {
			return fmt.Errorf("the flag's variationOptions have no variation %s", r.variation)
		}
		parts = append(parts, fmt.Sprintf(`{"exptRollout": %s, "rolloutPercentage": [%v, %v], "valueOption": %s}`,
			cmp.Or(counted[r.variation], "null"), r.from, r.to, option))
	}
	e.set(basics, rollouts, "["+strings.Join(parts, ", ")+"]")
	return nil
}

func featBitShares(e *edits, flag *node, shares []Share) {
	rule := flag.get("fallthrough")
	counted := make(map[string]string)
	if list := rule.get("variations"); list != nil {
		for _, old := range list.items {
			id, part := old.get("id"), old.get("exptRollout")
			if id != nil && part != nil {
				counted[id.text] = e.text(part)
			}
		}
	}
	var parts []string
	for _, r := range ranges(shares) {
		parts = append(parts, fmt.Sprintf(`{"id": %s, "rollout": [%v, %v], "exptRollout": %s}`,
			MarshalText(r.variation), r.from, r.to, cmp.Or(counted[r.variation], "1")))
	}
	variations := "[" + strings.Join(parts, ", ") + "]"
	if rule == nil || rule.kind != object {
		e.set(flag, "fallthrough", `{"dispatchKey": null, "includedInExpt": false, "variations": `+variations+"}")
		return
	}
	e.set(rule, "variations", variations)
}

// extent is a share from 0 to 1.
type extent struct {
	from, to  float64
	variation string
}

// ranges lays shares side by side. Neighbours have the very same bound and the
// last ends at exactly 1: a gap would be users that get nothing.
func ranges(shares []Share) []extent {
	var out []extent
	bound, sum := 0.0, 0.0
	for _, s := range shares {
		if s.Percent == 0 {
			continue // a range of one point can still hold a user
		}
		sum += s.Percent
		r := extent{bound, min(math.Round(sum*1e10)/1e12, 1), s.Variation}
		bound = r.to
		out = append(out, r)
	}
	out[len(out)-1].to = 1
	return out
}
