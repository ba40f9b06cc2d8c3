package ffc_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestWholeNumbersFromJSON: encoding/json makes a float64 of 18, which rules read
// as the other SDKs do.
func TestWholeNumbersFromJSON(t *testing.T) {
	t.Parallel()
	var fromJSON map[string]any
	if err := json.Unmarshal([]byte(`{"key":"u","plan":18}`), &fromJSON); err != nil {
		t.Fatal(err)
	}
	of := func(value any) ffc.User {
		user, err := ffc.UserFromMap(map[string]any{"key": "u", "plan": value})
		if err != nil {
			t.Fatal(err)
		}
		return user
	}
	users := map[string]ffc.User{
		"JSON": of(fromJSON["plan"]), "Float": ffc.NewUser("u", ffc.Float("plan", 18)), "float32": of(float32(18)),
		"json.Number": of(json.Number("18")), "int": of(18),
	}
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		_, client := connectedTo(t, p, nil,
			ffctest.Flag("equal").Rule("true", ffctest.Attr("plan").Equal("18")).Serve("false"),
			ffctest.Flag("not equal").Rule("true", ffctest.Attr("plan").NotEqual("18")).Serve("false"),
			ffctest.Flag("one of").Rule("true", ffctest.Attr("plan").IsOneOf("18", "19")).Serve("false"),
			ffctest.Flag("at least").Rule("true", ffctest.Attr("plan").AtLeast("18")).Serve("false"))
		for name, user := range users {
			for key, want := range map[string]bool{"equal": true, "not equal": false, "one of": true, "at least": true} {
				if got := client.BoolVariation(t.Context(), key, user, !want); got != want {
					t.Errorf("%s, %s: got %v", name, key, got)
				}
			}
		}
	})
}

// TestNumbersAsText: what rules and buckets see of a float64, a float32 and a
// json.Number.
func TestNumbersAsText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		value any
		want  string
	}{
		{18.0, "18"},
		{-18.0, "-18"},
		{0.0, "0"},
		{math.Copysign(0, -1), "0"},
		{float32(1 << 20), "1048576"},
		{18.5, "18.5"},
		{1e15, "1000000000000000"},
		{1e16, "10000000000000000"},
		{9007199254740993.0, "9007199254740992"}, // as encoding/json rounds it
		{1e20, "100000000000000000000"},
		{1e21, "1e+21"},
		{-1e21, "-1e+21"},
		{math.MaxFloat64, "1.7976931348623157e+308"},
		{0.0001, "0.0001"},
		{1e-5, "1e-05"},
		{1e16 + 2, "10000000000000002"},
		{math.Inf(-1), "-inf"},
		{math.NaN(), "nan"},
		{json.Number("18.0"), "18.0"},
		{json.Number("1.80e1"), "1.80e1"},
	} {
		user, err := ffc.UserFromMap(map[string]any{"key": "u", "a": test.value})
		if err != nil {
			t.Fatal(err)
		}
		client := offline(t, ffctest.Flag("f").Rule("true", ffctest.Attr("a").Equal(test.want)).Serve("false"))
		if !client.BoolVariation(t.Context(), "f", user, false) {
			t.Errorf("%v (%T) is not %q", test.value, test.value, test.want)
		}
		if f, ok := test.value.(float64); ok && !client.BoolVariation(t.Context(), "f", ffc.NewUser("u", ffc.Float("a", f)), false) {
			t.Errorf("Float(%v) is not %q", f, test.want)
		}
	}
}
