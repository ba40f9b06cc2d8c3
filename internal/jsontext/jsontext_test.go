package jsontext

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/valyala/fastjson"
)

func TestReplaceLoneSurrogates(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`"re\ud800d"`:                 `"re\ufffdd"`,
		`"\uDFFF"`:                    `"\ufffd"`,
		`"\ud83d\ude00"`:              `"\ud83d\ude00"`,
		`"\ud83d\ud83d\ude00"`:        `"\ufffd\ud83d\ude00"`,
		`"\ude00\ud83d"`:              `"\ufffd\ufffd"`,
		`"\ud83d\u0041"`:              `"\ufffd\u0041"`,
		`"a\\ud800"`:                  `"a\\ud800"`,
		`"a\\\ud800"`:                 `"a\\\ufffd"`,
		`"\ud80"`:                     `"\ud80"`,
		`"\ud8zz"`:                    `"\ud8zz"`,
		`"` + "\ufffd" + `\ufffd"`:    `"` + "\ufffd" + `\ufffd"`,
		`{"a":"\"\ud800","b":"\\\\"}`: `{"a":"\"\ufffd","b":"\\\\"}`,
	} {
		if got := string(ReplaceLoneSurrogates([]byte(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestReplaceLoneSurrogatesKeepsItsInput(t *testing.T) {
	t.Parallel()
	raw := []byte(`"\ud800"`)
	ReplaceLoneSurrogates(raw)
	if string(raw) != `"\ud800"` {
		t.Errorf("the input became %s", raw)
	}
	plain := []byte(`"\ud83d\ude00"`)
	if got := ReplaceLoneSurrogates(plain); &got[0] != &plain[0] {
		t.Error("text without lone surrogates was copied")
	}
}

func TestTrimBOM(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"\xef\xbb\xbf{}": "{}", "{}": "{}", "": "", "\xef\xbb": "\xef\xbb"} {
		if got := string(TrimBOM([]byte(in))); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCheckEncodingRejectsUTF16(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\xff\xfe{\x00", "\xfe\xff\x00{"} {
		if CheckEncoding([]byte(text)) == nil {
			t.Errorf("%q was accepted", text)
		}
	}
	if err := CheckEncoding([]byte("{}")); err != nil {
		t.Error(err)
	}
}

// Both parsers read the result alike.
func FuzzReplaceLoneSurrogates(f *testing.F) {
	f.Add(`\ud800`)
	f.Add(`\\ud800\ud83d\ude00\udfff`)
	f.Add(`\"\uD83D\uD83D`)
	f.Fuzz(func(t *testing.T, inside string) {
		raw := []byte(`"` + inside + `"`)
		var want string
		if json.Unmarshal(raw, &want) != nil {
			return
		}
		v, err := fastjson.ParseBytes(ReplaceLoneSurrogates(raw))
		if err != nil {
			return // fastjson rejects more
		}
		got := string(v.GetStringBytes())
		if got != want && utf8.ValidString(inside) {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	})
}
