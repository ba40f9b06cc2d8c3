package ffc_test

import (
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestSecretWithoutPadding: a secret that was copied without its last
// characters "=" is as good, also where the platform wants them.
func TestSecretWithoutPadding(t *testing.T) {
	t.Parallel()
	whole := ffctest.EnvSecret
	secret := strings.TrimRight(whole, "=")
	if secret == whole {
		t.Fatal("the secret has no padding")
	}
	server, client := connected(t, func(c *ffc.Config) { c.EnvSecret = secret }, ffctest.Flag("a"))
	if !client.BoolVariation(t.Context(), "a", ffc.NewUser("u"), false) {
		t.Error("the flag is off")
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	requests := server.Requests(ffctest.Events)
	if len(requests) != 1 || requests[0].Status != 200 || requests[0].Header.Get("envSecret") != whole {
		t.Errorf("requests: %+v", requests)
	}
}
