package eval

import (
	"math"
	"strconv"
	"testing"
)

func TestParseNumber(t *testing.T) {
	t.Parallel()
	numbers := map[string]float64{
		"18": 18, ".5": .5, "5.": 5, "1e2": 100, "-3.5": -3.5, "+7": 7, "1_000": 1000, " 18\t": 18, "\u00a018\x1f": 18,
		"1E-3": .001, "1e+3": 1000, "0.1": .1, "-0": math.Copysign(0, -1), "123456789012345": 123456789012345,
		"1234567890123456789": 1234567890123456789, "0.123456789": .123456789, "1_2.3_4e1_0": 12.34e10,
		"inf": math.Inf(1), "-Infinity": math.Inf(-1), "1e400": math.Inf(1),
		"1_000_000_000_000_000_000_000_000_000_000_000": 1e33,
	}
	for text, want := range numbers {
		if got, ok := ParseNumber(text); !ok || got != want || math.Signbit(got) != math.Signbit(want) {
			t.Errorf("ParseNumber(%q): got %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{"NaN", "+nan"} {
		if got, ok := ParseNumber(text); !ok || !math.IsNaN(got) {
			t.Errorf("ParseNumber(%q): got %v, %v; want NaN", text, got, ok)
		}
	}
	for _, text := range []string{"", " ", ".", "-", "+-1", "1__0", "_1", "1_", "1_.5", "1._5", "1e", "1e+", "1e1.5", "0x10", "0x1p4", "1,000", "1 2", "١٨", "e5", "infin", "--1", "1.2.3", "1e5_"} {
		if got, ok := ParseNumber(text); ok {
			t.Errorf("ParseNumber(%q): got %v, want no number", text, got)
		}
	}
}

// FuzzParseNumber holds the short way against the standard library.
func FuzzParseNumber(f *testing.F) {
	for _, seed := range []string{"18", "-3.50000", "1e400", "1_0", " .5", "9007199254740993", "0.1e-7", "inf", "99999.99999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := shortDecimal(text)
		if !ok {
			ParseNumber(text)
			return
		}
		want, err := strconv.ParseFloat(text, 64)
		if err != nil || got != want || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("shortDecimal(%q) = %v; strconv says %v, %v", text, got, want, err)
		}
		if rounded := roundTo5(got); rounded != got {
			t.Fatalf("%q is not what it is rounded to: %v", text, rounded)
		}
	})
}

func TestRoundTo5(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]float64{18.000004: 18, 18.000006: 18.00001, -0.000001: 0, 1e300: 1e300, math.Inf(1): math.Inf(1), 2.5e-6: 0} {
		if got := roundTo5(f); got != want {
			t.Errorf("roundTo5(%v): got %v, want %v", f, got, want)
		}
	}
}

func TestVariationTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		value string
		b     string // "true", "false" or "" for none
		i     string
		f     string
	}{
		{value: "true", b: "true"},
		{value: "OFF", b: "false"},
		{value: "1", b: "true", i: "1", f: "1"},
		{value: "0", b: "false", i: "0", f: "0"},
		{value: "2.9", i: "2", f: "2.9"},
		{value: "-2.9", i: "-2", f: "-2.9"},
		{value: "9223372036854775807", i: "9223372036854775807", f: "9.223372036854776e+18"},
		{value: "9223372036854775808", f: "9.223372036854776e+18"},
		{value: "-9223372036854775808", i: "-9223372036854775808", f: "-9.223372036854776e+18"},
		{value: "1e30", f: "1e+30"},
		{value: " 9007199254740993", i: "9007199254740993", f: "9.007199254740992e+15"},
		{value: "9007199254740993.0", i: "9007199254740993", f: "9.007199254740992e+15"},
		{value: "9_007_199_254_740_993", i: "9007199254740993", f: "9.007199254740992e+15"},
		{value: "-9007199254740993.9", i: "-9007199254740993", f: "-9.007199254740994e+15"},
		{value: "1234567890123456789.0", i: "1234567890123456789", f: "1.2345678901234568e+18"},
		{value: "0.9999999999999999999", i: "0", f: "1"},
		{value: "9223372036854775807.9", i: "9223372036854775807", f: "9.223372036854776e+18"},
		{value: "9.007199254740993e15", i: "9007199254740993", f: "9.007199254740992e+15"},
		{value: "900719925474099300e-2", i: "9007199254740993", f: "9.007199254740992e+15"},
		{value: "1e3", i: "1000", f: "1000"}, {value: "1.5E+0_1", i: "15", f: "15"}, {value: "15e-2", i: "0", f: "0.15"},
		{value: "-0.5", i: "0", f: "-0.5"}, {value: "0e99999999999999999999", i: "0", f: "0"}, {value: "1e-99999999999999999999", i: "0", f: "0"},
		{value: "0.000000000000000000001e21", b: "", i: "1", f: "1"}, {value: "10000000000000000000e-1", i: "1000000000000000000", f: "1e+18"},
		{value: "inf"}, {value: "nan"}, {value: "1e400"}, {value: ""}, {value: "tru"}, {value: `{"a":1}`},
	}
	for _, test := range tests {
		v := NewVariation("1", test.value)
		var b, i, f string
		if v.IsBool {
			b = strconv.FormatBool(v.Bool)
		}
		if v.IsInt {
			i = strconv.Itoa(v.Int)
		}
		if v.IsFloat {
			f = strconv.FormatFloat(v.Float, 'g', -1, 64)
		}
		if strconv.IntSize == 32 && len(test.i) > 10 {
			test.i = "" // does not fit
		}
		if b != test.b || i != test.i || f != test.f {
			t.Errorf("%q: got bool %q, int %q, float %q; want %q, %q, %q", test.value, b, i, f, test.b, test.i, test.f)
		}
	}
}
