package jsontext

import (
	"encoding/json"
	"strings"
	"testing"
)

// maxNestingOfJSON is that of encoding/json.
const maxNestingOfJSON = 10_000

// validTexts are JSON or almost JSON.
var validTexts = []string{
	``, ` `, `{}`, `[]`, `null`, `true`, `false`, `nul`, `truee`, `nullnull`, "\ufeff{}",
	`0`, `-0`, `-`, `00`, `01`, `1.`, `.1`, `1.5`, `1e`, `1e+`, `1e+5`, `1E-05`, `+1`, `1.e1`, `-1.25e10`, `1 2`, `0x1`,
	`""`, `"`, `"a`, `"\"`, `"\\"`, `"\/\b\f\n\r\t\""`, `"\a"`, `"\u12aF"`, `"\u12g4"`, `"\u12`, `"\u123`, `"\u-123"`, `"\u+123"`, `"\u1_23"`,
	"\"1234567\x00\"", "\"12345678\x1f\"", "\"\x1f234567\"", "\"a\nb\"", "\"\x7f\"", "\"1234567\xff\"", "\"\u20ac234\x80\"",
	`"12345678"`, `"1234567"`, `"123456\"8"`, `"12345678\"9"`,
	`[1,2,"a",{"b":[null]}]`, `[1,]`, `[,1]`, `[1 2]`, `[1`, `[`, `]`, `[1}`, `{"a":1]`,
	`{"a":1,"b":{"c":[]}}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a" : 1 , "b" :2}`, `{"a":1`, `{"a":1 "b":2}`, `{"a",1}`, `{1:2}`,
	" \t\r\n{ \t\r\n} \t\r\n", "{}\v", "\v{}", "[\u00a0]",
}

func TestValid(t *testing.T) {
	t.Parallel()
	for _, text := range validTexts {
		if got, want := Valid([]byte(text), 10), json.Valid([]byte(text)); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestValidBoundsNesting(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"[[[1]]]", `{"a":[{}]}`, `{"a":{"b":{"c":1}}}`} {
		levels := strings.Count(text, "{") + strings.Count(text, "[")
		if !Valid([]byte(text), levels) || Valid([]byte(text), levels-2) {
			t.Errorf("%s: not valid at %d levels, or valid at %d", text, levels, levels-2)
		}
	}
	if deep := strings.Repeat("[", 1<<20); Valid([]byte(deep), 200) {
		t.Error("a text of brackets is valid")
	}
}

// FuzzValid compares Valid with encoding/json.
func FuzzValid(f *testing.F) {
	for _, text := range validTexts {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got, want := Valid(text, maxNestingOfJSON), json.Valid(text); got != want {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	text := []byte(`[` + strings.Repeat(`{"id":"FF__11__22__33__flag","timestamp":1700000000000,"ff":{"name":"Flag 1","status":"Enabled","rollouts":[{"rolloutPercentage":[0,0.5]}]}},`, 100) + `null]`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if !Valid(text, MaxNesting) {
			b.Fatal("not valid")
		}
	}
}
