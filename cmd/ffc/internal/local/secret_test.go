package local

import (
	"encoding/base64"
	"log/slog"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// docs/local.md says which part of a secret is compared.
func TestSecretIsComparedByEnvironmentOnClassicOnly(t *testing.T) {
	t.Parallel()
	classic := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for _, test := range []struct {
		platform, secret string
		accepted         bool
	}{
		{"classic", classic("aaa-41aa-4%20220101000000__11__22__33__default_9c0de"), true},
		{"classic", classic("d2f-41aa-4%20220101000000__11__22__34__default_9c0de"), false},
		{"featbit", ffctest.FeatBitEnvSecret, true},
		{"featbit", "A" + ffctest.FeatBitEnvSecret[1:], false},
	} {
		w := start(t, `{"flags": {"f": {}}}`, Config{Platform: test.platform})
		client, err := ffc.New(testkit.Within(t), ffc.Config{
			EnvSecret: test.secret, BaseURL: w.url, Transport: &stream.Transport{}, Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(testkit.Within(t))
		if got := client.FlagKnown("f"); got != test.accepted {
			t.Errorf("%s: the client of secret %s has flags: %v, want %v", test.platform, test.secret, got, test.accepted)
		}
	}
}
