//go:build !race

package ffc_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strconv"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestNoAllocation holds every way through an evaluation, with events on, to
// allocating nothing once the flag has been used.
func TestNoAllocation(t *testing.T) { platforms.Each(t, testNoAllocation) }

func testNoAllocation(t *testing.T, g ffctest.Platform) {
	keys := make([]string, 50)
	for i := range keys {
		keys[i] = fmt.Sprintf("key-%d", i)
	}
	gate := ffctest.Flag("gate")
	attr := ffctest.Attr
	clauses := map[string]ffctest.Clause{
		"equal": attr("plan").Equal("pro"), "not equal": attr("plan").NotEqual("x"), "contains": attr("plan").Contains("r"),
		"not contains": attr("plan").NotContains("x"), "starts with": attr("plan").StartsWith("p"), "ends with": attr("plan").EndsWith("o"),
		"one of few": attr("plan").IsOneOf("a", "pro"), "one of many": attr("plan").IsOneOf(append(keys, "pro")...), "not one of": attr("plan").NotOneOf(keys...),
		"true": attr("vip").IsTrue(), "false": attr("blocked").IsFalse(), "regexp": attr("email").MatchRegex(`^[a-z]+@(corp|team)\.example\.com$`),
		"not regexp": attr("email").NotMatchRegex("x$"), "less": attr("age").LessThan("99"), "at most": attr("age").AtMost("34"),
		"greater": attr("score").GreaterThan("1.23456"), "at least": attr("exact").AtLeast("0.1"), "built-in": attr("country").Equal("NZ"),
		"segment list": ffctest.InSegment("listed"), "segment rule": ffctest.InSegment("ruled"), "not in segment": ffctest.NotInSegment("none", "excluding"),
	}
	items := []ffctest.Item{
		gate,
		ffctest.Flag("off").Off(),
		ffctest.Flag("fallthrough"),
		ffctest.Flag("target").Target("true", "u").Serve("false"),
		ffctest.Flag("targets").Target("true", append(keys, "u")...).Serve("false"),
		ffctest.Flag("rollout").Variations("true", "True").Rollout(50, 50),
		ffctest.Flag("experiment").Variations("true", "True").Rollout(50, 50).Experiment(20, 20),
		ffctest.Flag("number").Variations("1.5", "2"),
		ffctest.Segment("listed").Include(append(keys, "u")...),
		ffctest.Segment("ruled").Rule(attr("plan").Equal("x")).Rule(attr("plan").Equal("pro")),
		ffctest.Segment("excluding").Include("u").Exclude("u"),
		ffctest.Segment("none"),
	}
	bools := []string{"fallthrough", "target", "targets", "rollout", "experiment"}
	if g == ffctest.Classic {
		items = append(items,
			ffctest.Flag("prerequisite").Prerequisite(gate, "true"),
			ffctest.Flag("prerequisites").Prerequisite(gate, "true").Prerequisite(ffctest.Flag("prerequisite"), "true"),
			ffctest.Flag("failed prerequisite").OffVariation("true").Prerequisite(gate, "false"),
			ffctest.Flag("missing prerequisite").OffVariation("true").Prerequisite(ffctest.Flag("gone"), "true"))
		bools = append(bools, "prerequisite", "prerequisites", "failed prerequisite", "missing prerequisite")
	}
	for name, clause := range clauses {
		items = append(items, ffctest.Flag("clause "+name).Rule("true", clause).Serve("false"))
		bools = append(bools, "clause "+name)
	}
	_, client := connectedTo(t, g, func(c *ffc.Config) {
		c.Events = flush.Config{Interval: -1, Capacity: 5_000_000}
		c.Fallbacks = map[string]string{"other": "true"}
	}, items...)
	ctx := context.Background()
	user := ffc.NewUser("u", ffc.Email("ann@corp.example.com"), ffc.Country("NZ"), ffc.String("plan", "pro"), ffc.Int("age", 34), ffc.String("vip", "TRUE"),
		ffc.String("blocked", "False"), ffc.Float("score", 1.2345678), ffc.Float("exact", 0.1))

	noAllocation := func(name string, f func()) {
		t.Helper()
		f() // the first use compiles
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	for _, key := range bools {
		if !client.BoolVariation(ctx, key, user, false) {
			t.Errorf("%s is not true: it does not take the way it should", key)
		}
		noAllocation(key, func() { client.BoolVariation(ctx, key, user, false) })
	}
	noAllocation("off", func() { client.BoolVariation(ctx, "off", user, true) })
	noAllocation("string", func() { client.Variation(ctx, "number", user, "") })
	noAllocation("int", func() { client.IntVariation(ctx, "number", user, 0) })
	noAllocation("float", func() { client.FloatVariation(ctx, "number", user, 0) })
	noAllocation("enabled", func() { client.IsEnabled(ctx, "rollout", user) })
	noAllocation("detail", func() { client.VariationDetail(ctx, "rollout", user, "") })
	noAllocation("detail of a failure", func() { client.IntVariationDetail(ctx, "rollout", user, 0) })
	noAllocation("parsed", func() { ffc.ParseDetail(ctx, client.For(user), "rollout", false, strconv.ParseBool) })
	noAllocation("for", func() { client.For(user).Bool(ctx, "rollout", false) })
	invalid := ffc.NewUser("u", ffc.Invalid("plan"), ffc.Invalid("Name"))
	if d := client.BoolVariationDetail(ctx, "clause equal", invalid, false); !errors.Is(d.Err, ffc.ErrInvalidAttribute) {
		t.Errorf("an invalid attribute: got %+v", d)
	}
	noAllocation("invalid attribute", func() { client.BoolVariation(ctx, "clause equal", invalid, false) })
	noAllocation("stats", func() { client.Stats() })
	noAllocation("status", func() { client.Status() })
	noAllocation("known", func() { client.FlagKnown("rollout") })
	noAllocation("missing flag", func() { client.BoolVariation(ctx, "nope", user, false) })
	noAllocation("missing flag with a fallback", func() { client.BoolVariation(ctx, "other", user, false) })
	noAllocation("wrong type", func() { client.IntVariation(ctx, "rollout", user, 0) })
	noAllocation("no user", func() { client.BoolVariation(ctx, "rollout", ffc.User{}, false) })
	if stats := client.Stats().Events; stats.Recorded == 0 || stats.Dropped.Total() != 0 {
		t.Errorf("events were not on: %+v", stats)
	}

	watched, err := ffc.New(ctx, ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("a")), OnEvaluation: func(context.Context, ffc.Evaluation) {}})
	if err != nil {
		t.Fatal(err)
	}
	defer watched.Close(ctx)
	noAllocation("OnEvaluation", func() { watched.BoolVariation(ctx, "a", user, false) })

	unready, err := ffc.New(ctx, ffc.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "http://127.0.0.1:1", Transport: &stream.Transport{}, StartWait: -1, Logger: testkit.Quiet(),
		HTTPClient: &http.Client{}})
	if err != nil {
		t.Fatal(err)
	}
	defer unready.Close(ctx)
	noAllocation("not ready", func() { unready.BoolVariation(ctx, "rollout", user, false) })
}

// TestUserAllocation: a user as request handlers build it.
func TestUserAllocation(t *testing.T) {
	n := testing.AllocsPerRun(1000, func() {
		ffc.NewUser("visitor-00999", ffc.Name("Ann Example"), ffc.Email("ann@corp.example.com"), ffc.Country("NZ"), ffc.String("plan", "pro"), ffc.Int("age", 34))
	})
	if n > 2 {
		t.Errorf("a user with five attributes takes %v allocations, want at most 2", n)
	}
}

// TestNewAllocatesLittle: what a start allocates is an index of the bootstrap,
// not the bootstrap once more.
func TestNewAllocatesLittle(t *testing.T) { platforms.Each(t, testNewAllocatesLittle) }

func testNewAllocatesLittle(t *testing.T, g ffctest.Platform) {
	flags := make([]ffctest.Item, 1000)
	for i := range flags {
		flags[i] = ffctest.Flag(fmt.Sprintf("flag-%04d", i)).Variations("on", "off")
	}
	bootstrap := g.Snapshot(flags...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: bootstrap})
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if !client.FlagKnown("flag-0999") {
		t.Error("a flag is missing")
	}
	if n := after.TotalAlloc - before.TotalAlloc; n >= uint64(len(bootstrap)) {
		t.Errorf("%d bytes allocated for a bootstrap of %d", n, len(bootstrap))
	}
}
