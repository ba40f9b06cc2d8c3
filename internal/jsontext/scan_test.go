package jsontext

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestSkipValue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		input string
		want  string // the value
		err   error
	}{
		{name: "string", input: `"a", 1`, want: `"a"`},
		{name: "empty string", input: `""`, want: `""`},
		{name: "escaped quote", input: `"a\"b"]`, want: `"a\"b"`},
		{name: "escaped backslash", input: `"a\\"]`, want: `"a\\"`},
		{name: "escaped backslash and quote", input: `"\\\"" `, want: `"\\\""`},
		{name: "nothing but escapes", input: `"\\\\",`, want: `"\\\\"`},
		{name: "brackets in a string", input: `["]", "{"],`, want: `["]", "{"]`},
		{name: "number", input: `-1.5e+3}`, want: `-1.5e+3`},
		{name: "literal at the end", input: `null`, want: `null`},
		{name: "literal before space", input: "true\n", want: `true`},
		{name: "number before an object", input: `1{}`, want: `1`},
		{name: "literal before an array", input: `null[`, want: `null`},
		{name: "nested", input: `{"a":[{"b":{}}]}, 1`, want: `{"a":[{"b":{}}]}`},
		{name: "empty object", input: `{}`, want: `{}`},
		{name: "space inside", input: "[ \t\r\n ]x", want: "[ \t\r\n ]"},

		{name: "nothing", input: ``, err: ErrTruncated},
		{name: "open string", input: `"abc`, err: ErrTruncated},
		{name: "open escape", input: `"abc\"`, err: ErrTruncated},
		{name: "open escape after escape", input: `"abc\\\"`, err: ErrTruncated},
		{name: "one quote", input: `"`, err: ErrTruncated},
		{name: "open array", input: `[1`, err: ErrTruncated},
		{name: "open string in object", input: `{"a`, err: ErrTruncated},
		{name: "comma", input: `,`, err: ErrNotJSON},
		{name: "closing bracket", input: `]`, err: ErrNotJSON},
		{name: "control character", input: "\x00", err: ErrNotJSON},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, before := range []string{"", `["x\\",`} {
				end, err := SkipValue([]byte(before+test.input), len(before))
				if !errors.Is(err, test.err) {
					t.Fatalf("error %v, want %v", err, test.err)
				}
				if err == nil && test.input[:end-len(before)] != test.want {
					t.Errorf("got %q, want %q", test.input[:end-len(before)], test.want)
				}
			}
		})
	}
}

// TestSkipStringAnywhere has ends, escapes and bytes that look like them but for
// one bit at every place of the words that are looked at.
func TestSkipStringAnywhere(t *testing.T) {
	t.Parallel()
	for length := range 20 {
		for _, fill := range []string{"x", "\xa2", "\xdc", "#", "]", "!", "[", "\x00"} {
			text := strings.Repeat(fill, length)
			for place := range length + 1 {
				for _, escape := range []string{"", `\"`, `\\`, `\u0022`} {
					whole := `"` + text[:place] + escape + text[place:] + `"`
					for _, after := range []string{"", `"`, `\`, `,"next":"string"`} {
						if end, err := SkipString([]byte("["+whole+after), 1); end != 1+len(whole) || err != nil {
							t.Fatalf("%q: got %d, %v", whole+after, end, err)
						}
					}
					for cut := 1; cut < len(whole); cut++ {
						if end, err := SkipString([]byte(whole[:cut]), 0); err == nil {
							t.Fatalf("%q: got %d", whole[:cut], end)
						}
					}
				}
			}
		}
	}
}

func TestSkipValueNesting(t *testing.T) {
	t.Parallel()
	nested := func(depth int) []byte {
		return []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
	}
	if end, err := SkipValue(nested(MaxNesting), 0); end != 2*MaxNesting || err != nil {
		t.Errorf("at the limit: got %d, %v", end, err)
	}
	if _, err := SkipValue(nested(MaxNesting+1), 0); err == nil {
		t.Error("above the limit: no error")
	}
	if _, err := SkipValue(bytes.Repeat([]byte(`{"a":[`), 1<<20), 0); err == nil {
		t.Error("a million deep: no error")
	}
}

func TestEachMember(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		input string
		want  []string // names and values by turns
		rest  string
		err   error
	}{
		{name: "empty", input: `{} x`, rest: " x"},
		{name: "empty with space", input: "{ \n}", want: nil},
		{name: "one", input: `{"a":1}`, want: []string{"a", "1"}},
		{name: "several", input: "{ \"a\" : [1] ,\n\"b\":\t{\"a\":2} } ]", want: []string{"a", "[1]", "b", `{"a":2}`}, rest: " ]"},
		{name: "twice the same", input: `{"a":1,"a":2}`, want: []string{"a", "1", "a", "2"}},
		{name: "escaped name", input: `{"\u0061\"":1}`, want: []string{`\u0061\"`, "1"}},
		{name: "empty name", input: `{"":""}`, want: []string{"", `""`}},

		{name: "nothing", input: ``, err: ErrTruncated},
		{name: "array", input: `[]`, err: ErrNotJSON},
		{name: "open", input: `{`, err: ErrTruncated},
		{name: "open after name", input: `{"a"`, err: ErrTruncated},
		{name: "open after colon", input: `{"a":`, err: ErrTruncated},
		{name: "open after value", input: `{"a":1`, err: ErrTruncated},
		{name: "open after comma", input: `{"a":1,`, err: ErrTruncated},
		{name: "comma at the end", input: `{"a":1,}`, err: ErrNotJSON},
		{name: "comma at the start", input: `{,"a":1}`, err: ErrNotJSON},
		{name: "no colon", input: `{"a" 1}`, err: ErrNotJSON},
		{name: "no value", input: `{"a":,"b":1}`, err: ErrNotJSON},
		{name: "no comma", input: `{"a":1 "b":2}`, err: ErrNotJSON},
		{name: "no quotes", input: `{a:1}`, err: ErrNotJSON},
		{name: "wrong bracket", input: `{"a":1]`, err: ErrNotJSON},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			end, err := EachMember([]byte(test.input), 0, func(name, value []byte) error {
				got = append(got, string(name), string(value))
				return nil
			})
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err == nil && (!slices.Equal(got, test.want) || test.input[end:] != test.rest) {
				t.Errorf("got %q and the rest %q, want %q and %q", got, test.input[end:], test.want, test.rest)
			}
		})
	}
}

func TestEachElementAt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		input string
		want  []string
		err   error
	}{
		{name: "empty", input: `[]`},
		{name: "empty with space", input: "[ \r\n]"},
		{name: "several", input: `[ {"a":1} , "b" ,3,null]`, want: []string{`{"a":1}`, `"b"`, "3", "null"}},
		{name: "object", input: `{}`, err: ErrNotJSON},
		{name: "nothing", input: ``, err: ErrNotJSON},
		{name: "comma at the end", input: `[1,]`, err: ErrNotJSON},
		{name: "no comma", input: `[1 2]`, err: ErrNotJSON},
		{name: "open", input: `[`, err: ErrTruncated},
		{name: "open after element", input: `[1`, err: ErrTruncated},
		{name: "wrong bracket", input: `[1}`, err: ErrNotJSON},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := elements([]byte(test.input), 0)
			if !errors.Is(err, test.err) {
				t.Fatalf("error %v, want %v", err, test.err)
			}
			if err == nil && !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// FuzzScan holds the scanner against encoding/json: on valid input it finds the
// same members and elements.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{"a":1,"b":[true,null,{"c":"}"}],"d":"\\\""}`,
		" { \"\\u0061\" : -1.5e3 , \"\" : {} }\n",
		`[[],{},"",0,"[\"]"]`, `{"a":{"b":[[[1,2],[3]],{}]}}`, `[1,]`, `{"a":tru`, `"\\"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		before := bytes.Clone(input)
		start := SkipSpace(input, 0)
		end, err := SkipValue(input, start)
		if err == nil && (end <= start || end > len(input)) {
			t.Fatalf("a value from %d to %d of %d", start, end, len(input))
		}
		scanned, scanErr := scan(input)
		if !bytes.Equal(input, before) {
			t.Fatal("the input has been modified")
		}
		if !json.Valid(input) {
			return
		}
		if err != nil {
			if strings.Contains(err.Error(), "is nested deeper") {
				return
			}
			t.Fatal(err)
		}
		if rest := SkipSpace(input, end); rest != len(input) {
			t.Fatalf("the value ends at %d of %d", end, len(input))
		}
		if scanErr != nil && strings.Contains(scanErr.Error(), "is nested deeper") {
			return
		}
		decoded, isContainer := decodeParts(t, input)
		if isContainer != (scanErr == nil) {
			t.Fatalf("error %v for valid input", scanErr)
		}
		if !slices.Equal(scanned, decoded) {
			t.Fatalf("got  %q\nwant %q", scanned, decoded)
		}
	})
}

// scan lists the members or elements of what input holds.
func scan(input []byte) (list []string, err error) {
	start := SkipSpace(input, 0)
	if start < len(input) && input[start] == '[' {
		return elements(input, start)
	}
	_, err = EachMember(input, start, func(name, value []byte) error {
		list = append(list, `"`+string(name)+`"`, string(value))
		return nil
	})
	return list, err
}

// elements lists the elements of the array at input[i].
func elements(input []byte, i int) (list []string, err error) {
	_, err = EachElementAt(input, i, func(i int) (int, error) {
		end, err := SkipValue(input, i)
		if err == nil {
			list = append(list, string(input[i:end]))
		}
		return end, err
	})
	return list, err
}

// decodeParts is scan by encoding/json. Names are taken from the input, as the
// decoder gives them without their escapes.
func decodeParts(t *testing.T, input []byte) (list []string, isContainer bool) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(input))
	d.UseNumber() // a number may be too large for a float64
	opening, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	if opening != json.Delim('{') && opening != json.Delim('[') {
		return nil, false
	}
	for d.More() {
		if opening == json.Delim('{') {
			var name json.RawMessage
			from := d.InputOffset()
			if _, err := d.Token(); err != nil {
				t.Fatal(err)
			}
			name = bytes.TrimLeft(input[from:d.InputOffset()], " \t\r\n,")
			list = append(list, string(name))
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		list = append(list, string(value))
	}
	return list, true
}
