package errtext_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func TestOf(t *testing.T) {
	t.Parallel()
	refused := &transport.Error{Kind: transport.KindRefused, Err: errors.New("the platform responded with 401 Unauthorized: check the secret")}
	url := &ffc.ConfigError{Field: "BaseURL", Err: errors.New("missing URL")}
	secret := &ffc.ConfigError{Field: "EnvSecret", Err: errors.New("missing secret")}
	for want, err := range map[string]error{
		"the platform responded with 401 Unauthorized: check the secret": fmt.Errorf("trying again later, after: %w", refused),
		"Network error":                     &transport.Error{Kind: transport.KindNetwork},
		"anything else":                     errors.New("anything else"),
		"-url: missing URL":                 url,
		"missing secret; -url: missing URL": errors.Join(secret, url),
	} {
		if got := errtext.Of(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Whatever is wrong with the settings that the command line can set, the text
// has no names of the SDK's settings.
func TestOfNamesNoField(t *testing.T) {
	t.Parallel()
	featBit := "PC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"
	for _, cfg := range []ffc.Config{
		{},
		{EnvSecret: "no secret"},
		{EnvSecret: featBit, Platform: ffc.PlatformClassic},
		{EnvSecret: featBit},
		{EnvSecret: featBit, BaseURL: "x", StreamingURL: "x", EventsURL: "x"},
		{Offline: true, Bootstrap: []byte("[]")},
	} {
		cfg.Transport = &poll.Transport{}
		_, err := ffc.New(t.Context(), cfg)
		if err == nil {
			t.Fatalf("%v is accepted", cfg)
		}
		for _, name := range []string{"Config", "ffc: ", "EnvSecret", "BaseURL", "Platform"} {
			if got := errtext.Of(err); strings.Contains(got, name) {
				t.Errorf("%q has %q", got, name)
			}
		}
	}
}
