package platform

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
)

var errNoSecret = errors.New("missing secret: copy the environment secret from the platform's settings page")

// flagIDPrefix returns the text that starts every flag id of the environment a
// classic secret belongs to: FF__<account>__<project>__<environment>__.
//
// A classic secret is standard Base64 of parts joined by "__", of which the
// second to fourth name the environment (protocol reference, section 1).
// The error never holds any part of the secret.
func flagIDPrefix(secret string) (string, error) {
	if secret == "" {
		return "", errNoSecret
	}
	letters := strings.TrimRight(secret, "=")
	text, err := base64.RawStdEncoding.Strict().DecodeString(letters)
	// Padding may be missing, but not be too much, and Go's decoder skips line breaks.
	if padding := len(secret) - len(letters); err != nil || padding > (4-len(letters)%4)%4 || strings.ContainsAny(secret, "\r\n") {
		return "", errors.New("the secret is not standard Base64: is it complete, and is it the secret of a server-side SDK?")
	}
	if !utf8.Valid(text) {
		return "", errors.New("the secret does not decode to text: is it the environment secret?")
	}
	parts := strings.Split(string(text), "__")
	if len(parts) < 4 {
		return "", errors.New("the secret does not name an environment: expected account, project and environment inside it")
	}
	for _, part := range parts[1:4] {
		if strings.TrimSpace(part) == "" {
			return "", errors.New("the secret names a blank account, project or environment")
		}
	}
	return "FF__" + parts[1] + "__" + parts[2] + "__" + parts[3] + "__", nil
}

// padSecret restores the padding of a classic secret, or the rest of it,
// without which the platform does not take it in a header.
func padSecret(secret string) string {
	return secret + "==="[:(4-len(secret)%4)%4]
}
