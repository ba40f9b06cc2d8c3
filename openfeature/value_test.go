package ffcopenfeature_test

import (
	"math"
	"reflect"
	"slices"
	"testing"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

// TestTypes: each type accepts the values that the package documentation lists, and
// nothing else. Only float rounds.
func TestTypes(t *testing.T) {
	t.Parallel()
	const no = "TYPE_MISMATCH"
	tests := []struct {
		value string
		// What each type answers: a value, or an error code.
		boolean, integer, float, object any
	}{
		{"true", true, no, no, no},
		{"OFF", false, no, no, no},
		{"", no, no, no, no},
		{"hi", no, no, no, no},
		{"10", no, int64(10), 10.0, no},
		{"-10", no, int64(-10), -10.0, no},
		{"10.0", no, int64(10), 10.0, no},
		{"1e1", no, int64(10), 10.0, no},
		{"0.5", no, no, 0.5, no},
		{"9007199254740993", no, int64(1<<53 + 1), float64(1 << 53), no},
		{"9223372036854775807", no, int64(math.MaxInt64), float64(1 << 63), no},
		{"-9223372036854775808", no, int64(math.MinInt64), -float64(1 << 63), no},
		{"9223372036854775808", no, no, float64(1 << 63), no},
		{"1e300", no, no, 1e300, no},
		{"9007199254740993.0", no, int64(1<<53 + 1), float64(1 << 53), no},
		{"9007199254740991.7", no, no, 9007199254740991.7, no},
		{"0.99999999999999999999", no, no, 1.0, no},
		{"1234567890123456789.0", no, int64(1234567890123456789), 1234567890123456789.0, no},
		{"9.007199254740993e15", no, int64(1<<53 + 1), float64(1 << 53), no},
		{"-90071992547409930e-1", no, int64(-1<<53 - 1), -float64(1 << 53), no},
		{"9223372036854775808.0", no, no, float64(1 << 63), no},
		{"1e-1", no, no, 0.1, no},
		{"1.e1", no, int64(10), 10.0, no},
		{"0e5", no, int64(0), 0.0, no},
		{"nan", no, no, no, no},
		{"inf", no, no, no, no},
		{"0x10", no, no, no, no},
		{"0x1p4", no, no, no, no},
		{"null", no, no, no, no},
		{`"quoted"`, no, no, no, no},
		{`{}`, no, no, no, map[string]any{}},
		{` {"a": [1, true]}`, no, no, no, map[string]any{"a": []any{1.0, true}}},
		{`[]`, no, no, no, []any{}},
		{`{"a"`, no, no, no, "PARSE_ERROR"},
		{`[1] [2]`, no, no, no, "PARSE_ERROR"},
	}
	for _, test := range tests {
		provider := ffcopenfeature.NewProvider(offline(t, ffctest.Flag("f").Variations(test.value)), ffcopenfeature.Config{})
		ctx := of.FlattenedContext{of.TargetingKey: "u"}
		check := func(kind string, value, fallback, want any, detail of.ProviderResolutionDetail) {
			t.Helper()
			code := detail.ResolutionDetail().ErrorCode
			if wanted, isCode := want.(string); isCode && kind != "string" {
				if string(code) != wanted || !reflect.DeepEqual(value, fallback) || detail.Reason != of.ErrorReason || detail.Variant != "" {
					t.Errorf("%q as %s: got %v, %+v; want the default and %s", test.value, kind, value, detail, wanted)
				}
				return
			}
			if code != "" || !reflect.DeepEqual(value, want) || detail.Reason != of.StaticReason || detail.Variant != "1" {
				t.Errorf("%q as %s: got %v, %+v; want %v", test.value, kind, value, detail, want)
			}
		}
		b := provider.BooleanEvaluation(t.Context(), "f", test.boolean == false, ctx)
		check("boolean", b.Value, test.boolean == false, test.boolean, b.ProviderResolutionDetail)
		s := provider.StringEvaluation(t.Context(), "f", "fallback", ctx)
		check("string", s.Value, "fallback", test.value, s.ProviderResolutionDetail)
		i := provider.IntEvaluation(t.Context(), "f", 77, ctx)
		check("integer", i.Value, int64(77), test.integer, i.ProviderResolutionDetail)
		f := provider.FloatEvaluation(t.Context(), "f", 7.7, ctx)
		check("float", f.Value, 7.7, test.float, f.ProviderResolutionDetail)
		o := provider.ObjectEvaluation(t.Context(), "f", "fallback", ctx)
		check("object", o.Value, "fallback", test.object, o.ProviderResolutionDetail)
	}
}

// TestMisfitsMakeNoEvent: the type is decided before the evaluation is recorded, so
// that the platform does not count a variation that the caller did not get.
func TestMisfitsMakeNoEvent(t *testing.T) {
	t.Parallel()
	server := platform(t, ffctest.Flag("half").Variations("0.5"), ffctest.Flag("broken").Variations("{"), ffctest.Flag("ten").Variations("10"),
		ffctest.Flag("list").Variations("[1]"))
	client := online(t, server, nil)
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	ctx := of.FlattenedContext{of.TargetingKey: "u"}
	for _, key := range []string{"half", "broken", "ten", "list"} {
		provider.IntEvaluation(t.Context(), key, 0, ctx)
		provider.ObjectEvaluation(t.Context(), key, nil, ctx)
		provider.BooleanEvaluation(t.Context(), key, false, ctx)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var recorded []string
	for _, e := range server.Events() {
		recorded = append(recorded, e.FlagKey)
	}
	if slices.Sort(recorded); !slices.Equal(recorded, []string{"list", "ten"}) {
		t.Errorf("recorded %v", recorded)
	}
	if n := client.Stats().FallbackReasons.WrongType; n != 10 {
		t.Errorf("%d evaluations of a wrong type, expected 10", n)
	}
}

// TestMismatchSaysWhatIsExpected: the message of a TYPE_MISMATCH names the type.
func TestMismatchSaysWhatIsExpected(t *testing.T) {
	t.Parallel()
	provider := ffcopenfeature.NewProvider(offline(t, ffctest.Flag("f").Variations("red")), ffcopenfeature.Config{})
	user := of.FlattenedContext{of.TargetingKey: "u"}
	for expected, detail := range map[string]of.ProviderResolutionDetail{
		"a boolean":              provider.BooleanEvaluation(t.Context(), "f", false, user).ProviderResolutionDetail,
		"an integer of 64 bits":  provider.IntEvaluation(t.Context(), "f", 0, user).ProviderResolutionDetail,
		"a number":               provider.FloatEvaluation(t.Context(), "f", 0, user).ProviderResolutionDetail,
		"a JSON object or array": provider.ObjectEvaluation(t.Context(), "f", nil, user).ProviderResolutionDetail,
	} {
		if message := detail.ResolutionDetail().ErrorMessage; message != "ffc: the flag's value is of another type: expected "+expected {
			t.Errorf("got %q, want what ends in %q", message, expected)
		}
	}
}
