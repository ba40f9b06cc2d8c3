package registry

import (
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// A secret that was pasted with something around it gets an error that names
// exactly that, whatever the platform, and tells nothing of the secret.
func TestPastedSecrets(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{testSecret, featBitSecret, "of-a-platform-to-come"} {
		for _, test := range []struct{ pasted, want string }{
			{secret + "\n", "has a line break at the end: expected"},
			{secret + "\r\n", "has a line break at the end: expected"},
			{"\n" + secret, "has a line break in front: expected"},
			{`"` + secret + `"`, "has quotes around it: expected"},
			{"'" + secret + "'", "has quotes around it: expected"},
			{"\u201c" + secret + "\u201d", "has quotes around it: expected"},
			{" " + secret, "has a blank in front: expected"},
			{secret + "\t", "has a blank at the end: expected"},
			{"\u00a0" + secret, "has a blank in front: expected"},
			{"Bearer " + secret, `has "Bearer " in front: expected`},
			{"bearer  " + secret, `has "Bearer " in front: expected`},
			{"\ufeff" + secret, "has a byte-order mark in front: expected"},
			{"FFC_ENV_SECRET=" + secret, `has a name and "=" in front: expected`},
			{`FFC_ENV_SECRET="` + secret + "\"\n", `has a line break at the end and a name and "=" in front and quotes around it: expected`},
			{secret[:9] + "\n" + secret[9:], "has a line break inside: expected"},
			{secret[:9] + "\u200b" + secret[9:], "has the invisible character U+200B inside: expected"},
		} {
			for _, platform := range []string{"", classic.Name, featbit.Name} {
				_, _, err := CodecFor(platform, test.pasted)
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("platform %q, %q: got %v, want %q", platform, test.pasted, err, test.want)
				} else if strings.Contains(err.Error(), secret[:5]) {
					t.Errorf("the error tells the secret: %v", err)
				}
			}
		}
	}
}

// Only a secret that is one without the blank was pasted with it.
func TestBlankInsidePastedSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{testSecret, featBitSecret} {
		if _, _, err := CodecFor("", secret[:9]+" "+secret[9:]); err == nil || !strings.Contains(err.Error(), "has a blank inside: expected") {
			t.Errorf("got %v", err)
		}
	}
	if _, _, err := CodecFor("", "not a secret"); err == nil || !strings.Contains(err.Error(), "fits no platform") {
		t.Errorf("got %v", err)
	}
}

func TestNothingButBlanksIsNoPastedSecret(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{" ", "\n", `""`, "\ufeff"} {
		if _, _, err := CodecFor("", secret); err == nil || !strings.Contains(err.Error(), "missing secret") {
			t.Errorf("%q: got %v", secret, err)
		}
	}
}
