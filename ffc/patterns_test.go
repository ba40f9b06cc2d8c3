package ffc_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestManyPatterns: the regular expressions of a flag have one budget of memory
// together. It is not parallel: it looks at the heap.
func TestManyPatterns(t *testing.T) {
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		for _, pattern := range []string{strings.Repeat(`\pL`, 5000), strings.Repeat(`\p{L}`, 3000), strings.Repeat(`\w{1000}`, 1500), "b" + strings.Repeat("a?", 8000)} {
			flag := ffctest.Flag("f").Serve("false").Rule("true", ffctest.Attr("plan").Equal("pro"))
			for i := range 25 {
				flag = flag.Rule("true", ffctest.Attr(fmt.Sprint("attribute-", i)).MatchRegex(pattern))
			}
			var log testkit.Log
			_, client := connectedTo(t, p, func(c *ffc.Config) { c.Logger = textLogger(&log) }, flag, ffctest.Flag("other"))
			before := heap()
			for _, key := range []string{"f", "other"} {
				if !client.BoolVariation(t.Context(), key, ffc.NewUser("u", ffc.String("plan", "pro")), false) {
					t.Errorf("%.10s: %s is false", pattern, key)
				}
			}
			if grown := heap() - before; grown > 16<<20 {
				t.Errorf("%.10s: the flag keeps %d bytes", pattern, grown)
			}
			waitForLog(t, &log, "limit of 4194304 bytes of memory")
			d := client.BoolVariationDetail(t.Context(), "f", ffc.NewUser("u"), true)
			if p == ffctest.FeatBit && !errors.Is(d.Err, ffc.ErrEvaluation) || p == ffctest.Classic && (d.Value || d.Err != nil) {
				t.Errorf("%.10s: %+v", pattern, d)
			}
			runtime.KeepAlive(client)
		}
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // also what sync.Pool keeps
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestPatternsGivenUp: a text that is too long for a regular expression meets no
// condition, negated or not. It is counted, logged once for each flag, and
// explained.
func TestPatternsGivenUp(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		var log testkit.Log
		_, client := connectedTo(t, p, func(c *ffc.Config) { c.Logger = textLogger(&log) },
			ffctest.Flag("matches").Rule("true", ffctest.Attr("agent").MatchRegex("a")).Serve("false"),
			ffctest.Flag("does-not").Rule("true", ffctest.Attr("agent").NotMatchRegex("b")).Serve("false"),
			ffctest.Flag("looks-around").Rule("true", ffctest.Attr("agent").NotMatchRegex("(?=b)")).Serve("false"))
		keys := []string{"matches", "does-not", "looks-around"}
		user := ffc.NewUser("u", ffc.String("agent", strings.Repeat("a", 4097)))
		for range 3 {
			for _, key := range keys {
				if d := client.BoolVariationDetail(t.Context(), key, user, true); d.Value || d.Err != nil {
					t.Errorf("%s: %+v", key, d)
				}
			}
		}
		if got := client.Stats().PatternsGivenUp; got != 9 {
			t.Errorf("counted %d", got)
		}
		waitForLog(t, &log, `flag \"looks-around\"`)
		text := log.String()
		for _, key := range keys {
			if strings.Count(text, `flag \"`+key) != 1 {
				t.Errorf("%s is not logged once: %s", key, text)
			}
		}
		if strings.Contains(text, "aaaa") || !strings.Contains(text, "level=WARN") {
			t.Errorf("the log: %s", text)
		}
		if got := client.Explain("matches", user).String(); !strings.Contains(got, "the text is too long") {
			t.Error(got)
		}
		if !client.BoolVariation(t.Context(), "does-not", ffc.NewUser("u", ffc.String("agent", strings.Repeat("a", 4096))), false) {
			t.Error("a text at the limit does not match")
		}
	})
}

// TestPatternsCountInAnEvaluation: patterns and texts that take long together end
// an evaluation, as other conditions do.
func TestPatternsCountInAnEvaluation(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		flag := ffctest.Flag("f").Serve("false")
		for range 4 {
			flag = flag.Rule("true", ffctest.Attr("p").MatchRegex(strings.Repeat("(a|b|c|d)?", 1000)+"!"))
		}
		_, client := connectedTo(t, p, nil, flag)
		for length, failed := range map[int]bool{100: false, 4096: true, 1 << 20: false} {
			user := ffc.NewUser("u", ffc.String("p", strings.Repeat("a", length)))
			d := client.BoolVariationDetail(t.Context(), "f", user, false)
			if errors.Is(d.Err, ffc.ErrEvaluation) != failed || d.Value {
				t.Errorf("%d bytes: %+v", length, d)
			}
			if got := client.Explain("f", user).String(); strings.Contains(got, "1000000") != failed {
				t.Errorf("%d bytes: %s", length, got)
			}
		}
	})
}
