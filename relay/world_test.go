package relay_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	environment = fleetkit.Environment
	secret      = fleetkit.Secret
)

func TestMain(m *testing.M) { testkit.Main(m, 0) }

// featBit is the platform of a test.
type featBit struct{ *fleetkit.Platform }

func newPlatform() *featBit { return &featBit{fleetkit.NewPlatform()} }

// publisher returns a publisher that polls the platform each second.
func (p *featBit) publisher(b fleet.Backend) *relay.Publisher {
	cfg := p.Config()
	cfg.Transport = &poll.Transport{Interval: time.Second, Resync: 30 * time.Second, FullResync: 5 * time.Minute}
	return &relay.Publisher{Config: cfg, Backend: b}
}

// started is a publisher that runs.
type started struct {
	*relay.Publisher
	cancel context.CancelFunc
	done   chan error
}

func start(p *relay.Publisher) *started {
	ctx, cancel := context.WithCancel(context.Background())
	s := &started{p, cancel, make(chan error, 1)}
	go func() { s.done <- p.Run(ctx) }()
	return s
}

// stop ends the publisher in good order.
func (s *started) stop() {
	s.cancel()
	<-s.done
}

// inBubble runs a test in a bubble, with a platform of one flag, "flag", that is
// on, and an engine in memory.
func inBubble(t *testing.T, test func(t *testing.T, p *featBit, m *fleettest.Memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		p.Set("flag", true)
		time.Sleep(time.Minute)
		test(t, p, new(fleettest.Memory))
	})
}

// headIn returns the head in an engine; nil if it is missing.
func headIn(t testing.TB, b fleet.Backend) *fleetdata.Head {
	t.Helper()
	h, _, err := fleetkit.Head(context.Background(), b)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		t.Fatal(err)
	}
	return h
}

// oldIn returns the list of earlier bodies.
func oldIn(t testing.TB, b fleet.Backend) fleetdata.OldList {
	t.Helper()
	list, err := fleetkit.Old(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// reader returns a client that reads an engine. It must be closed.
func reader(t testing.TB, backends ...fleet.Backend) *ffc.Client {
	t.Helper()
	client, err := fleetkit.NewReader(t.Context(), &fleet.Transport{Backends: backends, MaxAge: time.Second}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// expect reads the engine and checks a flag.
func expect(t testing.TB, b fleet.Backend, key string, want bool) {
	t.Helper()
	client := reader(t, b)
	defer client.Close(context.Background())
	if d := client.BoolVariationDetail(t.Context(), key, ffc.NewUser("u"), !want); d.Value != want {
		t.Errorf("%s is %v (%v), want %v; status %+v", key, d.Value, d.Reason, want, client.Status())
	}
}

// wait sleeps, and lets all goroutines come to rest.
func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
