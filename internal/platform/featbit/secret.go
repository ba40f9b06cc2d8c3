package featbit

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// checkSecret rejects what no secret of FeatBit can contain. It does not
// check the shape: if the platform is configured, the secret may have a newer
// shape.
func checkSecret(secret string) (string, error) {
	switch {
	case secret == "":
		return secret, platform.ErrNoSecret
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return secret, errors.New("the secret contains spaces, line breaks or other characters that no secret contains")
	}
	return secret, nil
}

// isSecret reports whether secret is two GUIDs. The second is the
// environment and must not be zero (FeatBit reference, section 1).
func isSecret(secret string) bool {
	if len(secret) != 44 {
		return false
	}
	_, ok := guid(secret[:22])
	env, ok2 := guid(secret[22:])
	return ok && ok2 && env != [16]byte{}
}

// guid decodes 16 bytes.
func guid(text string) (id [16]byte, ok bool) {
	n, err := base64.RawURLEncoding.Decode(id[:], []byte(text))
	return id, err == nil && n == len(id)
}

// environmentOf returns the GUID of the environment in its usual text
// form.
func environmentOf(secret string) string {
	if !isSecret(secret) {
		return ""
	}
	id, _ := guid(secret[22:])
	// .NET writes the first three groups of a GUID with the lowest byte first.
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(id[:]),
		binary.LittleEndian.Uint16(id[4:]), binary.LittleEndian.Uint16(id[6:]), id[8:10], id[10:])
}

// NewSecret returns a new secret of an environment, "" if there is no such
// environment: two GUIDs, a random one and the environment.
func NewSecret(environment string) string {
	if !isGUIDText(environment) {
		return ""
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	env, _ := hex.DecodeString(strings.ReplaceAll(environment, "-", ""))
	slices.Reverse(env[:4])
	slices.Reverse(env[4:6])
	slices.Reverse(env[6:8])
	return base64.RawURLEncoding.EncodeToString(random) + base64.RawURLEncoding.EncodeToString(env)
}

// isGUIDText reports whether s is a GUID in its usual text form.
func isGUIDText(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	_, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	return err == nil
}
