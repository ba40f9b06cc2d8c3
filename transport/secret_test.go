package transport_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

func TestSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	const text = "hunter2"
	secret := transport.NewSecret(text)
	env := transport.Env{EnvSecret: secret}
	said := func(format string, value any) string { return fmt.Sprintf(format, value) }
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%U", "%8.3s", "%p", "%w"} {
		for _, value := range []any{secret, &secret, []transport.Secret{secret}, env, &env} {
			if got := said(format, value); strings.Contains(got, text) || strings.Contains(got, fmt.Sprintf("%x", text)) {
				t.Errorf("%s of %T: got %s", format, value, got)
			}
		}
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "secret", secret, "env", env)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "secret", secret, "secrets", []transport.Secret{secret})
	inJSON, err := json.Marshal(map[string]any{"secret": secret})
	if err != nil {
		t.Fatal(err)
	}
	log.Write(inJSON)
	if strings.Contains(log.String(), text) {
		t.Errorf("got %s", log.String())
	}
	if got := secret.Reveal(); got != text {
		t.Errorf("as a string: got %q, want %q", got, text)
	}
}
