package classic

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// flagIDPrefix returns the prefix of all flag ids of a classic secret's
// environment: FF__<account>__<project>__<environment>__.
//
// A classic secret is standard Base64 of parts joined by separator. The second to
// fourth part name the environment (protocol reference, section 1). The error
// never holds any part of the secret.
func flagIDPrefix(secret string) (string, error) {
	if secret == "" {
		return "", platform.ErrNoSecret
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
	parts := strings.Split(string(text), separator)
	if len(parts) < 4 {
		return "", errors.New("the secret does not name an environment: expected account, project and environment inside it")
	}
	for _, part := range parts[1:4] {
		if strings.TrimSpace(part) == "" {
			return "", errors.New("the secret names a blank account, project or environment")
		}
	}
	return "FF__" + parts[1] + separator + parts[2] + separator + parts[3] + separator, nil
}

// NewSecret returns a new secret of an environment, "" if there is no such
// environment: Base64 of random text and the parts of the environment, as the
// platform makes it.
func NewSecret(environment string) string {
	parts := strings.Split(environment, separator)
	if len(parts) != 4 || parts[0] != "FF" {
		return ""
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	parts[0] = hex.EncodeToString(random)
	secret := base64.StdEncoding.EncodeToString([]byte(strings.Join(parts, separator)))
	if environmentOf(secret) != environment { // a part is blank
		return ""
	}
	return secret
}

// padSecret adds the missing padding to a classic secret. The platform rejects
// a secret without padding in a header.
func padSecret(secret string) string {
	return secret + "==="[:(4-len(secret)%4)%4]
}

func misfit(secret string) error {
	_, err := flagIDPrefix(secret)
	return fmt.Errorf("for featureflag.co, %w", err)
}

func checkSecret(secret string) (string, error) {
	if _, err := flagIDPrefix(secret); err != nil {
		return secret, err
	}
	return padSecret(secret), nil
}

// environmentOf returns FF__account__project__environment.
func environmentOf(secret string) string {
	prefix, _ := flagIDPrefix(secret)
	return strings.TrimSuffix(prefix, separator)
}

// describeEnvironment describes an environment whose account, project and
// environment are numbers, as the platform assigns them.
func describeEnvironment(secret string) string {
	parts := strings.Split(strings.Trim(environmentOf(secret), "_"), separator) // FF, account, project, environment
	if len(parts) != 4 || strings.Trim(strings.Join(parts[1:], ""), "0123456789") != "" {
		return ""
	}
	return fmt.Sprintf("account %s, project %s, environment %s", parts[1], parts[2], parts[3])
}
