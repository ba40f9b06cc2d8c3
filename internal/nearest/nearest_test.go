package nearest

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"checkout", "checkout-v2", "Banner", "new-checkout-page", "eu"}
	for name, want := range map[string][]string{
		"chekout":    {"checkout"},
		"checkuot":   {"checkout"},
		"banner":     {"Banner"},
		"checkout-":  {"checkout", "checkout-v2", "new-checkout-page"},
		"check":      {"checkout", "checkout-v2", "new-checkout-page"},
		"ue":         {"eu"},
		"us":         nil,
		"something":  nil,
		"":           nil,
		"größe":      nil,
		"checkout-V": {"checkout-v2", "checkout"},
	} {
		if got := Names(name, names); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"é", "e", 1}, {"abcd", "acbd", 1}} {
		if got := distance(test.a, test.b); got != test.want {
			t.Errorf("%q, %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
