package wire

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// DialectFor returns the dialect of an environment by the shape of its secret,
// or of the platform that is named, and the secret as that platform takes it.
// The error never holds any part of the secret.
//
// A secret that reads as one of featureflag.co is one: FeatBit's are random, so
// that none happens to, but some of featureflag.co also have 44 characters.
func DialectFor(platform, secret string) (*Dialect, string, error) {
	if bare, err := checkPasted(secret); err != nil {
		d, _, _ := DialectFor(platform, bare) // for what else is wrong with the configuration
		return d, secret, err
	}
	prefix, err := FlagIDPrefix(secret)
	switch {
	case platform == PlatformFeatBit:
		return FeatBitDialect(), secret, checkFeatBitSecret(secret, err == nil)
	case err == nil:
		return ClassicDialect(prefix), PadSecret(secret), nil
	case platform == PlatformClassic && isFeatBitSecret(secret):
		err = errors.New("the secret is FeatBit's, but the platform is set to classic: correct one of them")
	case platform == PlatformClassic || secret == "":
	case isFeatBitSecret(secret):
		return FeatBitDialect(), secret, nil
	default:
		err = fmt.Errorf("the secret fits neither platform (if it is right, set the platform): "+
			"FeatBit's secrets have 44 characters; for featureflag.co, %w", err)
	}
	return ClassicDialect(""), secret, err
}

// checkFeatBitSecret finds what no secret of FeatBit can have. Its shape is not
// checked: who names the platform may have a secret of a newer one.
func checkFeatBitSecret(secret string, classic bool) error {
	switch {
	case secret == "":
		return errNoSecret
	case classic:
		return errors.New("the secret is featureflag.co's, but the platform is set to featbit: correct one of them")
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the secret has spaces, line breaks or letters that no secret has")
	}
	return nil
}

// isFeatBitSecret reports whether secret is two GUIDs, of which the second, the
// environment's, is not zero (FeatBit reference, section 1).
func isFeatBitSecret(secret string) bool {
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

// DialectOfData returns the dialect that data, a bootstrap, is in, for a client
// that has no secret to tell it by.
func DialectOfData(data []byte) *Dialect {
	if originOf(data).platform == PlatformFeatBit {
		return FeatBitDialect()
	}
	return ClassicDialect("")
}
