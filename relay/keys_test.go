package relay_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"testing/synctest"
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

// TestKeys: keys open their environment until they end.
func TestKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		forever, line1, err := relay.NewKey(ffc.PlatformFeatBit, environment, "a", time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		short, line2, err := relay.NewKey(ffc.PlatformClassic, "FF__1__2__3", "b", time.Now().Add(time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := relay.ParseKeys([]byte("# keys\n\n" + line1 + "\r\n  " + line2))
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := keys.Environment(forever); e != environment || !ok {
			t.Errorf("got %q, %v", e, ok)
		}
		if e, ok := keys.Environment(short); e != "FF__1__2__3" || !ok {
			t.Errorf("got %q, %v", e, ok)
		}
		if _, ok := keys.Environment(forever + "x"); ok || keys.Len() != 2 {
			t.Errorf("a wrong key is valid, or there are %d keys", keys.Len())
		}
		time.Sleep(time.Hour)
		if _, ok := keys.Environment(short); ok {
			t.Error("a key is valid after its end")
		}
		if _, ok := new(relay.Keys).Environment(forever); ok {
			t.Error("the zero Keys has a key")
		}
	})
}

// TestParseKeysErrors: the error names each line that is invalid, and quotes none.
func TestParseKeysErrors(t *testing.T) {
	t.Parallel()
	key, line, err := relay.NewKey(ffc.PlatformFeatBit, environment, "a", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	sum := strings.Fields(line)[0]
	text := strings.Join([]string{
		line, key + " " + environment + " a", sum + " nowhere a", sum + " " + environment, sum + " " + environment + " a tomorrow", line, sum[:63] + "x " + environment + " a",
	}, "\n")
	_, err = relay.ParseKeys([]byte(text))
	if err == nil {
		t.Fatal("invalid lines were accepted")
	}
	for _, want := range []string{"line 2", "line 3", "line 4", "line 5", "line 6", "line 7"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "line 1") || strings.Contains(err.Error(), key) || strings.Contains(err.Error(), sum) {
		t.Errorf("the error is %v", err)
	}
}

// FuzzParseKeys looks for files that panic, or whose keys are of no environment.
func FuzzParseKeys(f *testing.F) {
	sum := strings.Repeat("ab", 32)
	f.Add(sum + " " + environment + " name 2026-12-31T18:00:00Z\n# comment")
	f.Add(sum + " FF__1__2__3 name")
	f.Add("\x00 \xff")
	f.Add(sum + "ab " + environment + " name")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := relay.ParseKeys([]byte(text))
		if (keys == nil) == (err == nil) {
			t.Fatalf("got %v and %v", keys, err)
		}
		if err != nil && strings.Contains(err.Error(), sum) {
			t.Errorf("the error quotes the file: %v", err)
		}
		if keys != nil && keys.Len() > strings.Count(text, "\n")+1 {
			t.Errorf("%d keys in %q", keys.Len(), text)
		}
	})
}
