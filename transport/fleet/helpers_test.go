package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

const (
	environment = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
	ms          = time.Millisecond
)

// data is the data of an environment with one flag, whose variations are "on" and
// "off".
func data(variation string, second int) []byte {
	return fmt.Appendf(nil, `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[{"id":"1","key":"flag","name":"flag",`+
		`"updatedAt":"2026-01-01T00:00:%02dZ","isEnabled":false,"isArchived":false,"variationType":"string","disabledVariationId":%q,`+
		`"variations":[{"id":"on","value":"on"},{"id":"off","value":"off"}],"targetUsers":[],"rules":[],"fallthrough":{"variations":[]}}],"segments":[]}}`,
		second, variation)
}

// headOf returns a head for data that the platform confirms now.
func headOf(lineage string, revision, beat int64, data []byte) *fleetdata.Head {
	h := &fleetdata.Head{
		Format: 1, Environment: environment, Platform: "featbit", Lineage: lineage, Revision: revision, Beat: beat, Every: 5,
		AsOf: time.Now(), Owner: "replica",
	}
	fleetdata.Pack(data).Describe(h, 1)
	return h
}

// write writes a body in chunks, and the head that names it.
func write(t testing.TB, b fleet.Backend, h *fleetdata.Head, data []byte, most int) {
	t.Helper()
	body := fleetdata.Pack(data)
	chunks := body.Chunks(most)
	for i, chunk := range chunks {
		if err := b.Put(t.Context(), fleetdata.ChunkName(environment, body.Sum, i), chunk); err != nil {
			t.Fatal(err)
		}
	}
	body.Describe(h, len(chunks))
	writeHead(t, b, h)
}

// writeHead replaces the head.
func writeHead(t testing.TB, b fleet.Backend, h *fleetdata.Head) {
	t.Helper()
	text, err := h.Encode()
	if err != nil {
		t.Fatal(err)
	}
	writeRaw(t, b, text)
}

func writeRaw(t testing.TB, b fleet.Backend, text []byte) {
	t.Helper()
	name := fleetdata.Name(environment, fleetdata.HeadObject)
	_, tag, err := b.Get(t.Context(), name)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		t.Fatal(err)
	}
	if _, err = b.Swap(t.Context(), name, text, tag); err != nil {
		t.Fatal(err)
	}
}

// reader is a client that reads.
type reader struct {
	*ffc.Client
	t   testing.TB
	log *testkit.Log
}

// newReader returns a client of backends. configure may be nil.
func newReader(t testing.TB, configure func(*fleet.Transport), backends ...fleet.Backend) *reader {
	t.Helper()
	r := &reader{t: t, log: new(testkit.Log)}
	tr := &fleet.Transport{Environment: environment, Backends: backends, MaxAge: time.Second}
	if configure != nil {
		configure(tr)
	}
	client, err := ffc.New(t.Context(), ffc.Config{
		Platform:  ffc.PlatformFeatBit,
		Transport: tr,
		StartWait: time.Second,
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.NewTextHandler(r.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Client = client
	return r
}

func (r *reader) close() { _ = r.Close(context.Background()) }

// refresh reads after some time.
func (r *reader) refresh(after time.Duration) error {
	time.Sleep(after)
	return r.Refresh(r.t.Context())
}

// expect checks what the client has: the variation of the flag, "" for none.
func (r *reader) expect(variation string, state ffc.State, revision int64) {
	r.t.Helper()
	if got := r.Variation(r.t.Context(), "flag", ffc.NewUser("u"), ""); got != variation {
		r.t.Errorf("the flag is %q, want %q", got, variation)
	}
	s := r.Status()
	if s.State != state || s.Source.Revision != revision {
		r.t.Errorf("state %s (%v) with revision %d, want %s with %d", s.State, s.Err, s.Source.Revision, state, revision)
	}
}

// kind returns the kind of the status' error.
func (r *reader) kind() transport.Kind {
	var why *transport.Error
	errors.As(r.Status().Err, &why)
	if why == nil {
		return ""
	}
	return why.Kind
}

// logged returns how often the log has a text.
func (r *reader) logged(text string) int { return strings.Count(r.log.String(), text) }

// down is an engine that does not respond with anything but an error.
func down(err error) fleettest.Fault {
	return func(context.Context, fleettest.Call) error { return err }
}

// hanging is an engine that does not respond.
func hanging(ctx context.Context, _ fleettest.Call) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

var errDown = errors.New("connection refused")
