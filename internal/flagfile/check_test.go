package flagfile

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// documents are JSON or almost JSON.
var documents = []string{
	``, ` `, `{}`, `[]`, `null`, `true`, `false`, `nul`, `truee`, `nullnull`, "\ufeff{}", "\ufeff\ufeff{}", "{}\ufeff",
	`0`, `-0`, `-`, `00`, `01`, `1.`, `.1`, `1.5`, `1e`, `1e+`, `1e+5`, `1E-05`, `+1`, `1.e1`, `-1.25e10`, `1 2`, `0x1`,
	`""`, `"`, `"a`, `"\"`, `"\\"`, `"\/\b\f\n\r\t\""`, `"\a"`, `"\u12aF"`, `"\u12g4"`, `"\u12`, `"\u123`, `"\u-123"`, `"\u+123"`, `"\u1_23"`,
	"\"1234567\x00\"", "\"12345678\x1f\"", "\"\x1f234567\"", "\"a\nb\"", "\"\x7f\"", "\"1234567\xff\"", "\"\u20ac234\x80\"",
	`[1,2,"a",{"b":[null]}]`, `[1,]`, `[,1]`, `[1 2]`, `[1`, `[`, `]`, `[1}`, `{"a":1]`,
	`{"a":1,"b":{"c":[]}}`, `{"a":1,}`, `{,}`, `{"a"}`, `{"a":}`, `{a:1}`, `{"a" : 1 , "b" :2}`, `{"a":1`, `{"a":1 "b":2}`, `{"a",1}`, `{1:2}`,
	" \t\r\n{ \t\r\n} \t\r\n", "{}\v", "\v{}", "[\u00a0]",
}

// FuzzCheck compares check with encoding/json.
func FuzzCheck(f *testing.F) {
	for _, text := range documents {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		err := check(text)
		if err != nil && strings.Contains(err.Error(), "less nesting") {
			return
		}
		if want := utf8.Valid(text) && json.Valid(jsontext.TrimBOM(text)); (err == nil) != want {
			t.Fatalf("%q: error %v, want valid: %t", text, err, want)
		}
	})
}

func TestCheckBoundsNesting(t *testing.T) {
	t.Parallel()
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	if err := check(nested(maxDepth)); err != nil {
		t.Error(err)
	}
	if err := check(nested(maxDepth + 2)); err == nil || !strings.Contains(err.Error(), "less nesting") {
		t.Errorf("error %v, want that the nesting is too deep", err)
	}
}

func TestCheckDoesNotAllocate(t *testing.T) {
	doc := []byte(`{"flags": {"a": {"name": "Ä \u00e9", "rollout": {"on": 50.5, "off": -1e-3}, "on": true}}}`)
	if got := testing.AllocsPerRun(100, func() { _ = check(doc) }); got != 0 {
		t.Errorf("%v allocations for a valid document, want none", got)
	}
}
