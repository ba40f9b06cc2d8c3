package ffctest_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestBuildersWriteJSON(t *testing.T) {
	t.Parallel()
	base := ffctest.Flag("base").Name("Base")
	tests := []struct {
		name  string
		items []ffctest.Item
	}{
		{"empty", nil},
		{"flag-default", []ffctest.Item{ffctest.Flag("plain")}},
		{"flag-off", []ffctest.Item{ffctest.Flag("off").Off().Variations("10", "20.5", "30").OffVariation("20.5").Serve("30")}},
		{"flag-full", []ffctest.Item{
			base.Version(1662595200001),
			ffctest.Flag("checkout").On().Variations("red", "blue", "none").Version(1662595200002).
				Prerequisite(base, "true").
				Target("blue", "u1", "u2").
				Target("none", "<é>").
				Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE"), ffctest.Attr("age").AtLeast("18")).
				RuleRollout([]float64{0, 12.5, 87.5}, ffctest.InSegment("s1")).
				Rollout(33.3, 33.3, 33.4),
		}},
		{"flag-experiment", []ffctest.Item{
			ffctest.Flag("some").Rule("true", ffctest.Attr("name").Equal("x")).Rollout(60, 40).Experiment(30, 20),
			ffctest.Flag("none").NoExperiment(),
		}},
		{"segment", []ffctest.Item{
			ffctest.Segment("s1").Include("u1", "u2").Exclude("u3").
				Rule(ffctest.Attr("email").EndsWith("@example.com"), ffctest.NotInSegment("s2", "s3")).
				Rule(ffctest.Attr("vip").IsTrue()),
			ffctest.Segment("s2"),
		}},
		{"clauses", []ffctest.Item{
			ffctest.Segment("all").Rule(
				ffctest.Attr("a").Equal("1"), ffctest.Attr("a").NotEqual("2"),
				ffctest.Attr("a").Contains("3"), ffctest.Attr("a").NotContains("4"),
				ffctest.Attr("a").StartsWith("5"), ffctest.Attr("a").EndsWith("6"),
				ffctest.Attr("a").IsOneOf(), ffctest.Attr("a").NotOneOf("7", `"8"`),
				ffctest.Attr("a").IsTrue(), ffctest.Attr("a").IsFalse(),
				ffctest.Attr("a").MatchRegex(`^\d`), ffctest.Attr("a").NotMatchRegex("["),
				ffctest.Attr("a").LessThan("9"), ffctest.Attr("a").AtMost("10"),
				ffctest.Attr("a").GreaterThan("11"), ffctest.Attr("a").AtLeast("12"),
				ffctest.InSegment("x"), ffctest.NotInSegment("y"),
			),
		}},
	}
	for _, classic := range tests {
		if classic.name == "flag-full" {
			continue // FeatBit has no prerequisites
		}
		classic.name = "featbit-" + classic.name
		tests = append(tests, classic)
	}
	tests = append(tests, struct {
		name  string
		items []ffctest.Item
	}{"featbit-flag-full", []ffctest.Item{
		ffctest.Flag("checkout").On().Name("Check out").Variations("red", "blue", "none").Version(1662595200002).
			Target("blue", "u1", "u2").
			Target("none", "<é>").
			Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE"), ffctest.Attr("key").StartsWith("u")).
			RuleRollout([]float64{0, 12.5, 87.5}, ffctest.InSegment("s1")).
			Rollout(33.3, 33.3, 33.4),
	}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			g := ffctest.Classic
			if strings.HasPrefix(tt.name, "featbit-") {
				g = ffctest.FeatBit
			}
			if err := json.Indent(&got, g.Snapshot(tt.items...), "", " "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			path := filepath.Join("testdata", "builders", tt.name+".json")
			if *update {
				if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Bytes(), want) {
				t.Errorf("differs from %s:\n%s", path, got.Bytes())
			}
		})
	}
}

// The golden files have a clause of each operator.
func TestEveryOperatorHasABuilder(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"clauses", "featbit-clauses"} {
		text, err := os.ReadFile(filepath.Join("testdata", "builders", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		for o := range model.Operators() {
			if !bytes.Contains(text, fmt.Appendf(nil, "%q", o.Name)) {
				t.Errorf("%s.json has no %s", name, o.Name)
			}
		}
	}
}

func TestRolloutHasNoGaps(t *testing.T) {
	t.Parallel()
	many := make([]float64, 997)
	for i := range many {
		many[i] = 100.0 / 997
	}
	tests := []struct {
		name     string
		percents []float64
		want     []int // ids of the variations that have a share
	}{
		{"halves", []float64{50, 50}, []int{1, 2}},
		{"thirds", []float64{33.33, 33.33, 33.34}, []int{1, 2, 3}},
		{"tenths", []float64{10, 10, 10, 10, 10, 10, 10, 10, 10, 10}, []int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
		{"everything first", []float64{100, 0}, []int{1}},
		{"everything last", []float64{0, 100}, []int{2}},
		{"hole", []float64{0.1, 0, 99.9}, []int{1, 3}},
		{"a little too much", []float64{100.0009, 0.00001}, []int{1, 2}},
		{"a little too little", []float64{33.333, 33.333, 33.333}, []int{1, 2, 3}},
		{"many", many, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			values := make([]string, len(tt.percents))
			for i := range values {
				values[i] = fmt.Sprint(i)
			}
			bootstrap := ffctest.Snapshot(ffctest.Flag("f").Variations(values...).Rollout(tt.percents...))
			var doc struct {
				Data struct {
					FeatureFlags []struct {
						FF struct {
							DefaultRulePercentageRollouts []struct {
								RolloutPercentage [2]float64
								ValueOption       struct{ LocalID int }
							}
						}
					}
				}
			}
			if err := json.Unmarshal(bootstrap, &doc); err != nil {
				t.Fatal(err)
			}
			shares := doc.Data.FeatureFlags[0].FF.DefaultRulePercentageRollouts
			bound := 0.0
			var ids []int
			for _, s := range shares {
				if s.RolloutPercentage[0] != bound || s.RolloutPercentage[1] < bound {
					t.Errorf("share %v does not continue at %v", s.RolloutPercentage, bound)
				}
				bound = s.RolloutPercentage[1]
				ids = append(ids, s.ValueOption.LocalID)
			}
			if bound != 1 {
				t.Errorf("the last share ends at %v, not 1", bound)
			}
			if tt.want != nil && fmt.Sprint(ids) != fmt.Sprint(tt.want) {
				t.Errorf("got variations %v, want %v", ids, tt.want)
			}
		})
	}
}

func TestMisusePanics(t *testing.T) {
	t.Parallel()
	red := func() *ffctest.FlagBuilder { return ffctest.Flag("f").Variations("red", "blue") }
	age := ffctest.Attr("age").AtLeast("18")
	tests := []struct {
		name string
		do   func()
		want string
	}{
		{"flag without key", func() { ffctest.Flag(" ") }, "a flag needs a key"},
		{"segment without id", func() { ffctest.Segment("") }, "a segment needs an id"},
		{"attribute without name", func() { ffctest.Attr("") }, "needs the name"},
		{"no variations", func() { ffctest.Flag("f").Variations() }, `flag "f" needs at least one variation`},
		{"same variation twice", func() { ffctest.Flag("f").Variations("a", "a") }, `has the variation "a" twice`},
		{"unknown variation served", func() { red().Serve("green") }, `flag "f" has no variation "green", it has ["red" "blue"]`},
		{"unknown off variation", func() { red().OffVariation("green") }, `no variation "green"`},
		{"unknown target variation", func() { red().Target("green", "u1") }, `no variation "green"`},
		{"unknown rule variation", func() { red().Rule("green", age) }, `no variation "green"`},
		{"unknown prerequisite variation", func() { red().Prerequisite(ffctest.Flag("base"), "red") }, `flag "base" has no variation "red"`},
		{"variations too late", func() { ffctest.Flag("f").Serve("true").Variations("a") }, "call Variations first"},
		{"too few percentages", func() { red().Rollout(100) }, "2 variations"},
		{"too many percentages", func() { red().RuleRollout([]float64{50, 25, 25}, age) }, "3 percentages"},
		{"sum too high", func() { red().Rollout(50, 50.002) }, "not 100"},
		{"sum too low", func() { red().Rollout(50, 49.998) }, "not 100"},
		{"negative percentage", func() { red().Rollout(-50, 150) }, "between 0 and 100"},
		{"percentage is not a number", func() { red().Rollout(math.NaN(), 50) }, "between 0 and 100"},
		{"experiment for fewer variations", func() { red().Experiment(50) }, "1 percentages"},
		{"target without users", func() { red().Target("red") }, "without users"},
		{"target with an empty key", func() { red().Target("red", "u1", "") }, "empty key"},
		{"rule without clauses", func() { red().Rule("red") }, "without conditions"},
		{"rule with an empty clause", func() { red().Rule("red", ffctest.Clause{}) }, "empty Clause"},
		{"segment rule without clauses", func() { ffctest.Segment("s").Rule() }, `segment "s" has a rule without conditions`},
		{"segment with an empty key", func() { ffctest.Segment("s").Include("") }, "empty key"},
		{"segment that excludes an empty key", func() { ffctest.Segment("s").Exclude("") }, "empty key"},
		{"no segment ids", func() { ffctest.InSegment() }, "at least one segment id"},
		{"empty segment id", func() { ffctest.NotInSegment("a", "") }, "segment id is empty"},
		{"version of a flag", func() { red().Version(0) }, "version 0"},
		{"version of a segment", func() { ffctest.Segment("s").Version(-1) }, "version -1"},
		{"prerequisite on FeatBit", func() { ffctest.FeatBit.Snapshot(ffctest.Flag("f").Prerequisite(ffctest.Flag("g"), "true")) }, `flag "f" has a prerequisite, which FeatBit does not have`},
		{"unknown platform", func() { ffctest.Platform(2).NewServer(nil) }, "unknown Platform"},
		{"data of another platform", func() { ffctest.NewServer(ffctest.FeatBit.Snapshot(ffctest.Flag("f"))) }, "as data of classic"},
		{"twice in a snapshot", func() { ffctest.Snapshot(red(), red()) }, "twice"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			expectPanic(t, tt.want, tt.do)
		})
	}
}

// Every method of a builder leaves the builder as it was and returns another.
func TestBuildersReturnCopies(t *testing.T) {
	t.Parallel()
	vip, free := ffctest.Attr("vip").IsTrue(), ffctest.Attr("free").IsTrue()
	plain, segment := ffctest.Flag("f"), ffctest.Segment("s").Include("u1").Exclude("u2").Rule(vip)
	full := ffctest.Flag("f").Target("true", "u1").Rule("true", vip).Prerequisite(plain, "true").Rollout(50, 50)
	full = full.Target("true", "u2").Rule("true", vip).Prerequisite(plain, "true").Target("true", "u3").Rule("true", vip).Prerequisite(plain, "true")
	before := ffctest.Snapshot(full, segment)
	changed := map[string]ffctest.Item{
		"Variations":                 plain.Variations("a"),
		"Name":                       full.Name("g"),
		"Off":                        full.Off(),
		"OffVariation":               full.OffVariation("true"),
		"Serve":                      full.Serve("false"),
		"Rollout":                    full.Rollout(1, 99),
		"Target":                     full.Target("true", "u4"),
		"another Target":             full.Target("false", "u5"),
		"Rule":                       full.Rule("true", free),
		"RuleRollout":                full.RuleRollout([]float64{1, 99}, free),
		"Prerequisite":               full.Prerequisite(plain, "false"),
		"Experiment":                 full.Experiment(1, 2),
		"NoExperiment":               full.NoExperiment(),
		"Version":                    full.Version(7),
		"On after Off":               full.Off().On().Name("on"),
		"Segment Include":            segment.Include("u3"),
		"Segment Include of another": segment.Include("u4"),
		"Segment Exclude":            segment.Exclude("u3"),
		"Segment Rule":               segment.Rule(free),
		"Segment Version":            segment.Version(7),
	}
	if after := ffctest.Snapshot(full, segment); !bytes.Equal(before, after) {
		t.Errorf("a method changed its builder:\n%s\nbefore:\n%s", after, before)
	}
	seen := map[string]string{string(ffctest.Snapshot(full)): "the flag", string(ffctest.Snapshot(segment)): "the segment"}
	for name, item := range changed {
		data := string(ffctest.Snapshot(item))
		if same, ok := seen[data]; ok {
			t.Errorf("%s gives the same as %s: %s", name, same, data)
		}
		seen[data] = name
	}
}

func TestSlicesAreCopied(t *testing.T) {
	t.Parallel()
	values := []string{"a", "b"}
	keys := []string{"u1"}
	clauses := []ffctest.Clause{ffctest.Attr("x").IsTrue()}
	b := ffctest.Flag("f").Variations(values...).Target("a", keys...).Rule("b", clauses...)
	before := ffctest.Snapshot(b)
	values[0], keys[0], clauses[0] = "z", "z", ffctest.Attr("z").IsFalse()
	if after := ffctest.Snapshot(b); !bytes.Equal(before, after) {
		t.Errorf("the builder shares slices with its caller:\n%s", after)
	}
}

// SDKs of other languages read the option of a prerequisite under one of two
// names: both are sent, whether a flag comes from a builder or from a snapshot
// that has one.
func TestPrerequisitesAreSentInBothSpellings(t *testing.T) {
	t.Parallel()
	const lower, upper = `"valueOptionsVariationValue":`, `"ValueOptionsVariationValue":`
	built := ffctest.Snapshot(ffctest.Flag("f").Prerequisite(ffctest.Flag("other"), "true").Prerequisite(ffctest.Flag("third"), "false"))
	for name, data := range map[string][]byte{
		"both":       built,
		"lower case": bytes.ReplaceAll(built, []byte(upper), []byte(`"unknown":`)),
		"upper case": bytes.ReplaceAll(built, []byte(lower), []byte(`"unknown":`)),
	} {
		srv := ffctest.NewServer(data)
		got := srv.Snapshot()
		srv.Close()
		if bytes.Count(got, []byte(lower)) != 2 || bytes.Count(got, []byte(upper)) != 2 {
			t.Errorf("%s: got %s", name, got)
		}
		var message struct {
			Data struct {
				Flags []struct {
					Prerequisites []map[string]json.RawMessage `json:"ffp"`
				} `json:"featureFlags"`
			} `json:"data"`
		}
		if err := json.Unmarshal(got, &message); err != nil {
			t.Fatal(err)
		}
		for i, p := range message.Data.Flags[0].Prerequisites {
			a, b := p["valueOptionsVariationValue"], p["ValueOptionsVariationValue"]
			if want := fmt.Sprintf(`"localId":%d`, i+1); !bytes.Equal(a, b) || !bytes.Contains(a, []byte(want)) {
				t.Errorf("%s: prerequisite %d has %s and %s", name, i, a, b)
			}
		}
	}
}

// A flag whose prerequisites are not what they should be is served as it is.
func TestBrokenPrerequisitesAreServedAsTheyAre(t *testing.T) {
	t.Parallel()
	for _, ffp := range []string{`"ValueOptionsVariationValue"`, `[7,"ValueOptionsVariationValue"]`, `{"ValueOptionsVariationValue":{}}`} {
		srv := ffctest.NewServer([]byte(`{"featureFlags":[{"id":"FF__11__22__33__f","timestamp":1,"ffp":` + ffp + `}]}`))
		if got := srv.Snapshot(); !bytes.Contains(got, []byte(`"ffp":`+ffp)) {
			t.Errorf("%s: got %s", ffp, got)
		}
		srv.Close()
	}
}
