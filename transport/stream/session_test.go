package stream_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// secret has the characters of Base64 that mean something in a URL.
const secret = "ZDJmLTQxYWEtNCUyMDIy+/DEwMTAwMDAwMF9fMTFfXzIyX18zM19fPj8/Pj4/P18+OWMwZGU="

// event is a call of a store.
type event struct {
	at      time.Time
	what    string // "full", "patch", "confirmed", "interrupted", "off", "fallback true", "fallback false"
	err     error
	message []byte
	asked   transport.Mark
}

// store is a transport.Store that remembers its calls.
type store struct {
	t       *testing.T
	timeout time.Duration
	events  chan event
	onApply func() error // if set, called by Apply; an error is its result
	empty   bool         // there is no data, whatever comes

	mu    sync.Mutex
	marks transport.Mark
	calls []event
	held  transport.Applied // what becomes of each message
}

// hold has the store hold something of each message.
func (s *store) hold(applied transport.Applied) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = applied
}

func (s *store) add(e event) {
	e.at = time.Now()
	s.mu.Lock()
	s.calls = append(s.calls, e)
	s.mu.Unlock()
	s.events <- e
}

func (s *store) Version() int64 {
	if s.empty {
		return 0
	}
	return version
}

// version is that of the data in a store.
const version = 1662595200123

func (s *store) Mark() transport.Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.marks
}

func (s *store) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	if s.onApply != nil {
		if err := s.onApply(); err != nil {
			return transport.Applied{}, err
		}
	}
	if bytes.Contains(message, []byte(`"unusable"`)) {
		return transport.Applied{}, &transport.Error{Kind: transport.KindData, Err: errors.New("unusable")}
	}
	s.mu.Lock()
	s.marks++
	applied := s.held
	s.mu.Unlock()
	e := event{what: "patch", message: message, asked: asked}
	if bytes.Contains(message, []byte(`"full"`)) {
		e.what = "full"
	}
	s.add(e)
	applied.Full = e.what == "full"
	return applied, nil
}

func (s *store) ApplyAsOf(message []byte, asked transport.Mark, _ time.Time) (transport.Applied, error) {
	return s.Apply(message, asked)
}
func (s *store) ConfirmAsOf(asOf time.Time) {
	s.add(event{what: "confirmed as of " + asOf.UTC().Format(time.RFC3339)})
}
func (s *store) Confirm()              { s.add(event{what: "confirmed"}) }
func (s *store) Interrupted(err error) { s.add(event{what: "interrupted", err: err}) }
func (s *store) Off(err error)         { s.add(event{what: "off", err: err}) }
func (s *store) Fallback(active bool)  { s.add(event{what: fmt.Sprintf("fallback %t", active)}) }

// await returns the next call of some kind, skipping others.
func (s *store) await(what string) event {
	s.t.Helper()
	late := time.After(s.timeout)
	for {
		select {
		case e := <-s.events:
			if e.what == what {
				return e
			}
		case <-late:
			s.t.Fatalf("the store is not told %q", what)
		}
	}
}

// awaitError is await for a call with an error, which it checks.
func (s *store) awaitError(what string, kind transport.Kind, text string) event {
	s.t.Helper()
	e := s.await(what)
	var typed *transport.Error
	if !errors.As(e.err, &typed) {
		s.t.Fatalf("%s: got %T %v, want a *transport.Error", what, e.err, e.err)
	}
	if typed.Kind != kind || !strings.Contains(e.err.Error(), text) {
		s.t.Errorf("%s: got %q, want kind %q and %q", what, e.err, kind, text)
	}
	return e
}

// count returns how often the store was told something so far.
func (s *store) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.calls {
		if e.what == what {
			n++
		}
	}
	return n
}

// session is a session under test.
type session struct {
	t      *testing.T
	p      *platform
	store  *store
	http   *http.Client // of the client, whose requests are watched
	stats  func() transport.Stats
	runner transport.Runner // nil on demand
	stop   context.CancelFunc
	done   chan struct{}
	log    *testkit.Log

	refresher transport.Refresher // nil but on demand
}

// open makes a session that does not run yet.
func open(t *testing.T, p *platform, settings stream.Transport) *session {
	t.Helper()
	s := &session{
		t: t, p: p, done: make(chan struct{}), log: &testkit.Log{},
		store: &store{t: t, timeout: p.timeout, events: make(chan event, 1<<14)},
		http:  httpclient.NewPool(p.http, nil).Client(),
	}
	opened, err := settings.Open(transport.Env{
		EnvSecret:    transport.NewSecret(secret),
		Platform:     cmp.Or(p.name, "classic"),
		BaseURL:      "http" + strings.TrimPrefix(p.url, "ws"),
		StreamingURL: p.url,
		HTTPClient:   s.http,
		Logger:       slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Store:        s.store,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.stats = opened.Stats
	if settings.OnDemand {
		s.refresher = opened.(transport.Refresher)
	} else {
		s.runner = opened.(transport.Runner)
	}
	return s
}

// start makes a session and runs it until the end of the test.
func start(t *testing.T, p *platform, settings stream.Transport) *session {
	t.Helper()
	s := open(t, p, settings)
	s.run()
	return s
}

func (s *session) run() {
	ctx, cancel := context.WithCancel(s.t.Context())
	s.stop = cancel
	go func() {
		defer close(s.done)
		s.runner.Run(ctx)
	}()
	s.t.Cleanup(func() {
		s.close()
		s.checkSecrecy()
	})
}

// close ends the session and returns how long that took.
func (s *session) close() time.Duration {
	s.t.Helper()
	begin := time.Now()
	s.stop()
	s.ended()
	return time.Since(begin)
}

// ended waits until Run has returned.
func (s *session) ended() {
	s.t.Helper()
	select {
	case <-s.done:
	case <-time.After(s.p.timeout):
		s.t.Fatal("Run does not return")
	}
}

// ready accepts a connection and answers its request for data.
func (s *session) ready() *peer {
	s.t.Helper()
	c := s.p.accept().upgrade()
	c.expect(opText, syncRequest)
	c.send(full)
	s.store.await("confirmed")
	return c
}

// checkSecrecy fails the test if anything said holds the secret or a token.
func (s *session) checkSecrecy() {
	s.t.Helper()
	var said strings.Builder
	said.WriteString(s.log.String())
	s.store.mu.Lock()
	for _, e := range s.store.calls {
		if e.err != nil {
			said.WriteString(e.err.Error() + "\n")
		}
	}
	s.store.mu.Unlock()
	checkSecrecy(s.t, s.p, said.String())
}

func checkSecrecy(t *testing.T, p *platform, said string) {
	t.Helper()
	text := strings.TrimRight(secret, "=")
	hidden := []string{text, text[:20], text[len(text)-20:], "token="}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, token := range p.tokens {
		hidden = append(hidden, token, url.QueryEscape(token))
	}
	for _, h := range hidden {
		if strings.Contains(said, h) {
			t.Errorf("a text holds %q:\n%s", h, said)
		}
	}
}

// checkNothingRuns fails the test if a goroutine of this bubble is in the
// package, in what it uses or in one of the packages given. Run must have
// returned.
func checkNothingRuns(t *testing.T, packages ...string) {
	t.Helper()
	for _, stack := range running(t, append(packages, "/transport/stream.", "/internal/ondemand.", "coder/websocket.")...) {
		t.Errorf("still running:\n%s", stack)
	}
}

// running returns the stacks of this bubble's goroutines that are in one of the
// packages, once all of them wait.
func running(t *testing.T, packages ...string) (stacks []string) {
	t.Helper()
	synctest.Wait()
	self := make([]byte, 1<<10)
	header, _, _ := strings.Cut(string(self[:runtime.Stack(self, false)]), "\n")
	_, mark, ok := strings.Cut(header, "synctest bubble ")
	if !ok {
		t.Fatalf("not in a bubble: %s", header)
	}
	mark = "synctest bubble " + strings.TrimRight(mark, "]:")
	all := make([]byte, 1<<22)
	for stack := range strings.SplitSeq(string(all[:runtime.Stack(all, true)]), "\n\n") {
		header, rest, _ := strings.Cut(stack, "\n")
		inBubble := strings.Contains(header, mark+"]") || strings.Contains(header, mark+",")
		if inBubble && slices.ContainsFunc(packages, func(name string) bool { return strings.Contains(rest, name) }) {
			stacks = append(stacks, stack)
		}
	}
	return stacks
}

// checkBetween checks a time span, the upper bound excluded.
func checkBetween(t *testing.T, what string, got, from, to time.Duration) {
	t.Helper()
	if got < from || got >= to {
		t.Errorf("%s: got %v, want at least %v and less than %v", what, got, from, to)
	}
}

func checkExactly(t *testing.T, what string, got, want time.Duration) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
