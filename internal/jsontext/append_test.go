package jsontext

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func TestAppendString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		input string
		want  string
	}{
		{name: "empty", want: `""`},
		{name: "plain", input: "abc / <&>'", want: `"abc / <&>'"`},
		{name: "quote", input: `"`, want: `"\""`},
		{name: "quotes side by side", input: `""\\`, want: `"\"\"\\\\"`},
		{name: "breaks", input: "a\nb\rc\td", want: `"a\nb\rc\td"`},
		{name: "control characters", input: "\x00\x01\b\f\x1f\x7f", want: `"\u0000\u0001\u0008\u000c\u001f\u007f"`},
		{name: "other alphabets", input: "开关 é 😀", want: `"开关 é 😀"`},
		{name: "replacement character", input: "a\ufffdb", want: "\"a\ufffdb\""},
		{name: "invalid bytes", input: "a\xff\xfeb", want: "\"a\ufffd\ufffdb\""},
		{name: "invalid at the ends", input: "\x80a\xc3", want: "\"\ufffda\ufffd\""},
		{name: "surrogate in UTF-8", input: "\xed\xa0\x80", want: "\"\ufffd\ufffd\ufffd\""},
		{name: "invalid before an escape", input: "\xff\"", want: "\"\ufffd\\\"\""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(AppendString([]byte("x"), test.input)); got != "x"+test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestAppendStringAtAnyPlace has each kind of character at each place of a text: most
// characters are checked eight at once.
func TestAppendStringAtAnyPlace(t *testing.T) {
	t.Parallel()
	for _, special := range []string{`"`, `\`, "\x00", "\x1f", "\x7f", "\x80", "\xff", "é", "開", "😀", " ", "~"} {
		for length := range 20 {
			for at := range length + 1 {
				s := strings.Repeat("a", at) + special + strings.Repeat("z", length-at)
				var back string
				if out := AppendString(nil, s); json.Unmarshal(out, &back) != nil || back != string([]rune(s)) {
					t.Fatalf("%q is %s", s, out)
				}
			}
		}
	}
}

func FuzzAppendString(f *testing.F) {
	for _, seed := range []string{"", "plain", "\"\\\n\x00\x7f", "\xff\xc3(\xed\xa0\x80", "开关 😀 \u2028"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := AppendString(nil, s)
		var back string
		if err := json.Unmarshal(out, &back); err != nil {
			t.Fatalf("%s: %v", out, err)
		}
		if want := string([]rune(s)); back != want {
			t.Fatalf("%q reads back as %q", want, back)
		}
	})
}

func TestAppendNumber(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{
		0: "0", 1: "1", -1: "-1", 2.5: "2.5", .1: "0.1", 1e-6: "0.000001", 1e-7: "1e-07", 1e20: "100000000000000000000",
		1e21: "1e+21", -1e21: "-1e+21", math.MaxFloat32: "3.4028234663852886e+38", math.SmallestNonzeroFloat64: "5e-324",
	} {
		got := string(AppendNumber(nil, f))
		if got != want {
			t.Errorf("%v: got %s, want %s", f, got, want)
		}
		var back float64
		if err := json.Unmarshal([]byte(got), &back); err != nil || back != f {
			t.Errorf("%s reads back as %v, %v", got, back, err)
		}
	}
}
