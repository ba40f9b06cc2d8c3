// Package ffc adapts this repository's SDK, for both platforms. Its own row is the classic one; that of FeatBit is peers/ffcfeatbit.
package ffc

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// burst is how many events are queued before the clock is stopped to drain: so
// many that starting a goroutine for each core takes no part of the time.
const burst = 100_000

// Platform is a platform, whose data the SDK is fed.
type Platform struct {
	encode func(*fixture.Dataset) ([]byte, error)
	secret string
}

// Classic is featureflag.co.
func Classic() Platform { return Platform{fixture.Classic, fixture.EnvSecret} }

// FeatBit is its successor.
func FeatBit() Platform { return Platform{fixture.FeatBit, fixture.FeatBitEnvSecret} }

// Peer returns the row of a platform.
func (p Platform) Peer() sdk.Peer[ffc.User] {
	return sdk.Peer[ffc.User]{Encode: p.encode, Open: p.Open, Events: true, Burst: burst}
}

type client struct{ c *ffc.Client }

// Open starts the SDK on a snapshot. With events it is a client as in
// production, whose transport has nothing new to say.
func (p Platform) Open(cfg sdk.Config) (sdk.Client[ffc.User], error) {
	snapshot, err := os.ReadFile(cfg.Snapshot)
	if err != nil {
		return nil, err
	}
	conf := ffc.Config{Bootstrap: snapshot, Offline: !cfg.Events, Logger: quiet()}
	if cfg.Events {
		conf.EnvSecret, conf.BaseURL, conf.StartWait = p.secret, cfg.Sink, -1
		conf.Transport = silent{}
	}
	if cfg.Full {
		conf.Events = flush.Config{Interval: -1}
		conf.HTTPClient = &http.Client{Transport: accept{}}
	}
	if cfg.Keep {
		conf.Events = flush.Config{Interval: -1, Capacity: 2 * burst, BatchSize: 1000}
		conf.HTTPClient = &http.Client{Transport: accept{}}
	}
	return open(conf)
}

// OpenPolling starts the SDK on demand, on the classic platform whose base URL
// is in place of a snapshot.
func OpenPolling(cfg sdk.Config) (sdk.Client[ffc.User], error) {
	return open(ffc.Config{EnvSecret: fixture.EnvSecret, BaseURL: cfg.Snapshot, Transport: &poll.Transport{}, Logger: quiet()})
}

func open(conf ffc.Config) (sdk.Client[ffc.User], error) {
	c, err := ffc.New(context.Background(), conf)
	if err != nil {
		return nil, err
	}
	return client{c}, nil
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func (c client) User(u fixture.User) ffc.User {
	return ffc.NewUser(u.Key, ffc.Name(u.Name), ffc.Email(u.Email), ffc.Country(u.Country), ffc.String("plan", u.Plan), ffc.Int("age", int64(u.Age)))
}

func (c client) Bool(flag string, user ffc.User) bool {
	return c.c.BoolVariation(context.Background(), flag, user, false)
}

func (c client) All(user ffc.User) int {
	return len(c.c.AllVariations(context.Background(), user).Keys())
}

func (c client) Close() { _ = c.c.Close(context.Background()) }

// Drain implements sdk.Drainer.
func (c client) Drain() { _ = c.c.Flush(context.Background()) }

// silent is a transport that works in the background and says nothing.
type silent struct{}

func (silent) Open(transport.Env) (transport.Session, error) { return silent{}, nil }

func (silent) Stats() transport.Stats { return transport.Stats{} }

func (silent) Run(ctx context.Context) { <-ctx.Done() }

// accept takes every request at once.
type accept struct{}

func (accept) RoundTrip(r *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, r.Body)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
}
