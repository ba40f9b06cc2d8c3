package scan_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestDecodingIsLinear: no list of a flag takes more time than its length, in
// what the platforms' flags have.
func TestDecodingIsLinear(t *testing.T) {
	classic, featBit := classic.Protocol().CodecOf("FF__11__22__33"), featbit.Protocol().CodecOf("")
	repeat := func(n int, element func(i int) string) string {
		var b strings.Builder
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(element(i))
		}
		return b.String()
	}
	option := func(i int) string { return fmt.Sprintf(`{"localId":%d,"variationValue":"v%d"}`, i, i) }
	for name, test := range map[string]struct {
		codec *platform.Codec
		flag  func(n int) string
	}{
		"shares with different options": {classic, func(n int) string {
			return `{"ff":{"variationOptionWhenDisabled":` + option(0) + `,"defaultRulePercentageRollouts":[` +
				repeat(n, func(i int) string { return `{"valueOption":` + option(i) + `}` }) + `]}}`
		}},
		"targets with different options": {classic, func(n int) string {
			return `{"ff":{"variationOptionWhenDisabled":` + option(0) + `},"targetIndividuals":[` +
				repeat(n, func(i int) string { return `{"individuals":[{"keyId":"u"}],"valueOption":` + option(i) + `}` }) + `]}`
		}},
		"rules with different options": {classic, func(n int) string {
			return `{"ff":{"variationOptionWhenDisabled":` + option(0) + `},"fftuwmtr":[` +
				repeat(n, func(i int) string { return `{"valueOptionsVariationRuleValues":[{"valueOption":` + option(i) + `}]}` }) + `]}`
		}},
		"members": {classic, func(n int) string {
			return `{` + repeat(n, func(i int) string { return fmt.Sprintf(`"m%d":0`, i) }) + `,"ff":{"variationOptionWhenDisabled":` + option(0) + `}}`
		}},
		"variations": {featBit, func(n int) string {
			return `{"variations":[` + repeat(n, func(i int) string { return fmt.Sprintf(`{"id":"v%d","value":""}`, i) }) +
				`],"fallthrough":{"variations":[` + repeat(n, func(i int) string { return fmt.Sprintf(`{"id":"v%d","rollout":[0,1]}`, i) }) + `]}}`
		}},
	} {
		t.Run(name, func(t *testing.T) {
			flags := make(map[int][]byte)
			testkit.Linear(t, 3000, func(n int) {
				if flags[n] == nil {
					flags[n] = []byte(test.flag(n))
				}
				if _, err := test.codec.DecodeFlag(flags[n]); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestUnusableElementsCostAConstant: of elements that cannot be used, the first
// hundred and their number are kept, whatever they are and wherever they stand.
func TestUnusableElementsCostAConstant(t *testing.T) {
	const count = 200_000
	long := strings.Repeat("k", 10_000)
	for name, test := range map[string]struct {
		element, key string
		count        int
	}{
		"numbers":           {element: `0`, count: count},
		"objects":           {element: `{}`, count: count},
		"lists":             {element: `[]`, count: count},
		"long foreign keys": {element: `{"id":"` + long + `"}`, key: strings.Repeat("k", 100) + "...", count: 1000},
		"wide foreign keys": {element: `{"id":"` + strings.Repeat("日", 1000) + `"}`, key: strings.Repeat("日", 33) + "...", count: 1000},
		"no text in keys":   {element: `{"id":"` + strings.Repeat("\x80", 1000) + `"}`, key: "...", count: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			for _, member := range []string{"featureFlags", "segments", "userTags"} {
				for name, codec := range map[string]*platform.Codec{classic.Name: classic.Protocol().CodecOf("FF__11__22__33"), featbit.Name: featbit.Protocol().CodecOf("")} {
					if member == "userTags" && name == featbit.Name || test.key != "" && (member != "featureFlags" || name == featbit.Name) {
						continue // those are usable, or not read
					}
					message := []byte(`{"eventType":"full","featureFlags":[],"` + member + `":[` + strings.Repeat(test.element+",", test.count-1) + test.element + `]}`)
					var before, after runtime.MemStats
					runtime.GC()
					runtime.ReadMemStats(&before)
					u, skipped, err := codec.Update(message)
					runtime.GC()
					runtime.ReadMemStats(&after)
					if err != nil {
						t.Fatal(err)
					}
					if len(skipped) != 100 || u.Unusable != test.count {
						t.Errorf("%s, %s: %d elements are named and %d counted, expected 100 of %d", name, member, len(skipped), u.Unusable, test.count)
					}
					if kept := int64(after.HeapAlloc) - int64(before.HeapAlloc); kept > 256<<10 {
						t.Errorf("%s, %s: %d bytes are kept for %d elements", name, member, kept, test.count)
					}
					if test.key != "" && skipped[0].Key != test.key {
						t.Errorf("the key is kept as %.200q", skipped[0].Key)
					}
					runtime.KeepAlive(message)
					runtime.KeepAlive(skipped)
				}
			}
		})
	}
}

// TestDeepMessagesCostNothing: a message of nothing but brackets is rejected without reading it once for
// each.
func TestDeepMessagesCostNothing(t *testing.T) {
	t.Parallel()
	for _, message := range []string{strings.Repeat("[", 1<<20), strings.Repeat(`{"a":`, 1<<20), strings.Repeat("[", 1<<20) + "x"} {
		if _, err := scan.KindOf([]byte(message)); err == nil {
			t.Errorf("%s...: no error", message[:10])
		}
		if _, _, err := classic.Protocol().CodecOf("").Update([]byte(message)); err == nil {
			t.Errorf("%s...: no error", message[:10])
		}
	}
}
