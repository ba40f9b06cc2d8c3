package jsontext

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// TestText: half of a surrogate pair is U+FFFD, as encoding/json has it.
func TestText(t *testing.T) {
	t.Parallel()
	for inside, want := range map[string]string{
		`re\ud800d`:          "re\ufffdd",
		`\uDFFF`:             "\ufffd",
		`\ud83d\ude00`:       "\U0001f600",
		`\ud83d\ud83d\ude00`: "\ufffd\U0001f600",
		`\ude00\ud83d`:       "\ufffd\ufffd",
		`\ud83d\u0041`:       "\ufffdA",
		`a\\ud800`:           `a\ud800`,
		`a\\\ud800`:          `a\` + "\ufffd",
		"\ufffd" + `\ufffd`:  "\ufffd\ufffd",
		`\"\/\b\f\n\r\t\\x`:  "\"/\b\f\n\r\t\\x",
	} {
		if got := Text([]byte(inside)); got != want {
			t.Errorf("%s: got %q, want %q", inside, got, want)
		}
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

// A string says the same as to encoding/json.
func FuzzText(f *testing.F) {
	f.Add(`\ud800`)
	f.Add(`\\ud800\ud83d\ude00\udfff`)
	f.Add(`\"\uD83D\uD83D`)
	f.Fuzz(func(t *testing.T, inside string) {
		var want string
		if !utf8.ValidString(inside) || json.Unmarshal([]byte(`"`+inside+`"`), &want) != nil {
			return
		}
		if got := Text([]byte(inside)); got != want {
			t.Errorf("%s: got %q, want %q", inside, got, want)
		}
	})
}
