package classic

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// testSecret and testPrefix belong to the environment of the examples in the
// protocol reference.
const (
	testSecret = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ=="
	testPrefix = "FF__11__22__33__"
)

func encodeSecret(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestFlagIDPrefix(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		secret string
		want   string // "" for an error
	}{
		{name: "of the protocol reference", secret: testSecret, want: testPrefix},
		{name: "without padding", secret: strings.TrimRight(testSecret, "="), want: testPrefix},
		{name: "with half of the padding", secret: strings.TrimSuffix(testSecret, "="), want: testPrefix},
		{name: "four parts", secret: encodeSecret("a__1__2__3"), want: "FF__1__2__3__"},
		{name: "first part blank", secret: encodeSecret("__1__2__3"), want: "FF__1__2__3__"},
		{name: "device with separator", secret: encodeSecret("a__1__2__3__my__device_1234"), want: "FF__1__2__3__"},
		{name: "no numbers", secret: encodeSecret("a__acc__pro__env__d"), want: "FF__acc__pro__env__"},
		{name: "parts are taken as they are", secret: encodeSecret("a__ 01 __+2__0__d"), want: "FF__ 01 __+2__0__"},
		{name: "not ASCII", secret: encodeSecret("a__1__2__环境__d"), want: "FF__1__2__环境__"},
		{name: "plus and slash in Base64", secret: encodeSecret("~~~???__1__2__3__d"), want: "FF__1__2__3__"},

		{name: "empty"},
		{name: "padding only", secret: "=="},
		{name: "too much padding", secret: testSecret + "="},
		{name: "padding where enough is", secret: encodeSecret("a__1__2__3__x") + "="},
		{name: "padding where none is due", secret: encodeSecret("a__1__2__3__") + "="},
		{name: "four characters of padding where none is due", secret: encodeSecret("a__1__2__3__") + "===="},
		{name: "padding inside", secret: encodeSecret("a__1") + encodeSecret("__2__3__d")},
		{name: "cut", secret: testSecret[:69]},
		{name: "bits left over", secret: testSecret[:69] + "R"},
		{name: "space before", secret: " " + testSecret},
		{name: "line break after", secret: testSecret + "\n"},
		// These would be whole secrets to a decoder that skips line breaks.
		{name: "line break inside", secret: testSecret[:20] + "\n" + testSecret[20:70]},
		{name: "carriage return inside", secret: testSecret[:20] + "\r" + testSecret[20:70]},
		{name: "line breaks inside", secret: testSecret[:20] + "\r\n\r\n" + testSecret[20:]},
		{name: "line breaks before the padding", secret: testSecret[:70] + "\n\n\n\n=="},
		{name: "URL alphabet", secret: base64.URLEncoding.EncodeToString([]byte("~~~???__1__2__3__d"))},
		{name: "not UTF-8", secret: encodeSecret("a__1__2__3__\xff")},
		{name: "three parts", secret: encodeSecret("a__1__2")},
		{name: "single underscores", secret: encodeSecret("a_1_2_3_d")},
		{name: "blank account", secret: encodeSecret("a____2__3__d")},
		{name: "blank project", secret: encodeSecret("a__1__ \t__3__d")},
		{name: "blank environment", secret: encodeSecret("a__1__2__")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := flagIDPrefix(test.secret)
			if got != test.want || (err == nil) != (test.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, test.want)
			}
			if err != nil {
				testkit.CheckHidden(t, err, test.secret)
			}
		})
	}
}

func TestFlagIDPrefixErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	texts := make(map[string]bool)
	for _, secret := range []string{"", "?", encodeSecret("\xff"), encodeSecret("a__b"), encodeSecret("a____b__c")} {
		_, err := flagIDPrefix(secret)
		if err == nil {
			t.Fatalf("%q is accepted", secret)
		}
		texts[err.Error()] = true
	}
	if len(texts) != 5 {
		t.Errorf("got %d messages for 5 kinds of mistakes: %v", len(texts), texts)
	}
}

func FuzzFlagIDPrefix(f *testing.F) {
	for _, seed := range []string{testSecret, "", "====", encodeSecret("a__1__2__3"), encodeSecret("a____ __3"), "not Base64 at all"} {
		f.Add(seed)
	}
	constant := make(map[string]bool)
	for _, secret := range []string{"", "?", encodeSecret("\xff"), encodeSecret("a__b"), encodeSecret("a____b__c")} {
		_, err := flagIDPrefix(secret)
		constant[err.Error()] = true
	}
	f.Fuzz(func(t *testing.T, secret string) {
		prefix, err := flagIDPrefix(secret)
		if err != nil {
			// A text that does not depend on the secret cannot hold any of it.
			if prefix != "" || !constant[err.Error()] {
				t.Fatalf("got %q and an unexpected error: %v", prefix, err)
			}
			return
		}
		key, ok := reader{prefix}.flagKey(prefix + "key")
		if !ok || key != "key" || !strings.HasPrefix(prefix, "FF__") || !strings.HasSuffix(prefix, "__") {
			t.Fatalf("prefix %q", prefix)
		}
	})
}

func TestPadSecret(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, secret, want string }{
		{name: "whole", secret: testSecret, want: testSecret},
		{name: "no padding", secret: strings.TrimRight(testSecret, "="), want: testSecret},
		{name: "half of the padding", secret: strings.TrimSuffix(testSecret, "="), want: testSecret},
		{name: "one character of padding", secret: "YV9fMV9fMl9fMzM", want: "YV9fMV9fMl9fMzM="},
		{name: "none due", secret: "YV9fMV9fMl9f", want: "YV9fMV9fMl9f"},
		{name: "empty"},
		{name: "cut, and no secret any more", secret: "YV9fM", want: "YV9fM==="},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := padSecret(test.secret); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
