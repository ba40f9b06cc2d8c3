package ffc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// choices makes an environment and its users from bytes. After the last byte it
// makes the first choice.
type choices struct {
	bytes []byte
	g     ffctest.Platform
	value string // an odd text, which comes up everywhere
	from  int64  // versions are later
}

func (c *choices) below(n int) int {
	if len(c.bytes) == 0 {
		return 0
	}
	b := c.bytes[0]
	c.bytes = c.bytes[1:]
	return int(b) % n
}

func (c *choices) text(list ...string) string {
	if i := c.below(len(list) + 1); i < len(list) {
		return list[i]
	}
	return c.value
}

var flagKeys = []string{"a", "b", "c", "d", "e"}

// environment returns flags and segments that lead to each other. Versions grow
// in the order of the list.
func (c *choices) environment() (items []ffctest.Item) {
	version := c.from
	next := func() int64 {
		version += int64(1 + c.below(1000))
		return version
	}
	for _, id := range []string{"p", "q", "r"} {
		s := ffctest.Segment(id).Version(next())
		if c.below(2) == 1 {
			s = s.Include(c.userKey(), "v")
		}
		if c.below(2) == 1 {
			s = s.Exclude(c.userKey())
		}
		for range c.below(3) {
			s = s.Rule(c.clauses()...)
		}
		items = append(items, s)
	}
	var flags []*ffctest.FlagBuilder
	var first []string // a value of each
	for _, key := range flagKeys {
		values := []string{"true", "2", "3.5", `{"a":1}`}
		if !slices.Contains(values, c.value) {
			values[c.below(4)] = c.value
		}
		f := ffctest.Flag(key).Name(c.value).Variations(values...).Version(next())
		value := func() string { return values[c.below(len(values))] }
		percents := func() []float64 {
			cut := float64(c.below(101))
			return []float64{cut, 100 - cut, 0, 0}
		}
		f = f.Serve(value()).OffVariation(value())
		if c.below(8) == 7 {
			f = f.Off()
		}
		if c.below(3) == 2 {
			f = f.Rollout(percents()...)
		}
		if c.below(3) == 2 {
			f = f.Target(value(), c.userKey(), "v")
		}
		for range c.below(4) {
			if c.below(3) == 2 {
				f = f.RuleRollout(percents(), c.clauses()...)
			} else {
				f = f.Rule(value(), c.clauses()...)
			}
		}
		if c.g == ffctest.Classic && len(flags) > 0 && c.below(3) == 2 {
			i := c.below(len(flags))
			f = f.Prerequisite(flags[i], first[i])
		}
		flags = append(flags, f)
		first = append(first, values[0])
		items = append(items, f)
	}
	return items
}

func (c *choices) userKey() string {
	if key := c.text("u", "w", "ключ"); strings.TrimSpace(key) != "" {
		return key
	}
	return "blank"
}

func (c *choices) clauses() (clauses []ffctest.Clause) {
	for range 1 + c.below(3) {
		clauses = append(clauses, c.clause())
	}
	return clauses
}

func (c *choices) clause() ffctest.Clause {
	name := c.text("key", "name", "Name", "email", "Email", "country", "plan", "age", "KEY")
	if name == "" {
		name = "plan"
	}
	a := ffctest.Attr(name)
	operand := c.text("pro", "FR", "18", "18.5", "1,000", "1e309", " 7", "", "true")
	switch c.below(18) {
	case 0:
		return a.Equal(operand)
	case 1:
		return a.NotEqual(operand)
	case 2:
		return a.Contains(operand)
	case 3:
		return a.NotContains(operand)
	case 4:
		return a.StartsWith(operand)
	case 5:
		return a.EndsWith(operand)
	case 6:
		return a.IsOneOf(operand, "pro", "FR", "18", "u", "x")
	case 7:
		return a.NotOneOf(operand)
	case 8:
		return a.IsTrue()
	case 9:
		return a.IsFalse()
	case 10:
		return a.LessThan(operand)
	case 11:
		return a.AtMost(operand)
	case 12:
		return a.GreaterThan(operand)
	case 13:
		return a.AtLeast(operand)
	case 14:
		// No pattern of the fuzzer's: one that takes long answers differently
		// from time to time.
		return a.MatchRegex([]string{`^\w+$`, `(?!p)`, `(`, `(?i)fr|é`, `^\d*$`, `\p{L}`, `(a)\1`}[c.below(7)])
	case 15:
		return a.NotMatchRegex([]string{`^pro$`, `(?<=r)o`, `[a-`, `\s`}[c.below(4)])
	case 16:
		return ffctest.InSegment("p", "q")
	}
	return ffctest.NotInSegment([]string{"r", "p", "missing"}[c.below(3)])
}

// users returns users made in every way.
func (c *choices) users() []ffc.User {
	users := []ffc.User{{}, ffc.NewUser("u"), ffc.NewUser("v", ffc.Name(c.value), ffc.Email(c.value), ffc.Country("FR"), ffc.Float("age", 18))}
	for range 4 {
		var attrs []ffc.Attr
		m := map[string]any{"key": c.userKey()}
		for range c.below(6) {
			name := c.text("name", "Name", "email", "Email", "country", "Country", "plan", "age", "KEY", "keyId")
			value := c.text("pro", "FR", "18", "18.0", "1,000", "Infinity", "7", "", "TRUE", "été", "aa")
			m[name] = value
			if c.below(2) == 1 {
				attrs = append(attrs, ffc.Int(name, int64(c.below(40))))
				m["age"] = float64(c.below(40))
			} else {
				attrs = append(attrs, ffc.String(name, value))
			}
		}
		users = append(users, ffc.NewUser(c.userKey(), attrs...))
		if user, err := ffc.UserFromMap(m); err == nil {
			users = append(users, user)
		}
	}
	return users
}

// FuzzSameAnswers: an environment that arrived as a bootstrap, as one message,
// item by item in any order, or from a snapshot that a client wrote gives every
// user the same answers, and all ways to ask agree.
func FuzzSameAnswers(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 48 {
		seed := make([]byte, 600)
		for j := range seed {
			seed[j] = byte(random.Uint32())
		}
		f.Add(seed, []string{"", "odd", "é", "9007199254740993.0", "\x00\"\\", "null", "18.0", "\U0001f600"}[i%8], i%2 == 1)
	}
	f.Fuzz(func(t *testing.T, data []byte, value string, featbit bool) {
		if len(value) > 200 || len(data) > 2000 {
			return
		}
		value = strings.ToValidUTF8(value, "?") // the platform's texts are JSON
		c := &choices{bytes: data, g: ffctest.Classic, value: value, from: 1_700_000_000_000}
		if featbit {
			c.g = ffctest.FeatBit
		}
		backwards := slices.Clone(data)
		slices.Reverse(backwards)
		older := (&choices{bytes: backwards, g: c.g, value: value, from: c.from - 1_000_000}).environment()
		items := c.environment()
		users := c.users()
		keys := append([]string{"missing", ""}, flagKeys...)
		whole := c.g.Snapshot(items...)

		var first []string
		for _, way := range []struct {
			name   string
			client *ffc.Client
		}{
			{"bootstrap", offlineWith(t, whole)},
			{"one message", applying(t, c.g, whole)},
			{"item by item", applying(t, c.g, c.apart(items)...)},
			{"item by item after older ones", applying(t, c.g, append([][]byte{c.g.Snapshot(older...)}, c.apart(items)[1:]...)...)},
			{"snapshot of a client", offlineWith(t, snapshotOf(t, applying(t, c.g, c.apart(items)...)))},
			{"one message after an older one", applying(t, c.g, c.g.Snapshot(items[0]), whole)},
		} {
			got := answers(t, way.client, users, keys)
			if first == nil {
				first = got
				continue
			}
			for i := range got {
				if got[i] != first[i] {
					t.Errorf("%s:\n got  %s\n want %s", way.name, got[i], first[i])
				}
			}
		}
	})
}

// apart returns an empty full and a patch for each item, in some order.
func (c *choices) apart(items []ffctest.Item) (messages [][]byte) {
	messages = append(messages, c.g.Snapshot())
	items = slices.Clone(items)
	for len(items) > 0 {
		i := c.below(len(items))
		patch := bytes.Replace(c.g.Snapshot(items[i]), []byte(`"full"`), []byte(`"patch"`), 1)
		messages = append(messages, patch)
		items = slices.Delete(items, i, i+1)
	}
	return messages
}

func offlineWith(t *testing.T, snapshot []byte) *ffc.Client {
	t.Helper()
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: snapshot, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatalf("%v in %s", err, snapshot)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client
}

// applying returns a client to which messages were pushed.
func applying(t *testing.T, p ffctest.Platform, messages ...[]byte) *ffc.Client {
	t.Helper()
	from := &source{}
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: p.EnvSecret(), BaseURL: "http://localhost:1", Transport: from, StartWait: -1, Logger: testkit.Quiet(), Events: flush.Config{Disabled: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	for _, message := range messages {
		if _, err := from.store.Apply(message, from.store.Mark()); err != nil {
			t.Fatalf("%v in %s", err, message)
		}
	}
	return client
}

func snapshotOf(t *testing.T, client *ffc.Client) []byte {
	t.Helper()
	var buf bytes.Buffer
	if err := client.WriteSnapshot(&buf); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// answers returns what a client answers, and compares all ways to ask.
func answers(t *testing.T, client *ffc.Client, users []ffc.User, keys []string) (lines []string) {
	t.Helper()
	ctx := t.Context()
	for i, user := range users {
		all := client.AllVariations(ctx, user)
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("user %d: %s", i, text))
		var list struct {
			Data []struct{ KeyName, Variation, Reason, Name string }
		}
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
		if all.Success && len(list.Data) != len(flagKeys) {
			t.Errorf("user %d: AllVariations has %d flags, not %d", i, len(list.Data), len(flagKeys))
		}
		for _, got := range list.Data {
			if !all.Success {
				break
			}
			d := client.VariationDetail(ctx, got.KeyName, user, "fallback")
			if got.Reason != string(d.Reason) || got.Name != d.FlagName || d.Err == nil && got.Variation != d.Value {
				t.Errorf("user %d, flag %q: AllVariations has %+v, VariationDetail %+v", i, got.KeyName, got, d)
			}
		}
		pinned := client.For(user)
		for _, key := range keys {
			d := client.VariationDetail(ctx, key, user, "fallback")
			line := fmt.Sprintf("user %d, flag %q: %q, %q, %q, %q, %v", i, key, d.Value, d.VariationID, d.Reason, d.FlagName, d.Err)
			lines = append(lines, line)
			if got := client.Variation(ctx, key, user, "fallback"); got != d.Value {
				t.Errorf("%s: Variation has %q", line, got)
			}
			if got := pinned.StringDetail(ctx, key, "fallback"); !sameDetail(got, d) {
				t.Errorf("%s: For has %+v", line, got)
			}
			if got, ok := all.Get(key); ok && (got.VariationID != d.VariationID || got.Reason != d.Reason || d.Err == nil && got.Value != d.Value) {
				t.Errorf("%s: AllVariations has %+v", line, got)
			}
			e := client.Explain(key, user)
			if e.VariationID != d.VariationID || e.Reason != d.Reason || d.Err == nil && e.Value != d.Value || !errors.Is(e.Err, d.Err) && d.Err != nil {
				t.Errorf("%s: Explain has %q, %q, %q, %v", line, e.Value, e.VariationID, e.Reason, e.Err)
			}
			lines = append(lines, e.String())
			typed(t, client, line, key, user, d)
		}
	}
	return lines
}

func sameDetail(a, b ffc.Detail[string]) bool {
	return a.Value == b.Value && a.VariationID == b.VariationID && a.Reason == b.Reason && a.FlagName == b.FlagName && errors.Is(a.Err, b.Err)
}

// typed compares the typed getters: each has the same variation, or says that it
// is of another type.
func typed(t *testing.T, client *ffc.Client, line, key string, user ffc.User, d ffc.Detail[string]) {
	t.Helper()
	ctx := t.Context()
	b := client.BoolVariationDetail(ctx, key, user, false)
	i := client.IntVariationDetail(ctx, key, user, -77)
	x := client.FloatVariationDetail(ctx, key, user, -77)
	for kind, got := range map[string]struct {
		id     string
		reason ffc.Reason
		err    error
	}{"bool": {b.VariationID, b.Reason, b.Err}, "int": {i.VariationID, i.Reason, i.Err}, "float": {x.VariationID, x.Reason, x.Err}} {
		if d.Err == nil && got.reason == ffc.ReasonWrongType {
			continue
		}
		if got.id != d.VariationID || got.reason != d.Reason || (got.err == nil) != (d.Err == nil) {
			t.Errorf("%s: as %s %q, %q, %v", line, kind, got.id, got.reason, got.err)
		}
	}
	if i.Err == nil && x.Err == nil && float64(i.Value) != float64(int(x.Value)) && x.Value < 1<<53 && x.Value > -(1<<53) {
		t.Errorf("%s: %d and %v", line, i.Value, x.Value)
	}
}
