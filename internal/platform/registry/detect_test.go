package registry

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

const (
	testSecret    = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ=="
	featBitSecret = "PC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"
)

func TestCodecFor(t *testing.T) {
	t.Parallel()
	const auto = ""
	// A secret of featureflag.co whose length and letters are those of FeatBit.
	lookalike := base64.StdEncoding.EncodeToString([]byte("abcdefghi__12345678__1234567__123"))
	if !featbit.Protocol().Owns(lookalike) {
		t.Fatalf("%s does not look like a secret of FeatBit", lookalike)
	}
	tests := []struct {
		name, platform, secret string
		want, padded           string
		problem                string
	}{
		{name: "classic", platform: auto, secret: testSecret, want: classic.Name, padded: testSecret},
		{name: "classic without padding", platform: auto, secret: strings.TrimRight(testSecret, "="), want: classic.Name, padded: testSecret},
		{name: "classic of 44 characters", platform: auto, secret: lookalike, want: classic.Name, padded: lookalike},
		{name: "classic, named", platform: classic.Name, secret: testSecret, want: classic.Name, padded: testSecret},
		{name: "FeatBit", platform: auto, secret: featBitSecret, want: featbit.Name, padded: featBitSecret},
		{name: "FeatBit, named", platform: featbit.Name, secret: featBitSecret, want: featbit.Name, padded: featBitSecret},
		{name: "FeatBit of the future", platform: featbit.Name, secret: "v2.abc=", want: featbit.Name, padded: "v2.abc="},
		{name: "empty", platform: auto, want: classic.Name, problem: "missing secret"},
		{name: "empty, named", platform: featbit.Name, want: featbit.Name, problem: "missing secret"},
		{name: "neither", platform: auto, secret: "random-string", want: classic.Name, problem: "fits no platform"},
		{name: "FeatBit, cut", platform: auto, secret: featBitSecret[:43], want: classic.Name, problem: "set the platform"},
		{name: "FeatBit of no environment", platform: auto, secret: featBitSecret[:22] + strings.Repeat("A", 22), want: classic.Name, problem: "44 characters"},
		{name: "FeatBit with another letter", platform: auto, secret: featBitSecret[:30] + "." + featBitSecret[31:], want: classic.Name, problem: "44 characters"},
		{name: "FeatBit with a line break", platform: auto, secret: featBitSecret[:30] + "\n" + featBitSecret[31:], want: classic.Name, problem: "a line break inside"},
		{name: "FeatBit, named as classic", platform: classic.Name, secret: featBitSecret, want: classic.Name, problem: "is FeatBit's, but the platform is set to classic"},
		{name: "classic, named as FeatBit", platform: featbit.Name, secret: testSecret, want: featbit.Name, problem: "is featureflag.co's, but the platform is set to featbit"},
		{name: "line break, named", platform: featbit.Name, secret: featBitSecret + "\n", want: featbit.Name, problem: "a line break at the end"},
		{name: "not ASCII, named", platform: featbit.Name, secret: "sécret", want: featbit.Name, problem: "other characters"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d, padded, err := CodecFor(test.platform, test.secret)
			if d.Name != test.want || err == nil && padded != test.padded {
				t.Errorf("got %s, %q; want %s, %q", d.Name, padded, test.want, test.padded)
			}
			if (err != nil) != (test.problem != "") || err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Fatalf("got %v, want %q", err, test.problem)
			}
			if err != nil && len(test.secret) > 20 {
				testkit.CheckHidden(t, err, test.secret)
			}
		})
	}
}

func TestCodecOfData(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		// The first item decides, whatever follows.
		`{"featureFlags":[{"id":"x","timestamp":1},{"updatedAt":"2026-01-31T12:00:00Z"}],"segments":[{"updatedAt":""}]}`: classic.Name,
		`{"featureFlags":[{"isEnabled":true}, no JSON`:                                                                   featbit.Name,
		``: classic.Name, `{}`: classic.Name, `{"featureFlags":[],"segments":[]}`: classic.Name,
		`{"featureFlags":[{"key":"a","updatedAt":"2026-01-01T00:00:00Z"}]}`:                                       featbit.Name,
		`{"data":{"eventType":"full","segments":[{"id":"a","updatedAt":"x"}]},"messageType":"data-sync"}`:         featbit.Name,
		`{"eventType":"full","featureFlags":[null,{"key" "a"},{"key":"b","isEnabled":true}]}`:                     featbit.Name,
		`{"eventType":"full","featureFlags":[{"key":"a"},{"key":"b","isEnabled":true}]}`:                          featbit.Name,
		`{"eventType":"full","featureFlags":[{"id":"FF__1__2__3__a","timestamp":1}],"segments":[{"id":"a"}]}`:     classic.Name,
		`{"eventType":"full","featureFlags":[{"id":"FF__1__2__3__a","ff":{"key":"a","updatedAt":"x"}},"x",{}]}`:   classic.Name,
		`{"eventType":"full","featureFlags":null,"segments":[{"id":"a","timestamp":1},{"id":"a","updatedAt":1}]}`: classic.Name,
	}
	for data, want := range tests {
		if got := CodecOfData([]byte(data)); got.Name != want {
			t.Errorf("%s: got %s, want %s", data, got.Name, want)
		}
	}
	for file, want := range map[string]string{
		"../classic/testdata/bootstrap.json": classic.Name, "../../../testdata/featbit/dotnet-full-data-set.json": featbit.Name,
		"../../../testdata/featbit/dotnet-patch-data-set.json": featbit.Name, "../../../testdata/featbit/dotnet-featbit-bootstrap.json": featbit.Name,
		"../../../testdata/featbit/sdk-fbclient-test-data.json": featbit.Name, "../../../testdata/featbit/openfeature-go-flags.json": featbit.Name,
	} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := CodecOfData(data); got.Name != want {
			t.Errorf("%s: got %s, want %s", file, got.Name, want)
		}
	}
}
