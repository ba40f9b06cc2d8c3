package platform_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// TestRequests holds the two messages that are sent against protocol
// reference, section 3.2.
func TestRequests(t *testing.T) {
	t.Parallel()
	for version, want := range map[int64]string{
		0:             `{"messageType":"data-sync","data":{"timestamp":0}}`,
		1662595200007: `{"messageType":"data-sync","data":{"timestamp":1662595200007}}`,
	} {
		if got := platform.SyncRequest(version); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	for ping, want := range map[string]string{
		classic.Protocol().Ping: `{"messageType":"ping","data":null}`,
		featbit.Protocol().Ping: `{"messageType":"ping","data":{}}`,
	} {
		if ping != want || !json.Valid([]byte(ping)) {
			t.Errorf("ping is %s, want %s", ping, want)
		}
	}
}

// panicking is a platform.Reader that panics.
type panicking struct{}

func (panicking) Update([]byte, store.Earlier) (*store.Update, []platform.Skipped, error) {
	panic("s3cret")
}
func (panicking) DecodeFlag([]byte) (*model.Flag, error)       { panic("s3cret") }
func (panicking) DecodeSegment([]byte) (*model.Segment, error) { panic("s3cret") }

// TestPanicIsAnError: no message ends the program.
func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	codec := platform.Codec{Protocol: classic.Protocol(), Reader: panicking{}}
	if u, skipped, err := codec.Update(nil); u != nil || skipped != nil || err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v, %v, %v", u, skipped, err)
	}
	if u, _, err := classic.Protocol().CodecOf("").Update([]byte(`{"featureFlags":[]}`)); u == nil || err != nil {
		t.Errorf("got %v, %v", u, err)
	}
}
