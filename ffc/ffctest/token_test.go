package ffctest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
)

// makeToken writes a token the way clients do.
func makeToken(secret string, position int, stamp string) string {
	letters := func(digits string) string {
		return strings.Map(func(r rune) rune { return rune("QBWSPHDXZU"[r-'0']) }, digits)
	}
	text := strings.TrimRight(secret, "=")
	return letters(fmt.Sprintf("%03d%02d", position, len(stamp))) + text[:position] + letters(stamp) + text[position:]
}

func TestParseToken(t *testing.T) {
	t.Parallel()
	const tail = "IyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ"
	secretOf := func(parts string) string { // parts of 3 bytes a group need no padding
		return map[string]string{
			"x__11__22__33":         "eF9fMTFfXzIyX18zMw==",
			"x__0__22__33":          "eF9fMF9fMjJfXzMz",
			"x__11__-22__33__d_d":   "eF9fMTFfXy0yMl9fMzNfX2RfZA==",
			"x__11__22":             "eF9fMTFfXzIy",
			"x__11__22__4294967329": "eF9fMTFfXzIyX180Mjk0OTY3MzI5",
		}[parts]
	}
	tests := []struct {
		name, token string
		env         flagjson.Classic
		issued      int64
		ok          bool
	}{
		{"position 17", "QBXBSZDJmLTQxYWEtNCUyMBDDWHUHWQQBWSD" + tail, flagjson.TestClassic(), 1662595200123, true},
		{"position 2", "QQWBSZDBDDWHUHWQQBWSJmLTQxYWEtNCUyMD" + tail, flagjson.TestClassic(), 1662595200123, true},
		{"position 69", "QDUBSZDJmLTQxYWEtNCUyMD" + tail[:len(tail)-1] + "BDDWHUHWQQBWSQ", flagjson.TestClassic(), 1662595200123, true},
		{"at the end", makeToken(EnvSecret, 70, "1662595200123"), flagjson.TestClassic(), 1662595200123, true},
		{"position 1", makeToken(EnvSecret, 1, "5"), flagjson.TestClassic(), 5, true},
		{"four parts", makeToken(secretOf("x__11__22__33"), 2, "12"), flagjson.Classic{Account: 11, Project: 22, ID: 33}, 12, true},
		{"negative part", makeToken(secretOf("x__11__-22__33__d_d"), 2, "12"), flagjson.Classic{Account: 11, Project: -22, ID: 33}, 12, true},

		{"position 0", makeToken(EnvSecret, 0, "1662595200123"), flagjson.Classic{}, 0, false},
		{"part 0", makeToken(secretOf("x__0__22__33"), 2, "12"), flagjson.Classic{}, 0, false},
		{"part of 33 bits", makeToken(secretOf("x__11__22__4294967329"), 2, "12"), flagjson.Classic{}, 0, false},
		{"three parts", makeToken(secretOf("x__11__22"), 2, "12"), flagjson.Classic{}, 0, false},
		{"no time", makeToken(EnvSecret, 5, ""), flagjson.Classic{}, 0, false},
		{"20 digits", makeToken(EnvSecret, 5, "99999999999999999999"), flagjson.Classic{}, 0, false},
		{"empty", "", flagjson.Classic{}, 0, false},
		{"header only", "QQWBS", flagjson.Classic{}, 0, false},
		{"position is no number", "QAWBSZD", flagjson.Classic{}, 0, false},
		{"position in lower case", strings.Replace(makeToken(EnvSecret, 17, "1662595200123"), "QBX", "qbx", 1), flagjson.Classic{}, 0, false},
		{"plain digits", "01713ZDJmLTQxYWEtNCUyM1662595200123D" + tail, flagjson.Classic{}, 0, false},
		{"position beyond the end", "UUUBSZDJmLTQxYWEtNCUyMBDDWHUHWQQBWSD" + tail, flagjson.Classic{}, 0, false},
		{"length beyond the end", "QDUUUZDJmLTQxYWEtNCUyMBDDWHUHWQQBWSD" + tail, flagjson.Classic{}, 0, false},
		{"plus arrived as space", strings.Replace(makeToken("eF9f+TFfXzIyX18zMw==", 2, "12"), "+", " ", 1), flagjson.Classic{}, 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			env, issued, err := parseToken(tt.token)
			if (err == nil) != tt.ok || env != tt.env || issued != tt.issued {
				t.Errorf("got %v, %d, %v, want %v, %d, %v", env, issued, err, tt.env, tt.issued, tt.ok)
			}
		})
	}
}

func TestSecretOfAnEnvironment(t *testing.T) {
	t.Parallel()
	for _, env := range []flagjson.Classic{flagjson.TestClassic(), {Account: 1, Project: 2, ID: 3}, {Account: 7389, Project: 1, ID: 9942}, {Account: -1, Project: 2147483647, ID: -2147483648}} {
		if got, ok := parseSecret(classicSecret(env)); !ok || got != env {
			t.Errorf("got %v, %v from the secret of %v", got, ok, env)
		}
		if got, key, ok := flagjson.ParseFlagID(env.FlagID("a__b")); !ok || got != env || key != "a__b" {
			t.Errorf("got %v, %q, %v from an id of %v", got, key, ok, env)
		}
	}
}

// FuzzToken looks for tokens that break the decoder, and for honest ones that it
// does not understand.
func FuzzToken(f *testing.F) {
	f.Add(makeToken(EnvSecret, 17, "1662595200123"), uint8(17), uint64(1662595200123))
	f.Fuzz(func(t *testing.T, token string, position uint8, stamp uint64) {
		if env, issued, err := parseToken(token); err == nil {
			if issued < 0 {
				t.Errorf("%q was issued at %d", token, issued)
			}
			if env.Account == 0 || env.Project == 0 || env.ID == 0 {
				t.Errorf("%q is of environment %v", token, env)
			}
		}
		at, when := int(position%70)+1, int64(stamp>>1)
		env, issued, err := parseToken(makeToken(EnvSecret, at, fmt.Sprint(when)))
		if err != nil || env != flagjson.TestClassic() || issued != when {
			t.Errorf("got %v, %d, %v for position %d, time %d", env, issued, err, at, when)
		}
	})
}
