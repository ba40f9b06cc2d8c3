package relay

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

// NewKey returns a random key for an environment, and its line for the file of keys
// of a relay. The key has the shape of an environment secret, so that every SDK
// accepts it as one, but does not open the platform. The line has the SHA-256 of the
// key in hexadecimal, the environment, the name, and the time until which the key is
// valid; a zero until is no limit. The name is for people. NewKey fails if p cannot
// have an environment of that name, or if the name of the key is empty or has
// spaces. It does not block, and may be called concurrently.
func NewKey(p ffc.Platform, environment, name string, until time.Time) (key, line string, err error) {
	protocol, err := registry.ProtocolOf(string(p))
	if err != nil {
		return "", "", fmt.Errorf("relay: %w: expected classic or featbit", err)
	}
	if protocol.EnvironmentIgnoresCase {
		environment = strings.ToLower(environment)
	}
	if key = admin.NewSecret(protocol, environment); key == "" {
		return "", "", fmt.Errorf("relay: %s is not an environment of %s: expected FF__account__project__environment for featureflag.co, a GUID for FeatBit",
			safelog.Quote(environment), protocol.Title)
	}
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }) {
		return "", "", fmt.Errorf("relay: the name %s cannot be used for a key: expected a text without spaces", safelog.Quote(name))
	}
	sum := sha256.Sum256([]byte(key))
	line = hex.EncodeToString(sum[:]) + " " + environment + " " + name
	if !until.IsZero() {
		line += " " + until.UTC().Format(time.RFC3339)
	}
	return key, line, nil
}
