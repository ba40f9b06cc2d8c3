package platform

import (
	"errors"
	"fmt"
	"slices"
)

// CodecFor returns the codec of a secret's environment, and the secret as the
// platform accepts it. name is the platform; if it is "", the shape of the
// secret decides. The codec is never nil, and the error never holds any part of
// the secret.
func CodecFor(name, secret string) (*Codec, string, error) {
	if bare, err := checkPasted(secret); err != nil {
		c, _, _ := CodecFor(name, bare) // to check the rest of the configuration
		return c, secret, err
	}
	owner := ownerOf(secret)
	named := protocolNamed(name)
	switch {
	case named != nil && owner != nil && owner != named:
		return named.AnyCodec(), secret, fmt.Errorf("the secret is %s's, but the platform is set to %s: correct one of them", owner.Title, name)
	case named != nil:
		return named.codec(secret)
	case owner != nil:
		return owner.codec(secret)
	}
	err := errNoSecret
	if secret != "" {
		err = fitsNone(secret)
	}
	return Default().AnyCodec(), secret, err
}

// Default returns the platform to use if nothing else decides.
func Default() *Protocol { return All()[0] }

// ownerOf returns the platform of a secret by its shape, or nil if the secret
// fits no platform.
func ownerOf(secret string) *Protocol {
	for _, p := range All() {
		if p.owns(secret) {
			return p
		}
	}
	return nil
}

// fitsNone returns an error that says why a secret fits no platform.
func fitsNone(secret string) error {
	err := errors.New("the secret fits neither platform (if it is right, set the platform)")
	separator := ": "
	for _, p := range slices.Backward(All()) {
		err = fmt.Errorf("%w%s%w", err, separator, p.misfit(secret))
		separator = "; "
	}
	return err
}

// CodecOfData returns the codec of the platform that data, a bootstrap, comes
// from. It is for clients without a secret.
func CodecOfData(data []byte) *Codec {
	if p := originOf(data).platform; p != nil {
		return p.AnyCodec()
	}
	return Default().AnyCodec()
}
