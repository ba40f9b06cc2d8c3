package platform

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
)

var errNoSecret = errors.New("missing secret: copy the environment secret from the platform's settings page")

// flagIDPrefix returns the prefix of all flag ids of a classic secret's
// environment: FF__<account>__<project>__<environment>__.
//
// A classic secret is standard Base64 of parts joined by "__". The second to
// fourth part name the environment (protocol reference, section 1). The error
// never holds any part of the secret.
func flagIDPrefix(secret string) (string, error) {
	if secret == "" {
		return "", errNoSecret
	}
	letters := strings.TrimRight(secret, "=")
	text, err := base64.RawStdEncoding.Strict().DecodeString(letters)
	// Padding may be missing, but there must not be too much. Go's decoder
	// skips line breaks, so they are rejected here.
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

// padSecret adds the missing padding to a classic secret. The platform rejects
// a secret without padding in a header.
func padSecret(secret string) string {
	return secret + "==="[:(4-len(secret)%4)%4]
}
