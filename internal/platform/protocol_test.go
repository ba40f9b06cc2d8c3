package platform

import (
	"encoding/json"
	"testing"
)

func TestProtocolOf(t *testing.T) {
	t.Parallel()
	d, err := ProtocolOf(ClassicName)
	if err != nil || d.Name != ClassicName || d.SecretHeader != "envSecret" || d.EventsPath != "/api/public/track" {
		t.Errorf("got %+v, %v", d, err)
	}
	for _, name := range []string{"", "Classic", "other"} {
		if d, err := ProtocolOf(name); d != nil || err == nil {
			t.Errorf("%q: got %v, %v", name, d, err)
		}
	}
}

// TestRequests holds the two messages that are sent against protocol
// reference, section 3.2.
func TestRequests(t *testing.T) {
	t.Parallel()
	for version, want := range map[int64]string{
		0:             `{"messageType":"data-sync","data":{"timestamp":0}}`,
		1662595200007: `{"messageType":"data-sync","data":{"timestamp":1662595200007}}`,
	} {
		if got := SyncRequest(version); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for ping, want := range map[string]string{
		Classic().Ping: `{"messageType":"ping","data":null}`,
		FeatBit().Ping: `{"messageType":"ping","data":{}}`,
	} {
		if ping != want || !json.Valid([]byte(ping)) {
			t.Errorf("ping is %s, want %s", ping, want)
		}
	}
}
