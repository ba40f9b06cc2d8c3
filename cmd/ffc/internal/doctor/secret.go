package doctor

import (
	"context"
	"fmt"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
)

// checkSecret tells the platform by the shape of the secret.
func (e *examination) checkSecret(context.Context) finding {
	dialect, secret, err := wire.DialectFor(e.Platform, e.EnvSecret)
	e.dialect = dialect
	switch {
	case err == nil:
		e.secret = secret
		return ok("%s (%s)", environmentOf(dialect, e.EnvSecret), masked(e.EnvSecret)).atOnce()
	case e.EnvSecret == "":
		e.noSecret = "there is no secret"
		return fail("set FFC_ENV_SECRET, or give -secret-file FILE; the secret is on the platform's settings page of the environment",
			"there is none").atOnce()
	}
	e.noSecret = "the secret cannot be used"
	return fail("copy the secret of a server-side SDK once more from the platform's settings page of the environment",
		"%v (%s)", err, masked(e.EnvSecret)).atOnce()
}

// environmentOf says which environment a secret is of, as far as it tells.
func environmentOf(dialect *wire.Dialect, secret string) string {
	if dialect.Name == wire.PlatformFeatBit {
		return "of FeatBit"
	}
	prefix, err := wire.FlagIDPrefix(secret)
	parts := strings.Split(strings.Trim(prefix, "_"), "__") // FF, account, project, environment
	if err != nil || len(parts) != 4 || strings.Trim(strings.Join(parts[1:], ""), "0123456789") != "" {
		return "of featureflag.co"
	}
	return fmt.Sprintf("of featureflag.co: account %s, project %s, environment %s", parts[1], parts[2], parts[3])
}

// masked shows enough of a secret to tell it from another.
func masked(secret string) string {
	const shown, enough = 3, 24
	if letters := []rune(secret); len(letters) >= enough {
		return fmt.Sprintf("%q…, %d characters", string(letters[:shown]), len(letters))
	}
	return fmt.Sprintf("%d characters", len(secret))
}
