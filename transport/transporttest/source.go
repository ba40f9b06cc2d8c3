package transporttest

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Source is a transport under test and the source of its data: a platform, a
// file, a cache. Run makes a new Source for each rule, and calls its functions
// from one goroutine.
type Source struct {
	// Transport is under test. With Run, set its intervals, timeouts and pauses
	// as short as is safe on a busy machine. With RunSynctest, the defaults will
	// do.
	Transport transport.Transport
	// Env is passed to Transport.Open. Run sets Store and Logger. Defaults:
	// EnvSecret is a secret of the kit's, Platform "classic", BaseURL and
	// StreamingURL are addresses that do not exist, HTTPClient rejects all
	// requests.
	Env transport.Env
	// Publish makes message the data of the source, all of it. Requests that
	// arrive after Publish returns get it. A source that pushes sends it to open
	// connections. message is a full data-sync message of Env.Platform with one
	// flag, which is newer in each message. Publish must not change its bytes.
	Publish func(message []byte)
	// Fail breaks the source until restore is called: requests fail, and open
	// connections end.
	Fail func() (restore func())
	// Stall makes requests for data wait until resume is called. asked is
	// buffered, and receives a value for each such request when the source has
	// received the request. Open connections push nothing meanwhile. Nil skips
	// TakesMarkBeforeAsking, EndsWhileAsking and BoundsRefresh.
	Stall func() (asked <-chan struct{}, resume func())
	// Pushes is true if Publish makes the source send the message on open
	// connections without a request. False skips PassesNoMarkWithPushes.
	Pushes bool
	// Reject makes the source reject the secret from now on. Nil skips
	// StopsWhenRejected.
	Reject func()
	// Timeout is how long a rule waits for the session. It is a limit for
	// sessions that are broken: rules do not wait longer than they must. 0 is
	// 20 s, and 24 h of fake time with RunSynctest.
	Timeout time.Duration
}

// Run checks each rule of the contract in a parallel subtest of its own.
// newSource is called once for each rule; it stops t if that fails, and can use
// t.Cleanup.
func Run(t *testing.T, newSource func(t testing.TB) Source) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			check(t, rule, newSource, false)
		})
	}
}

// RunSynctest is Run with each rule in a bubble of package testing/synctest: the
// clock is fake, and rules also wait long enough to see timers that a session
// left behind. The source must not use sockets or anything else that leaves the
// bubble; net.Pipe is fine.
func RunSynctest(t *testing.T, newSource func(t testing.TB) Source) {
	t.Helper()
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { check(t, rule, newSource, true) })
		})
	}
}

const (
	timeout     = 20 * time.Second
	fakeTimeout = 24 * time.Hour
	// secret has the shape of a classic secret, and characters that URLs escape.
	secret = "ZDJmLTQxYWEtNCUyMDIy+/DEwMTAwMDAwMF9fMTFfXzIyX18zM19fPj8/Pj4/P18+OWMwZGU="
)

// check checks one rule.
func check(t testing.TB, r rule, newSource func(testing.TB) Source, fake bool) {
	t.Helper()
	s := newSource(t)
	if s.Transport == nil || s.Publish == nil || s.Fail == nil {
		t.Fatal("transporttest: the source has no Transport, Publish or Fail: set them")
	}
	if s.Timeout == 0 {
		s.Timeout = timeout
		if fake {
			s.Timeout = fakeTimeout
		}
	}
	env := &s.Env
	if env.EnvSecret.Reveal() == "" {
		env.EnvSecret = transport.NewSecret(secret)
	}
	setDefault(&env.Platform, registry.Default().Name)
	setDefault(&env.BaseURL, "http://platform.invalid")
	setDefault(&env.StreamingURL, "ws://platform.invalid")
	if env.HTTPClient == nil {
		env.HTTPClient = &http.Client{Transport: unreachable{}}
	}
	log := &logBuffer{}
	env.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	k := &kit{TB: t, source: s, fake: fake, log: log, client: *env.HTTPClient, label: newLabel()}
	k.store = k.newStore()
	defer k.finish()
	r.check(k)
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}

// unreachable is the HTTP transport of sources that have no server.
type unreachable struct{}

// RoundTrip implements http.RoundTripper.
func (unreachable) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("transporttest: Source.Env.HTTPClient is not set")
}

// firstVersion is the version of the first message, in Unix milliseconds.
const firstVersion = 1767225600000

// message returns a full message with one flag of a version.
func message(platform ffctest.Platform, version int64) []byte {
	return platform.Snapshot(ffctest.Flag("transporttest").Variations(fmt.Sprint("v", version)).Version(version))
}
