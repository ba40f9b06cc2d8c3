package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Buckets of some keys, from protocol reference, section 6.6.
const (
	low  = "test-value"   // 0.1465
	mid  = "user-1"       // 0.6519
	high = "qKPKh1S3FolC" // 0.9106
)

// wireShares is rollouts as the platform writes them: ranges, and the
// variations "v1", "v2" and so on.
func wireShares(ranges ...string) string {
	var shares []string
	for i, r := range ranges {
		if r != "" {
			r = `"rolloutPercentage":` + r + `,`
		}
		shares = append(shares, fmt.Sprintf(`{%s"valueOption":{"localId":%d,"variationValue":"v%d"}}`, r, i+1, i+1))
	}
	return "[" + strings.Join(shares, ",") + "]"
}

// TestShares goes through ranges that the golden vectors leave out.
func TestShares(t *testing.T) {
	t.Parallel()
	const none = "off"
	tests := []struct {
		name   string
		ranges []string
		want   map[string]string
	}{
		{name: "halves", ranges: []string{"[0,0.5]", "[0.5,1]"}, want: map[string]string{low: "v1", mid: "v2", high: "v2"}},
		{name: "order does not matter", ranges: []string{"[0.5,1]", "[0,0.5]"}, want: map[string]string{low: "v2", mid: "v1", high: "v1"}},
		{name: "first of overlapping", ranges: []string{"[0,0.7]", "[0.1,1]"}, want: map[string]string{low: "v1", mid: "v1", high: "v2"}},
		{name: "everybody", ranges: []string{"[0,1]", "[0,0.5]"}, want: map[string]string{low: "v1", mid: "v1", high: "v1"}},
		{name: "everybody who is left", ranges: []string{"[0,0.2]", "[0,1]"}, want: map[string]string{low: "v1", mid: "v2", high: "v2"}},
		{name: "beyond the ends", ranges: []string{"[-1,2]"}, want: map[string]string{low: "v1", mid: "v1", high: "v1"}},
		{name: "gap", ranges: []string{"[0,0.5]", "[0.9,1]"}, want: map[string]string{low: "v1", mid: none, high: "v2"}},
		{name: "no width", ranges: []string{"[0.5,0.5]"}, want: map[string]string{low: none, mid: none, high: none}},
		{name: "no user", ranges: []string{"[0,0]"}, want: map[string]string{low: none, mid: none, high: none}},
		{name: "turned", ranges: []string{"[1,0]"}, want: map[string]string{low: none, mid: none, high: none}},
		{name: "no shares", ranges: nil, want: map[string]string{low: none, mid: none, high: none}},
		{name: "absent range is everybody", ranges: []string{""}, want: map[string]string{low: "v1", mid: "v1", high: "v1"}},
		{name: "null range is everybody", ranges: []string{"null"}, want: map[string]string{low: "v1", mid: "v1", high: "v1"}},
		{name: "one number", ranges: []string{"[0]"}, want: map[string]string{low: none, mid: none, high: none}},
		{name: "malformed, then fine", ranges: []string{`["0","1"]`, "[0,0.5]", "{}", "[0.5,1]"}, want: map[string]string{low: "v2", mid: "v4", high: "v4"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			shares := wireShares(test.ranges...)
			flag := func(key, fallthrough_, rules string) string {
				return `{"id":"` + testPrefix + key + `","ff":{"variationOptionWhenDisabled":{"localId":0,"variationValue":"off"},"defaultRulePercentageRollouts":` + fallthrough_ + `},"fftuwmtr":[` + rules + `]}`
			}
			rule := `{"ruleJsonContent":[{"property":"key","operation":"NotEqual","value":"x"}],"valueOptionsVariationRuleValues":` + shares + `}`
			all := `{"ruleJsonContent":[{"property":"key","operation":"NotEqual","value":"x"}],"valueOptionsVariationRuleValues":[{"valueOption":{"localId":8,"variationValue":"never"}}]}`
			message := `{"eventType":"full","featureFlags":[` + strings.Join([]string{
				flag("default", shares, ""),
				// A rule that matches but has no share ends the search for rules.
				flag("rule", `[{"valueOption":{"localId":9,"variationValue":"default"}}]`, rule+","+all),
				flag("nothing", `[]`, rule+","+all),
			}, ",") + `]}`
			s := classicSnapshot(t, testSecret, []byte(message), func(eval.Problem) {})
			for key, want := range test.want {
				u := user(key)
				u.Set("x", "x")
				wants := map[string]string{
					"default": want + ", fall through all rules",
					"rule":    want + ", rule match",
					"nothing": want + ", rule match",
				}
				if want == none {
					wants["rule"] = "default, fall through all rules"
					wants["nothing"] = "off, fall through all rules"
				}
				for flag, want := range wants {
					for range 2 { // the second time, the bucket is remembered
						if got := answer(s, flag, u); got != want {
							t.Errorf("%s for %s: got %s, want %s", flag, key, got, want)
						}
					}
				}
			}
		})
	}
}

// TestOffVariationOfNoShare is no experiment's.
func TestOffVariationOfNoShare(t *testing.T) {
	t.Parallel()
	s, _ := environment(t, map[string]any{"f": newFlag(func(f *model.Flag) { f.Fallthrough = model.Rollout{} })})
	r, _ := eval.Evaluate(s, s.Flag("f"), user("u"), nil)
	if r.Variation.Value != "off" || r.Reason != eval.ReasonFallthrough || r.Experiment {
		t.Errorf("got %+v", r)
	}
}

// TestBucketsOfUnusualKeys: keys that are long or not ASCII have a bucket, the
// same each time and in each flag.
func TestBucketsOfUnusualKeys(t *testing.T) {
	t.Parallel()
	halves := func(f *model.Flag) {
		f.Fallthrough = model.Rollout{Shares: []model.Share{{To: .5, Variation: on}, {From: .5, To: 1, Variation: special}}}
	}
	s, _ := environment(t, map[string]any{"f": newFlag(halves), "g": newFlag(halves)})
	counts := make(map[string]int)
	for _, alphabet := range []string{"a", "é", "开", "😀", "\xff"} {
		for _, length := range []int{1, 31, 32, 33, 63, 64, 127, 128, 129, 1000, 100_000} {
			key := strings.Repeat(alphabet, length) + "!"
			first := answer(s, "f", user(key))
			for range 3 {
				u := user(key)
				if again, other := answer(s, "f", u), answer(s, "g", u); again != first || other != first {
					t.Errorf("%d × %q: %s, then %s, and %s in another flag", length, alphabet, first, again, other)
				}
			}
			counts[first]++
		}
	}
	if len(counts) != 2 || counts["on, fall through all rules"] == 0 {
		t.Errorf("got %v", counts)
	}
	// What the platform hashes as the same text shares its bucket.
	for _, pair := range [][2]string{{"é", "?"}, {"开关", "??"}, {"😀", "??"}, {"a😀é", "a???"}, {"\xff", "?"}} {
		if one, other := answer(s, "f", user(pair[0])), answer(s, "f", user(pair[1])); one != other {
			t.Errorf("%q: %s, but %q: %s", pair[0], one, pair[1], other)
		}
	}
}
