package relay_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
)

// A key reads as a secret of its platform and environment.
func TestKeysHaveTheShapeOfSecrets(t *testing.T) {
	for p, name := range map[ffc.Platform]string{ffc.PlatformClassic: "FF__11__22__33", ffc.PlatformFeatBit: environment} {
		until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
		key, line, err := relay.NewKey(p, strings.ToUpper(name), "shop", until)
		if err != nil {
			t.Fatal(err)
		}
		codec, accepted, err := registry.CodecFor("", key)
		if err != nil || codec.Name != string(p) || accepted != key || codec.Environment(key) != name {
			t.Errorf("%s: the key is of %s, error %v", p, codec.Name, err)
		}
		sum := sha256.Sum256([]byte(key))
		if want := hex.EncodeToString(sum[:]) + " " + name + " shop 2030-01-02T03:04:05Z"; line != want {
			t.Errorf("line %q, want %q", line, want)
		}
		if again, _, _ := relay.NewKey(p, name, "shop", until); again == key {
			t.Error("the same key twice")
		}
	}
}

func TestNewKeyRejects(t *testing.T) {
	for _, test := range []struct {
		platform          ffc.Platform
		environment, name string
		want              string
	}{
		{"other", environment, "shop", "platform"},
		{ffc.PlatformFeatBit, "FF__1__2__3", "shop", "not an environment of FeatBit"},
		{ffc.PlatformClassic, environment, "shop", "not an environment of featureflag.co"},
		{ffc.PlatformClassic, "FF__1____3", "shop", "not an environment of featureflag.co"},
		{ffc.PlatformFeatBit, environment, "", "the name"},
		{ffc.PlatformFeatBit, environment, "my shop", "the name"},
	} {
		if _, _, err := relay.NewKey(test.platform, test.environment, test.name, time.Time{}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error %v", test, err)
		}
	}
}
