package poll_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	secret   = "ZDJmLTQxYWEtNCUyMDIy+/DEwMTAwMDAwMF9fMTFfXzIyX18zM19fPj8/Pj4/P18+OWMwZGU="
	baseURL  = "https://platform.test/prefix"
	plural   = baseURL + "/api/public/sdk/latest-feature-flags"
	singular = baseURL + "/api/public/sdk/latest-feature-flag"
	data     = `{"success":true,"message":"api call success","data":{"featureFlags":[]}}`
	ms       = time.Millisecond
)

// platform answers requests without sockets.
type platform struct {
	t testing.TB
	// name is the platform's name; "" is classic.
	name string

	mu     sync.Mutex
	answer answer
	seen   []*http.Request
	at     []time.Time
}

// answer is what becomes of a request.
type answer func(*http.Request) (*http.Response, error)

func newPlatform(t testing.TB, a answer) *platform { return &platform{t: t, answer: a} }

// RoundTrip implements http.RoundTripper.
func (p *platform) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	answer := p.answer
	p.seen = append(p.seen, r)
	p.at = append(p.at, time.Now())
	p.mu.Unlock()
	return answer(r)
}

// answers changes what becomes of requests.
func (p *platform) answers(a answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = a
}

// requests returns the requests since it was last called.
func (p *platform) requests() (seen []*http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen, p.seen, p.at = p.seen, nil, nil
	return seen
}

// with answers with a status, a body and headers "Name: value".
func with(status int, body string, headers ...string) answer {
	return func(r *http.Request) (*http.Response, error) {
		h := make(http.Header)
		for _, header := range headers {
			name, value, _ := strings.Cut(header, ": ")
			h.Set(name, value)
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	}
}

// failing answers with an error.
func failing(err error) answer {
	return func(*http.Request) (*http.Response, error) { return nil, err }
}

// hanging does not answer.
func hanging(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// held answers when it is told to, whatever becomes of the request.
func held(a answer) (answer, func()) {
	release := make(chan struct{})
	return func(r *http.Request) (*http.Response, error) {
		<-release
		return a(r)
	}, sync.OnceFunc(func() { close(release) })
}

// inTurn gives one answer after the other, and the last ever after.
func inTurn(answers ...answer) answer {
	var mu sync.Mutex
	return func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		a := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		mu.Unlock()
		return a(r)
	}
}

// routes gives an answer for each URL; others are not found.
func routes(of map[string]answer) answer {
	return func(r *http.Request) (*http.Response, error) {
		if a := of[r.URL.String()]; a != nil {
			return a(r)
		}
		return with(404, "")(r)
	}
}

// call is a call of a store.
type call struct {
	what    string // "applied", "confirmed", "interrupted", "off"
	err     error
	message string
	asked   transport.Mark
}

// store is a transport.Store that remembers its calls. It takes what looks like
// JSON.
type store struct {
	mu      sync.Mutex
	mark    transport.Mark
	version int64
	calls   []call
	held    int // of each message
}

// holds has the store hold so many items of each message.
func (s *store) holds(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = n
}

func (s *store) add(c call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
}

func (s *store) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

func (s *store) Mark() transport.Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mark
}

func (s *store) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	if !bytes.HasPrefix(message, []byte("{")) {
		return transport.Applied{}, &transport.Error{Kind: transport.KindData, Err: errors.New("unusable")}
	}
	s.add(call{what: "applied", message: string(message), asked: asked})
	s.mu.Lock()
	defer s.mu.Unlock()
	return transport.Applied{Full: !bytes.Contains(message, []byte(`"patch"`)), Held: s.held}, nil
}

func (s *store) ApplyAsOf(message []byte, asked transport.Mark, _ time.Time) (transport.Applied, error) {
	return s.Apply(message, asked)
}
func (s *store) ConfirmAsOf(asOf time.Time) {
	s.add(call{what: "confirmed as of " + asOf.UTC().Format(time.RFC3339)})
}
func (s *store) Confirm()              { s.add(call{what: "confirmed"}) }
func (s *store) Interrupted(err error) { s.add(call{what: "interrupted", err: err}) }
func (s *store) Off(err error)         { s.add(call{what: "off", err: err}) }
func (s *store) Fallback(bool)         { s.add(call{what: "fallback"}) }

// told returns what the store was told since it was last called.
func (s *store) told() (calls []call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls, s.calls = s.calls, nil
	return calls
}

// session is a session under test.
type session struct {
	t         testing.TB
	p         *platform
	store     *store
	refresher transport.Refresher // nil with Interval
	runner    transport.Runner    // nil without
	stats     func() transport.Stats
	log       bytes.Buffer
}

// open makes a session of a platform.
func open(t testing.TB, p *platform, settings poll.Transport) *session {
	t.Helper()
	return openWith(t, p, &http.Client{Transport: p}, settings)
}

func openWith(t testing.TB, p *platform, client *http.Client, settings poll.Transport) *session {
	t.Helper()
	s := &session{t: t, p: p, store: &store{mark: 7, version: 1662595200123}}
	opened, err := settings.Open(transport.Env{
		EnvSecret:    transport.NewSecret(secret),
		Platform:     platformName(p),
		BaseURL:      baseURL,
		StreamingURL: "wss://platform.test",
		HTTPClient:   client,
		Logger:       slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Store:        s.store,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.stats = opened.Stats
	s.refresher, _ = opened.(transport.Refresher)
	s.runner, _ = opened.(transport.Runner)
	if s.refresher != nil {
		t.Cleanup(s.refresher.Close)
	}
	t.Cleanup(func() {
		if s.log.Len() > 0 {
			t.Errorf("the session wrote to the log: %s", &s.log)
		}
	})
	return s
}

func platformName(p *platform) string {
	if p == nil || p.name == "" {
		return "classic"
	}
	return p.name
}

// outcome is how a call ended.
type outcome struct {
	err  error
	took time.Duration
}

// refresh calls Refresh in a goroutine of its own.
func (s *session) refresh() <-chan outcome {
	done := make(chan outcome, 1)
	began := time.Now()
	go func() {
		err := s.refresher.Refresh(s.t.Context())
		done <- outcome{err, time.Since(began)}
	}()
	return done
}

// refreshed has the session refresh its data, which must go well, and returns
// what the store was told.
func (s *session) refreshed() []call {
	s.t.Helper()
	if o := <-s.refresh(); o.err != nil {
		s.t.Fatalf("Refresh: %v", o.err)
	}
	return s.store.told()
}

// refused has Refresh fail and returns the error, which the store was told
// last.
func (s *session) refused(what string) *transport.Error {
	s.t.Helper()
	o := <-s.refresh()
	told := s.store.told()
	var typed *transport.Error
	if !errors.As(o.err, &typed) || len(told) == 0 || told[len(told)-1].what != what || told[len(told)-1].err != typed {
		s.t.Fatalf("Refresh: %v; the store was told %v, want %q", o.err, told, what)
	}
	for _, c := range told {
		if c.what == "confirmed" {
			s.t.Error("the store was told that its data is the platform's")
		}
	}
	return typed
}

// checkNotTried checks that Refresh returns an error at once, without a
// request.
func (s *session) checkNotTried() {
	s.t.Helper()
	o := <-s.refresh()
	if o.err == nil || o.took != 0 {
		s.t.Errorf("Refresh: %v after %v, want an error at once", o.err, o.took)
	}
	if n := len(s.p.requests()); n > 0 {
		s.t.Errorf("%d requests, want none", n)
	}
}

// paused returns how long after a failure, which was now, the next request is
// sent.
func (s *session) paused() time.Duration {
	s.t.Helper()
	failed := time.Now()
	for range 100_000 {
		o := <-s.refresh()
		if len(s.p.requests()) > 0 {
			return time.Since(failed) - o.took
		}
		if o.err == nil || o.took != 0 {
			s.t.Fatalf("Refresh: %v after %v, want an error at once", o.err, o.took)
		}
		time.Sleep(50 * ms)
	}
	s.t.Fatal("nothing is tried any more")
	return 0
}

// stale lets the data get older than any MaxAge in use.
func stale() { time.Sleep(time.Hour) }

// has changes the version.
func (s *store) has(version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

// set changes the mark.
func (s *store) set(mark transport.Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark = mark
}

// checkCalls checks what a store was told.
func checkCalls(t *testing.T, got []call, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("the store was told %v, want %q", got, want)
	}
	for i := range got {
		if got[i].what != want[i] {
			t.Errorf("the store was told %v, want %q", got, want)
		}
	}
}
