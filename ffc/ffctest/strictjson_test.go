package ffctest

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// FuzzTrackBody looks for bodies that break the validator, for bodies it takes
// that are no JSON array, and for events that are neither kept nor counted.
func FuzzTrackBody(f *testing.F) {
	f.Add([]byte(`[{"user":{"keyId":"u1"},"userVariations":[{"featureFlagKeyName":"f","sendToExperiment":true,` +
		`"timestamp":1662595200123,"variation":{"localId":1,"variationValue":"true"}}]}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		items, err := platformserver.ParseEvents[[]*platformserver.ClassicItem](body)
		if err != nil {
			return
		}
		if !json.Valid(body) || !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")) {
			t.Errorf("accepted %q", body)
		}
		for _, item := range items {
			kept, dropped := classicEvents(item, time.UnixMilli(1))
			held := 1
			if item != nil && len(item.Evaluations)+len(item.Metrics) > 0 {
				held = len(item.Evaluations) + len(item.Metrics)
			}
			if len(kept)+dropped != held {
				t.Errorf("%d kept and %d dropped of %d in %q", len(kept), dropped, held, body)
			}
			for _, e := range kept {
				if e.UserKey == "" {
					t.Errorf("kept %+v without a user", e)
				}
			}
		}
	})
}
