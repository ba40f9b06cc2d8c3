package registry

import (
	"errors"
	"fmt"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// CodecFor returns the codec of a secret's environment, and the secret as the
// platform accepts it. name is the platform; if it is "", the shape of the
// secret decides. The codec is never nil, and the error never holds any part of
// the secret.
func CodecFor(name, secret string) (*platform.Codec, string, error) {
	if bare, err := checkPasted(secret); err != nil {
		c, _, _ := CodecFor(name, bare) // to check the rest of the configuration
		return c, secret, err
	}
	owner := ownerOf(secret)
	named, _ := ProtocolOf(name)
	switch {
	case named != nil && owner != nil && owner != named:
		return named.CodecOf(""), secret, fmt.Errorf("the secret is %s's, but the platform is set to %s: correct one of them", owner.Title, name)
	case named != nil:
		return named.CodecFor(secret)
	case owner != nil:
		return owner.CodecFor(secret)
	}
	err := platform.ErrNoSecret
	if secret != "" {
		err = fitsNone(secret)
	}
	return Default().CodecOf(""), secret, err
}

// ownerOf returns the platform of a secret by its shape, or nil if the secret
// fits no platform.
func ownerOf(secret string) *platform.Protocol {
	for _, p := range All() {
		if p.Owns(secret) {
			return p
		}
	}
	return nil
}

// fitsNone returns an error that says why a secret fits no platform.
func fitsNone(secret string) error {
	err := errors.New("the secret fits no platform (if it is right, set the platform)")
	separator := ": "
	for _, p := range slices.Backward(All()) {
		err = fmt.Errorf("%w%s%w", err, separator, p.Misfit(secret))
		separator = "; "
	}
	return err
}

// CodecOfEnvironment returns the codec of an environment by the name that
// Protocol.Environment returns, for clients without a secret.
func CodecOfEnvironment(name, environment string) (*platform.Codec, error) {
	p, err := ProtocolOf(name)
	if err != nil {
		return nil, err
	}
	return p.CodecOf(environment), nil
}

// CodecOfData returns the codec of the platform that data, a bootstrap, comes
// from. It is for clients without a secret.
func CodecOfData(data []byte) *platform.Codec {
	if p := originOf(data).platform; p != nil {
		return p.CodecOf("")
	}
	return Default().CodecOf("")
}
