package doctor

import (
	"context"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// checkSecret recognises the platform by the form of the secret.
func (e *examination) checkSecret(context.Context) finding {
	codec, secret, err := registry.CodecFor(e.Platform, e.EnvSecret)
	e.codec = codec
	switch {
	case err == nil:
		e.secret = secret
		return ok("%s (%s)", environmentOf(codec.Protocol, e.EnvSecret), masked(e.EnvSecret)).atOnce()
	case e.EnvSecret == "":
		e.noSecret = "there is no secret"
		return fail("set FFC_ENV_SECRET, or use -secret-file FILE; the secret is on the platform's settings page of the environment",
			"there is no secret").atOnce()
	}
	e.noSecret = "the secret cannot be used"
	return fail("copy the secret of a server-side SDK once more from the platform's settings page of the environment",
		"%v (%s)", err, masked(e.EnvSecret)).atOnce()
}

// environmentOf describes the environment of a secret, as far as the secret names it.
func environmentOf(p *platform.Protocol, secret string) string {
	of := "of " + p.Title
	if environment := p.DescribeEnvironment(secret); environment != "" {
		of += ": " + environment
	}
	return of
}

// masked shows enough of a secret to tell it from another.
func masked(secret string) string {
	const shown, enough = 3, 24
	if letters := []rune(secret); len(letters) >= enough {
		return fmt.Sprintf("%q…, %d characters", string(letters[:shown]), len(letters))
	}
	return fmt.Sprintf("%d characters", len(secret))
}
