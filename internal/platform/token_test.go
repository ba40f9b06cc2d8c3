package platform_test

import (
	"encoding/json"
	"errors"
	"math"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

const (
	testSecret    = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ=="
	featBitSecret = "PC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"
)

func TestGoldenTokens(t *testing.T) {
	t.Parallel()
	data := readFile(t, "../../testdata/golden/tokens.json")
	var golden struct {
		Tokens []struct {
			EnvSecret       string
			TimestampMillis int64
			Random          float64
			Token           string
		}
	}
	if err := json.Unmarshal(data, &golden); err != nil || len(golden.Tokens) == 0 {
		t.Fatal("no vectors: ", err)
	}
	for _, g := range golden.Tokens {
		if got := string(platform.AppendToken(nil, g.EnvSecret, g.TimestampMillis, g.Random)); got != g.Token {
			t.Errorf("secret %q at %d, random %v:\n got %q\nwant %q", g.EnvSecret, g.TimestampMillis, g.Random, got, g.Token)
		}
	}
}

func TestTokenOfTheProtocolReference(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		random float64
		want   string
	}{
		{name: "early", random: .25, want: "QBXBSZDJmLTQxYWEtNCUyMBDDWHUHWQQBWSDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ"},
		{name: "never at 0", random: 0, want: "QQWBSZDBDDWHUHWQQBWSJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ"},
		{name: "late", random: .9999999, want: "QDUBSZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZBDDWHUHWQQBWSQ"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := string(platform.AppendToken([]byte("before "), testSecret, 1662595200123, test.random)); got != "before "+test.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// readToken takes a token apart as the platform does.
func readToken(token string) (text string, unixMilli int64, err error) {
	digits := func(letters string) (n int64) {
		for _, letter := range letters {
			digit := strings.IndexRune(platform.TokenDigits, letter)
			if digit < 0 {
				err = errors.New("a letter stands for no digit")
			}
			n = n*10 + int64(digit)
		}
		return n
	}
	if len(token) < 5 {
		return "", 0, errors.New("too short")
	}
	start, length := int(digits(token[:3])), int(digits(token[3:5]))
	payload := token[5:]
	if start+length > len(payload) {
		return "", 0, errors.New("the position is outside of the payload")
	}
	unixMilli = digits(payload[start : start+length])
	return payload[:start] + payload[start+length:], unixMilli, err
}

func TestTokenClamps(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("c2VjcmV0", 200) // 1600 characters
	tests := []struct {
		name      string
		secret    string
		unixMilli int64
		random    float64
		wantStart string
		wantMilli int64
	}{
		{name: "no secret", random: .5, unixMilli: 7, wantStart: "QQQ", wantMilli: 7},
		{name: "nothing but padding", secret: "==", random: .5, unixMilli: 7, wantStart: "QQQ", wantMilli: 7},
		{name: "one character", secret: "A", random: .5, unixMilli: 7, wantStart: "QQB", wantMilli: 7},
		{name: "two characters", secret: "AB==", random: .99, unixMilli: 7, wantStart: "QQW", wantMilli: 7},
		{name: "three characters", secret: "ABC=", random: .99, unixMilli: 7, wantStart: "QQW", wantMilli: 7},
		{name: "longer than three digits tell", secret: long, random: .99, unixMilli: 7, wantStart: "UUU", wantMilli: 7},
		{name: "longer, but early", secret: long, random: .1, unixMilli: 7, wantStart: "BDQ", wantMilli: 7},
		{name: "random just below 1", secret: testSecret, random: math.Nextafter(1, 0), unixMilli: 7, wantStart: "QDU", wantMilli: 7},
		{name: "the epoch", secret: testSecret, wantStart: "QQW"},
		{name: "before 1970", secret: testSecret, unixMilli: -1, wantStart: "QQW"},
		{name: "long before 1970", secret: testSecret, unixMilli: math.MinInt64, wantStart: "QQW"},
		{name: "the end of time", secret: testSecret, unixMilli: math.MaxInt64, wantStart: "QQW", wantMilli: math.MaxInt64},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			token := string(platform.AppendToken(nil, test.secret, test.unixMilli, test.random))
			if token[:3] != test.wantStart {
				t.Errorf("position %s, want %s", token[:3], test.wantStart)
			}
			text, milli, err := readToken(token)
			if want := strings.TrimRight(test.secret, "="); text != want || milli != test.wantMilli || err != nil {
				t.Errorf("read back %q, %d, %v; want %q, %d", text, milli, err, want, test.wantMilli)
			}
		})
	}
}

func TestStreamURL(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		base     string
		secret   string
		wantBase string
	}{
		{name: "plain", base: "wss://api.featureflag.co", secret: testSecret, wantBase: "wss://api.featureflag.co/streaming"},
		{name: "slashes at the end", base: "ws://localhost:80///", secret: testSecret, wantBase: "ws://localhost:80/streaming"},
		{name: "path", base: "wss://host/ffc", secret: testSecret, wantBase: "wss://host/ffc/streaming"},
		{name: "plus and slash", base: "wss://host", secret: strings.Repeat("+/", 40), wantBase: "wss://host/streaming"},
	}
	now := time.UnixMilli(1662595200123)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			raw := classic.Protocol().StreamURL(test.base, test.secret, now)
			u, err := url.Parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(u.RawQuery, "+/ ") {
				t.Errorf("the token is not encoded: %s", u.RawQuery)
			}
			query := u.Query()
			if u.RawQuery = ""; u.String() != test.wantBase || query.Get("type") != "server" || query.Get("version") != "2" || len(query) != 3 {
				t.Errorf("got %s", raw)
			}
			text, milli, err := readToken(query.Get("token"))
			if text != strings.TrimRight(test.secret, "=") || milli != now.UnixMilli() || err != nil {
				t.Errorf("token holds %q, %d, %v", text, milli, err)
			}
		})
	}
}

func TestStreamURLIsFresh(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1662595200123)
	urls := make(map[string]bool)
	for range 50 {
		urls[classic.Protocol().StreamURL("wss://host", testSecret, now)] = true
	}
	if len(urls) < 2 {
		t.Error("50 tokens hide the time at the same position")
	}
}

func FuzzToken(f *testing.F) {
	f.Add(testSecret, int64(1662595200123), .25)
	f.Add("a+/b==", int64(0), .999)
	f.Add("", int64(-1), 0.)
	f.Add(strings.Repeat("A", 1500), int64(math.MaxInt64), .9)
	f.Fuzz(func(t *testing.T, secret string, unixMilli int64, random float64) {
		if !(random >= 0 && random < 1) {
			random = .5
		}
		token := string(platform.AppendToken(nil, secret, unixMilli, random))
		text, milli, err := readToken(token)
		if want := strings.TrimRight(secret, "="); text != want || milli != max(unixMilli, 0) || err != nil {
			t.Fatalf("token %q: read back %q, %d, %v; want %q, %d", token, text, milli, err, want, unixMilli)
		}
		query, err := url.ParseQuery("token=" + url.QueryEscape(token))
		if err != nil || query.Get("token") != token {
			t.Fatalf("token %q does not survive a URL: %q, %v", token, query, err)
		}
	})
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
	if err := json.Unmarshal(readFile(t, "../../testdata/featbit/token-vectors.json"), &vectors); err != nil || len(vectors.Tokens) == 0 {
		t.Fatal(err)
	}
	for _, v := range vectors.Tokens {
		random := (float64(v.Position) + .5) / float64(len(v.Secret))
		got := string(platform.AppendToken(nil, v.Secret, v.Timestamp, random))
		want := v.Token[:3] + "BS" + v.Token[5:5+v.Position] + v.Token[5+v.Position+len("QQ"):]
		if got != want || v.Digits != 15 || !featbit.Protocol().Owns(v.Secret) {
			t.Errorf("got %s, want %s", got, want)
		}
		text, milli, err := readToken(v.Token)
		if text != v.Secret || milli != v.Timestamp || err != nil {
			t.Errorf("read %q, %d, %v", text, milli, err)
		}
	}
	for _, secret := range vectors.InvalidSecrets {
		if featbit.Protocol().Owns(secret) {
			t.Errorf("%q is taken for a secret", secret)
		}
	}
	if got, want := string(platform.AppendToken(nil, featBitSecret, 1767225600000, 7.5/44)), "QQXBSPC0eD1pBXDXWWHDQQQQQLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !classic.Protocol().Owns(vectors.InvalidSecrets[2]) {
		t.Error("the secret of featureflag.co among them is rejected")
	}
}

func TestFeatBitStreamURL(t *testing.T) {
	t.Parallel()
	got := featbit.Protocol().StreamURL("ws://localhost:5100/", featBitSecret, time.UnixMilli(1767225600000))
	if !strings.HasPrefix(got, "ws://localhost:5100/streaming?token=") || !strings.HasSuffix(got, "&type=server") {
		t.Errorf("got %s", got)
	}
}
