package platform

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const featBitSecret = "PC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"

func TestCodecFor(t *testing.T) {
	t.Parallel()
	const auto = ""
	// A secret of featureflag.co whose length and letters are those of FeatBit.
	lookalike := encodeSecret("abcdefghi__12345678__1234567__123")
	if !isFeatBitSecret(lookalike) {
		t.Fatalf("%s does not look like a secret of FeatBit", lookalike)
	}
	tests := []struct {
		name, platform, secret string
		want, padded           string
		problem                string
	}{
		{name: "classic", platform: auto, secret: testSecret, want: ClassicName, padded: testSecret},
		{name: "classic without padding", platform: auto, secret: strings.TrimRight(testSecret, "="), want: ClassicName, padded: testSecret},
		{name: "classic of 44 characters", platform: auto, secret: lookalike, want: ClassicName, padded: lookalike},
		{name: "classic, named", platform: ClassicName, secret: testSecret, want: ClassicName, padded: testSecret},
		{name: "FeatBit", platform: auto, secret: featBitSecret, want: FeatBitName, padded: featBitSecret},
		{name: "FeatBit, named", platform: FeatBitName, secret: featBitSecret, want: FeatBitName, padded: featBitSecret},
		{name: "FeatBit of the future", platform: FeatBitName, secret: "v2.abc=", want: FeatBitName, padded: "v2.abc="},
		{name: "empty", platform: auto, want: ClassicName, problem: "missing secret"},
		{name: "empty, named", platform: FeatBitName, want: FeatBitName, problem: "missing secret"},
		{name: "neither", platform: auto, secret: "random-string", want: ClassicName, problem: "fits neither platform"},
		{name: "FeatBit, cut", platform: auto, secret: featBitSecret[:43], want: ClassicName, problem: "set the platform"},
		{name: "FeatBit of no environment", platform: auto, secret: featBitSecret[:22] + strings.Repeat("A", 22), want: ClassicName, problem: "44 characters"},
		{name: "FeatBit with another letter", platform: auto, secret: featBitSecret[:30] + "." + featBitSecret[31:], want: ClassicName, problem: "44 characters"},
		{name: "FeatBit with a line break", platform: auto, secret: featBitSecret[:30] + "\n" + featBitSecret[31:], want: ClassicName, problem: "a line break inside"},
		{name: "FeatBit, named as classic", platform: ClassicName, secret: featBitSecret, want: ClassicName, problem: "is FeatBit's, but the platform is set to classic"},
		{name: "classic, named as FeatBit", platform: FeatBitName, secret: testSecret, want: FeatBitName, problem: "is featureflag.co's, but the platform is set to featbit"},
		{name: "line break, named", platform: FeatBitName, secret: featBitSecret + "\n", want: FeatBitName, problem: "a line break at the end"},
		{name: "not ASCII, named", platform: FeatBitName, secret: "sécret", want: FeatBitName, problem: "other characters"},
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
				checkHidden(t, err, test.secret)
			}
		})
	}
}

type featBitTokens struct {
	Tokens []struct {
		Kind, Token, Secret string
		Position, Digits    int
		Timestamp           int64
	}
	InvalidSecrets []string
}

// TestFeatBitTokens holds tokens and secrets against the vectors, whose times
// have two zeros before them.
func TestFeatBitTokens(t *testing.T) {
	t.Parallel()
	var vectors featBitTokens
	if err := json.Unmarshal(readFeatBit(t, "token-vectors.json"), &vectors); err != nil || len(vectors.Tokens) == 0 {
		t.Fatal(err)
	}
	for _, v := range vectors.Tokens {
		random := (float64(v.Position) + .5) / float64(len(v.Secret))
		got := string(appendToken(nil, v.Secret, v.Timestamp, random))
		want := v.Token[:3] + "BS" + v.Token[5:5+v.Position] + v.Token[5+v.Position+len("QQ"):]
		if got != want || v.Digits != 15 || !isFeatBitSecret(v.Secret) {
			t.Errorf("got %s, want %s", got, want)
		}
		text, milli, err := readToken(v.Token)
		if text != v.Secret || milli != v.Timestamp || err != nil {
			t.Errorf("read %q, %d, %v", text, milli, err)
		}
	}
	for _, secret := range vectors.InvalidSecrets {
		if isFeatBitSecret(secret) {
			t.Errorf("%q is taken for a secret", secret)
		}
	}
	if got, want := string(appendToken(nil, featBitSecret, 1767225600000, 7.5/44)), "QQXBSPC0eD1pBXDXWWHDQQQQQLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := flagIDPrefix(vectors.InvalidSecrets[2]); err != nil {
		t.Errorf("the secret of featureflag.co among them: %v", err)
	}
}

func TestFeatBitStreamURL(t *testing.T) {
	t.Parallel()
	got := FeatBit().StreamURL("ws://localhost:5100/", featBitSecret, time.UnixMilli(1767225600000))
	if !strings.HasPrefix(got, "ws://localhost:5100/streaming?token=") || !strings.HasSuffix(got, "&type=server") {
		t.Errorf("got %s", got)
	}
}
