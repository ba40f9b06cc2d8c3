package relay

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// Keys are the keys of a relay: a file with a line for each key, as NewKey returns
// it. It does not change, and may be used concurrently. The zero Keys has no keys.
type Keys struct {
	keys map[[sha256.Size]byte]keyLine
}

// keyLine is a line of the file.
type keyLine struct {
	environment, name string
	until             time.Time // zero is no limit
}

// ParseKeys reads the text of a file of keys:
//
//	SHA-256(key) environment name [until]
//
// The fields are separated by spaces; SHA-256 is in hexadecimal; until is a time such
// as 2026-12-31T18:00:00Z. An environment may have several keys. Lines that are empty
// or begin with # are skipped. The error names all lines that are invalid.
func ParseKeys(text []byte) (*Keys, error) {
	k := &Keys{keys: make(map[[sha256.Size]byte]keyLine)}
	var errs []error
	number := 0
	for line := range bytes.Lines(text) {
		number++
		fields := strings.Fields(string(line))
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := k.add(fields); err != nil {
			errs = append(errs, fmt.Errorf("relay: line %d of the file of keys: %w", number, err))
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return k, nil
}

// add adds the key of a line. Its error does not quote the line, which may hold a
// key by mistake.
func (k *Keys) add(fields []string) error {
	if len(fields) != 3 && len(fields) != 4 {
		return fmt.Errorf("it has %d fields: expected SHA-256, environment, name and perhaps a time, as ffc-relay key writes them", len(fields))
	}
	sum, ok := parseSum(fields[0])
	if !ok {
		return errors.New("the first field is not a SHA-256 in hexadecimal: expected 64 characters, not the key itself")
	}
	l := keyLine{environment: fields[1], name: fields[2]}
	p := admin.ProtocolOfEnvironment(l.environment)
	if p == nil {
		return errors.New("the second field is not an environment: expected FF__account__project__environment for featureflag.co, a GUID for FeatBit")
	}
	if p.EnvironmentIgnoresCase {
		l.environment = strings.ToLower(l.environment)
	}
	if len(fields) == 4 {
		var err error
		if l.until, err = time.Parse(time.RFC3339, fields[3]); err != nil {
			return errors.New("the fourth field is not a time: expected one such as 2026-12-31T18:00:00Z")
		}
	}
	if _, twice := k.keys[sum]; twice {
		return errors.New("the same key is in a line before")
	}
	k.keys[sum] = l
	return nil
}

// parseSum reads a SHA-256 in hexadecimal.
func parseSum(text string) (sum [sha256.Size]byte, ok bool) {
	if len(text) != 2*len(sum) {
		return sum, false
	}
	_, err := hex.Decode(sum[:], []byte(text))
	return sum, err == nil
}

// Environment returns the environment that a key opens; false if the key is unknown
// or has ended. It is for Handler.Keys.
func (k *Keys) Environment(key string) (environment string, ok bool) {
	l, ok := k.keys[sha256.Sum256([]byte(key))]
	if !ok || !l.until.IsZero() && !time.Now().Before(l.until) {
		return "", false
	}
	return l.environment, true
}

// Len returns the number of keys, those that have ended included.
func (k *Keys) Len() int { return len(k.keys) }
