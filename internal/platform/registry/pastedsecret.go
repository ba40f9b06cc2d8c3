package registry

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// checkPasted returns the secret without what was copied along with it: line
// breaks, blanks, quotes, a scheme, a name. No secret of any platform contains
// these. If there are any, it also returns an error that names them. The error
// holds no part of the secret.
func checkPasted(secret string) (bare string, _ error) {
	var found []string
	rest := secret
	for range 8 { // quotes around blanks around quotes
		inner, what := peel(rest)
		if what == "" {
			break
		}
		rest = inner
		found = append(found, what)
	}
	if what := insideOf(rest); what != "" {
		found = append(found, what)
	}
	switch {
	case rest == "" && len(found) > 0:
		return "", platform.ErrNoSecret
	case len(found) == 0:
		return secret, nil
	}
	return strings.Map(visible, rest), errors.New("the secret has " + strings.Join(found, " and ") + ": expected the secret alone")
}

// peel removes one thing around a secret that does not belong to it, and
// returns what it was.
func peel(s string) (inner, what string) {
	for _, mark := range []struct{ text, name string }{
		{"\ufeff", "a byte-order mark"}, {"\r\n", "a line break"}, {"\n", "a line break"}, {"\r", "a line break"},
	} {
		if strings.HasPrefix(s, mark.text) {
			return strings.TrimLeft(s, mark.text), mark.name + " in front"
		}
		if strings.HasSuffix(s, mark.text) {
			return strings.TrimRight(s, mark.text), mark.name + " at the end"
		}
	}
	if first, _ := utf8.DecodeRuneInString(s); unicode.IsSpace(first) {
		return strings.TrimLeftFunc(s, unicode.IsSpace), "a blank in front"
	}
	if last, _ := utf8.DecodeLastRuneInString(s); unicode.IsSpace(last) {
		return strings.TrimRightFunc(s, unicode.IsSpace), "a blank at the end"
	}
	for _, quote := range []struct{ first, last string }{
		{`"`, `"`}, {`'`, `'`}, {"`", "`"}, {"\u201c", "\u201d"}, {"\u2018", "\u2019"},
	} {
		if strings.HasPrefix(s, quote.first) && strings.HasSuffix(s, quote.last) && len(s) > len(quote.first) {
			return s[len(quote.first) : len(s)-len(quote.last)], "quotes around it"
		}
	}
	for _, scheme := range []string{"Bearer", "Basic"} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) && s[len(scheme)] == ' ' {
			return strings.TrimLeft(s[len(scheme):], " "), fmt.Sprintf("%q in front", scheme+" ")
		}
	}
	// Base64 has "=" at its end only.
	if i := strings.Index(strings.TrimRight(s, "="), "="); i > 0 && i < len(s)/2 && !strings.ContainsFunc(s[:i], notOfName) {
		return s[i+1:], `a name and "=" in front`
	}
	return s, ""
}

// notOfName reports whether a character cannot be in the name of a variable.
func notOfName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// isSecret reports whether a text is a secret by its shape.
func isSecret(s string) bool {
	return ownerOf(s) != nil
}

// visible removes what insideOf names.
func visible(r rune) rune {
	if unicode.IsSpace(r) || unicode.In(r, unicode.Cf, unicode.Cc) {
		return -1
	}
	return r
}

// insideOf returns the name of what is inside a secret and does not belong
// there.
func insideOf(s string) string {
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r':
			return "a line break inside"
		case unicode.IsSpace(r):
			if bare := strings.Map(visible, s); isSecret(bare) { // else the text is something else
				return "a blank inside"
			}
		case unicode.In(r, unicode.Cf, unicode.Cc):
			return fmt.Sprintf("the invisible character %U inside", r)
		}
	}
	return ""
}
