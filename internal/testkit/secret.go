package testkit

import (
	"encoding/base64"
	"strings"
	"testing"
)

// CheckHidden fails the test if an error has a part of the secret, as
// written or decoded.
func CheckHidden(t testing.TB, err error, secret string) {
	t.Helper()
	texts := []string{secret}
	if decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(secret, "=")); err == nil {
		texts = append(texts, string(decoded))
	}
	for _, text := range texts {
		const size = 5 // shorter runs are ordinary words
		for i := 0; i+size <= len(text); i++ {
			if part := text[i : i+size]; strings.Contains(err.Error(), part) {
				t.Fatalf("the error %q has %q of the secret", err, part)
			}
		}
	}
}
