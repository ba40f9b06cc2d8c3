package wording_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/wording"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func TestOf(t *testing.T) {
	t.Parallel()
	refused := &transport.Error{Kind: transport.KindRefused, Err: errors.New("the platform answered 401 Unauthorized: check EnvSecret")}
	for want, err := range map[string]error{
		"the platform answered 401 Unauthorized: check the secret": fmt.Errorf("trying again later, after: %w", refused),
		"Network error": &transport.Error{Kind: transport.KindNetwork},
		"anything else": errors.New("anything else"),
	} {
		if got := wording.Of(err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestSettings: whatever is wrong with the settings that the command line can
// set, it is said without their names.
func TestSettings(t *testing.T) {
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
			t.Fatalf("%v is taken", cfg)
		}
		if got := wording.Of(err); strings.Contains(got, "Config") || strings.Contains(got, "ffc: ") {
			t.Errorf("%q", got)
		}
	}
}
