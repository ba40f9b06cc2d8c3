package manifest

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"unicode"
)

// The OpenFeature CLI copies keys, descriptions and defaults into comments and literals
// of the code that it generates. Who may edit flags must not be able to write code in
// this way, so the manifest has no text that could end a comment or a literal.

// nameable reports whether a key makes an identifier in generated code. The CLI makes
// identifiers of ASCII letters and digits, and drops all other characters.
func nameable(key string) bool {
	for i := range len(key) {
		letter := isLetter(key[i])
		if i == 0 && !letter || !letter && !isDigit(key[i]) && !strings.Contains("_-. ", key[i:i+1]) {
			return false
		}
	}
	return key != ""
}

// identifier returns what two keys have in common if their identifiers are the same in
// some language: letters and digits, without regard to case.
func identifier(key string) string {
	var b strings.Builder
	for i := range len(key) {
		if isLetter(key[i]) || isDigit(key[i]) {
			b.WriteByte(key[i])
		}
	}
	return strings.ToLower(b.String())
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// escapes begin an escape sequence that Java and Python read even in comments.
var escapes = regexp.MustCompile(`\\+[uUxN]`)

// endsComment reports whether a text could end a comment of generated code.
func endsComment(text string) bool {
	breaks := func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' || r == '\u2028' || r == '\u2029'
	}
	return strings.ContainsFunc(text, breaks) || strings.Contains(text, "*/") || strings.Contains(text, `"""`) || escapes.MatchString(text)
}

// unsafeIn reports whether a JSON value has a text that could end a comment.
func unsafeIn(value json.RawMessage) bool {
	var v any
	if json.Unmarshal(value, &v) != nil {
		return true
	}
	return unsafe(v)
}

func unsafe(v any) bool {
	switch v := v.(type) {
	case string:
		return endsComment(v)
	case []any:
		for _, e := range v {
			if unsafe(e) {
				return true
			}
		}
	case map[string]any:
		for name, e := range v {
			if endsComment(name) || unsafe(e) {
				return true
			}
		}
	}
	return false
}

// quotes end a text of several lines in Python.
var quotes = regexp.MustCompile(`"{3,}`)

// oneLine returns a description as one line that ends no comment. It is for people,
// so it may differ a little.
func oneLine(description string) string {
	description = strings.Join(strings.FieldsFunc(description, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	// One after the other: what one writes could be what the next looks for.
	description = strings.ReplaceAll(description, `\`, "/")
	description = strings.ReplaceAll(description, "*/", "* /")
	return quotes.ReplaceAllString(description, `"`)
}

// textJSON returns a text as JSON, with <, > and & as they are.
func textJSON(text string) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string cannot fail
	return bytes.TrimSpace(b.Bytes())
}
