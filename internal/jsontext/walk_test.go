package jsontext

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"unicode/utf8"
)

// Walking valid JSON finds what encoding/json does, and other text ends it.
func FuzzWalk(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b\"c":[1,{"x":"]}"}],"d":"\\"}`, ` { "a" : { } , "b" : [ ] } `, `[1, "a,b", [[]], {"c":null}]`, `{"a":`, `{"a" 1}`, `[,]`, `"\\\""`, "{\"\\u0061\":-1.5e+3}", `[}`, "\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var names []string
		var values [][]byte
		for name, value := range Members(raw) {
			names, values = append(names, string(name)), append(values, value)
		}
		var elements [][]byte
		for e := range Elements(raw) {
			elements = append(elements, e)
		}
		compact := Compact(nil, raw)
		if _, err := SkipValue(raw, SkipSpace(raw, 0)); err != nil || !json.Valid(raw) {
			return // valid JSON may nest too deep
		}
		var want bytes.Buffer
		if err := json.Compact(&want, raw); err != nil || !bytes.Equal(want.Bytes(), compact) {
			t.Errorf("compact %q, want %q", compact, want.Bytes())
		}
		var object map[string]json.RawMessage
		// encoding/json changes names that are not UTF-8.
		if utf8.Valid(raw) && json.Unmarshal(raw, &object) == nil && object != nil {
			for i, name := range names {
				if slices.Contains(names[i+1:], name) {
					continue // the last one counts
				}
				if !bytes.Equal(object[name], values[i]) {
					t.Errorf("%q is %q, want %q", name, values[i], object[name])
				}
				delete(object, name)
			}
			if len(object) > 0 {
				t.Errorf("members %q of %q were not found", object, raw)
			}
		}
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) == nil {
			if len(list) != len(elements) {
				t.Fatalf("%d elements, want %d", len(elements), len(list))
			}
			for i := range list {
				if !bytes.Equal(list[i], elements[i]) {
					t.Errorf("element %d is %q, want %q", i, elements[i], list[i])
				}
			}
		}
	})
}

func TestAppendWith(t *testing.T) {
	t.Parallel()
	seven := []Change{{Name: "a", Value: []byte("7")}}
	inside := []Change{{Name: "b", Inside: seven}}
	for _, test := range []struct {
		in      string
		changes []Change
		want    string
	}{
		{`{"a":1,"b":{"a":2}}`, seven, `{"a":7,"b":{"a":2}}`},
		{`{"b":{"a":2},"a":"x"}`, seven, `{"b":{"a":2},"a":7}`},
		{`{"a":1,"a":2}`, seven, `{"a":7,"a":7}`},
		{`{"b":1}`, seven, `{"b":1,"a":7}`},
		{` { "b" : [ 1, "a b" ] } `, seven, `{"b":[1,"a b"],"a":7}`},
		{`{}`, seven, `{"a":7}`},
		{`{"\u0061":1}`, seven, `{"\u0061":7}`},
		{`{"b":{"a":2},"a":1}`, inside, `{"b":{"a":7},"a":1}`},
		{`{"b": {}}`, inside, `{"b":{"a":7}}`},
		{`{"b": [ 1 ]}`, inside, `{"b":[1]}`},
		{`{"c":1}`, inside, `{"c":1}`},
		{`{"b":1}`, append(inside, Change{Name: "c", Value: []byte("true")}), `{"b":1,"c":true}`},
		{` [ 1 ]`, seven, `[1]`},
		{``, seven, ``},
	} {
		if got := string(AppendWith([]byte("x"), []byte(test.in), test.changes...)); got != "x"+test.want {
			t.Errorf("%s: got %s, want %s", test.in, got, test.want)
		}
	}
}
