package registry

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
)

func TestProtocolOf(t *testing.T) {
	t.Parallel()
	d, err := ProtocolOf(classic.Name)
	if err != nil || d.Name != classic.Name || d.SecretHeader != "envSecret" || d.EventsPath != "/api/public/track" {
		t.Errorf("got %+v, %v", d, err)
	}
	for _, name := range []string{"", "Classic", "other"} {
		if d, err := ProtocolOf(name); d != nil || err == nil {
			t.Errorf("%q: got %v, %v", name, d, err)
		}
	}
}
