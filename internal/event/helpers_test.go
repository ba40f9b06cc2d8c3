package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

const testSecret = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19f"

func TestMain(m *testing.M) { testkit.Main(m, 0) }

// platform answers requests with events, in memory or as a server.
type testPlatform struct {
	// answer decides about request n, counting from 0. nil is 200 for all.
	answer func(n int, items []item) reply

	mu       sync.Mutex
	requests []request
}

// reply is what becomes of a request.
type reply struct {
	status int           // 0 is 200
	after  string        // Retry-After
	to     string        // Location
	wait   time.Duration // before anything else
	stall  bool          // no answer as long as the client waits
	err    error         // no answer but this error; a server resets the connection
}

type request struct {
	at     time.Time
	header http.Header
	body   []byte
	items  []item // one for each event
	users  int    // items in the body
	reply  reply
}

// item is an element of a request's body.
type item struct {
	User struct {
		KeyID                string
		UserName             string
		Email                string
		Country              string
		CustomizedProperties []struct{ Name, Value string }
	}
	UserVariations []struct {
		FeatureFlagKeyName string
		SendToExperiment   bool
		Timestamp          int64
		Variation          struct {
			LocalID        int64
			VariationValue string
			Reason         string
		}
	}
	Metrics []struct {
		Route, Type, EventName, AppType string
		NumericValue                    float64
	}
	Variations []struct { // FeatBit's
		FeatureFlagKey   string
		SendToExperiment bool
		Timestamp        int64
		Variation        struct{ ID, Value string }
	}
}

// apart returns one item for each event: those of FeatBit have several.
func apart(items []item) (events []item) {
	for _, all := range items {
		for i := range all.UserVariations {
			e := item{User: all.User}
			e.UserVariations = all.UserVariations[i : i+1]
			events = append(events, e)
		}
		for i := range all.Variations {
			e := item{User: all.User}
			e.Variations = all.Variations[i : i+1]
			events = append(events, e)
		}
		for i := range all.Metrics {
			e := item{User: all.User}
			e.Metrics = all.Metrics[i : i+1]
			events = append(events, e)
		}
	}
	return events
}

// name is the flag's key or the metric's name.
func (i *item) name() string {
	if len(i.Metrics) > 0 {
		return i.Metrics[0].EventName
	}
	if len(i.Variations) > 0 {
		return i.Variations[0].FeatureFlagKey
	}
	return i.UserVariations[0].FeatureFlagKeyName
}

// list names the list whose order the events of a user keep: an item of FeatBit
// has two.
func (i *item) list() string {
	if len(i.Variations) > 0 {
		return i.User.KeyID + " evaluations"
	}
	return i.User.KeyID
}

var errReset = errors.New("connection reset")

// accept reads a request and decides about it.
func (p *testPlatform) accept(req *http.Request) (reply, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return reply{}, err
	}
	r := request{at: time.Now(), header: req.Header, body: body}
	if err := json.Unmarshal(body, &r.items); err != nil {
		return reply{status: http.StatusBadRequest}, nil
	}
	r.users = len(r.items)
	r.items = apart(r.items)
	p.mu.Lock()
	n := len(p.requests)
	p.requests = append(p.requests, r)
	p.mu.Unlock()
	if p.answer != nil {
		r.reply = p.answer(n, r.items)
	}
	if r.reply.status == 0 && r.reply.err == nil && !r.reply.stall {
		r.reply.status = http.StatusOK
	}
	p.mu.Lock()
	p.requests[n].reply = r.reply
	p.mu.Unlock()
	timer := time.NewTimer(r.reply.wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-req.Context().Done():
		return reply{}, req.Context().Err()
	}
	if r.reply.stall {
		<-req.Context().Done()
		return reply{}, req.Context().Err()
	}
	return r.reply, r.reply.err
}

func (r *reply) headers() http.Header {
	h := http.Header{}
	if r.after != "" {
		h.Set("Retry-After", r.after)
	}
	if r.to != "" {
		h.Set("Location", r.to)
	}
	return h
}

// RoundTrip answers in memory. Like many a RoundTripper of an application's
// tests, it leaves out of the response what it can.
func (p *testPlatform) RoundTrip(req *http.Request) (*http.Response, error) {
	r, err := p.accept(req)
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: r.status, Header: r.headers(), Body: http.NoBody}, nil
}

func (p *testPlatform) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r, err := p.accept(req)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	for name, values := range r.headers() {
		w.Header()[name] = values
	}
	w.WriteHeader(r.status)
}

// seen returns what arrived so far.
func (p *testPlatform) seen() []request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]request(nil), p.requests...)
}

// names returns the names in a request, joined.
func (r *request) names() string {
	var names []string
	for i := range r.items {
		names = append(names, r.items[i].name())
	}
	return strings.Join(names, " ")
}

// serve makes the platform a server on loopback.
func (p *testPlatform) serve(t testing.TB) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(p)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// inMemory returns a processor for a platform without sockets.
func inMemory(cfg flush.Config, over http.RoundTripper) *Processor {
	return New(cfg, destination("http://platform.test", &http.Client{Transport: over}))
}

// onBoth runs a test for both platforms.
func onBoth(t *testing.T, f func(t *testing.T, d *platform.Protocol)) {
	t.Helper()
	for _, d := range registry.All() {
		t.Run(d.Name, func(t *testing.T) { f(t, d) })
	}
}

// inMemoryOf is inMemory for one of the platforms.
func inMemoryOf(d *platform.Protocol, cfg flush.Config, over http.RoundTripper) *Processor {
	to := destination("http://platform.test", &http.Client{Transport: over})
	to.Protocol = d
	return New(cfg, to)
}

// overLoopback returns a processor for a platform as a server.
func overLoopback(t testing.TB, cfg flush.Config, p *testPlatform) *Processor {
	t.Helper()
	server := p.serve(t)
	return New(cfg, destination(server.URL, server.Client()))
}

func destination(base string, client *http.Client) Destination {
	return Destination{
		URL:      base + "/api/public/track",
		Secret:   func() string { return testSecret },
		Client:   client,
		Logger:   slog.New(slog.DiscardHandler),
		Protocol: classic.Protocol(),
		OnDemand: true,
	}
}

// logTo makes the processor log into the buffer.
func logTo(p *Processor, buf *bytes.Buffer) {
	p.to.Logger = slog.New(slog.NewTextHandler(buf, &slog.HandlerOptions{
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

func user(key string) *eval.User { return &eval.User{Key: key} }

// served is the result of an evaluation.
func served(flag, id, value string) eval.Result {
	v := eval.NewVariation(id, value)
	return eval.Result{Flag: &eval.Flag{Key: flag}, Variation: &v, Reason: eval.ReasonFallthrough}
}

// record queues one evaluation of each flag.
func record(p *Processor, u *eval.User, flags ...string) {
	for _, flag := range flags {
		r := served(flag, "1", "true")
		p.RecordEvaluation(u, nil, &r)
	}
}

// checkEvaluations fails the test unless these evaluations were counted.
func checkEvaluations(t testing.TB, p *Processor, want Evaluations) {
	t.Helper()
	got := p.Evaluations()
	got[eval.ReasonNone] = 0
	if got != want {
		t.Errorf("evaluations by reason: %v, want %v", got, want)
	}
}

// checkBooks fails the test unless every event is accounted for.
func checkBooks(t testing.TB, s flush.Stats) {
	t.Helper()
	if s.Recorded != s.Delivered+s.Queued+s.Dropped.Total()+s.Deduplicated {
		t.Errorf("the books do not balance: %+v", s)
	}
}

// checkStats compares all counts.
func checkStats(t testing.TB, p *Processor, want flush.Stats) {
	t.Helper()
	got := p.Stats()
	got.Err, got.PausedUntil = nil, time.Time{}
	checkBooks(t, got)
	if got != want {
		t.Errorf("Stats:\n got %+v\nwant %+v", got, want)
	}
}

// checkError compares the counts of a Flush's error; nil is delivered.
func checkError(t testing.TB, err error, want *flush.Error) {
	t.Helper()
	var got *flush.Error
	if err != nil && !errors.As(err, &got) {
		t.Fatalf("error is a %T: %v", err, err)
	}
	switch {
	case got == nil && want == nil:
	case got == nil:
		t.Errorf("no error, expected %+v", want)
	case want == nil:
		t.Errorf("error %v", got)
	case got.Delivered != want.Delivered || got.Retained != want.Retained || got.Dropped != want.Dropped:
		t.Errorf("error %q: expected %d delivered, %d retained, %d dropped", got, want.Delivered, want.Retained, want.Dropped)
	case got.Cause == nil:
		t.Errorf("error %q has no cause", got)
	case want.Cause != nil && !errors.Is(got, want.Cause):
		t.Errorf("error %q: expected the cause %q", got, want.Cause)
	case strings.ContainsAny(got.Error(), "\n\r"):
		t.Errorf("error has several lines: %q", got)
	case strings.Contains(got.Error(), testSecret):
		t.Errorf("error has the secret: %q", got)
	}
}
