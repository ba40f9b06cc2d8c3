package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	environment = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
	secret      = "AAAAAAAAAAAAAAAAAAAAAQ_xmWb4aLEdC0LQDPT8lk_w" // two GUIDs as .NET writes them
)

// change is one version of a flag.
type change struct {
	at       time.Time
	on       bool
	archived bool
	value    string // instead of true or false
}

// featBit is the platform. It remembers all versions of its flags.
type featBit struct {
	mu      sync.Mutex
	history map[string][]change
	ahead   time.Duration // of its clock
	// route chooses the server for a request.
	route func() server
	asked int
}

// server is one server of the platform.
type server struct {
	down bool
	// rejects: the server rejects the secret.
	rejects bool
	empty   bool
	lag     time.Duration
}

func newPlatform() *featBit {
	return &featBit{history: make(map[string][]change), route: func() server { return server{} }}
}

// set gives a flag its next version, now.
func (p *featBit) set(key string, on bool) { p.add(key, change{on: on}) }

// archive archives a flag.
func (p *featBit) archive(key string) { p.add(key, change{archived: true}) }

func (p *featBit) add(key string, c change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.at = p.now()
	versions := p.history[key]
	if n := len(versions); n > 0 && !c.at.After(versions[n-1].at) {
		c.at = versions[n-1].at.Add(time.Millisecond)
	}
	p.history[key] = append(versions, c)
}

// now is the platform's time, in milliseconds.
func (p *featBit) now() time.Time { return time.Now().Add(p.ahead).Truncate(time.Millisecond) }

// routed changes the servers that respond.
func (p *featBit) routed(route func() server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.route = route
}

func (p *featBit) only(s server) { p.routed(func() server { return s }) }

func (p *featBit) requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

var errDown = errors.New("connection refused")

// RoundTrip implements http.RoundTripper.
func (p *featBit) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	s := p.route()
	if s.down {
		return nil, errDown
	}
	if s.rejects {
		return &http.Response{StatusCode: 401, Request: r, Header: http.Header{}, Body: io.NopCloser(new(bytes.Buffer))}, nil
	}
	since, _ := strconv.ParseInt(r.URL.Query().Get("timestamp"), 10, 64)
	body := p.response(s, since)
	return &http.Response{
		StatusCode: 200, Request: r, Header: http.Header{"Date": {p.now().UTC().Format(http.TimeFormat)}},
		Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// response is what a server sends. The lock is held.
func (p *featBit) response(s server, since int64) []byte {
	var items []byte
	keys := make([]string, 0, len(p.history))
	for key := range p.history {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		var last *change
		for i := range p.history[key] {
			if c := &p.history[key][i]; !s.empty && !c.at.After(p.now().Add(-s.lag)) {
				last = c
			}
		}
		if last == nil || last.at.UnixMilli() <= since {
			continue
		}
		if len(items) > 0 {
			items = append(items, ',')
		}
		items = appendFlag(items, key, *last)
	}
	kind := "full"
	if since > 0 {
		kind = "patch"
		if len(items) == 0 {
			return nil
		}
	}
	return fmt.Appendf(nil, `{"messageType":"data-sync","data":{"eventType":%q,"featureFlags":[%s],"segments":[]}}`, kind, items)
}

func appendFlag(dst []byte, key string, c change) []byte {
	if c.value != "" {
		return fmt.Appendf(dst, `{"id":%q,"key":%q,"name":%q,"updatedAt":%q,"isEnabled":false,"isArchived":false,"variationType":"string","disabledVariationId":"v",`+
			`"variations":[{"id":"v","value":%q}],"targetUsers":[],"rules":[],"fallthrough":{"variations":[]}}`,
			key, key, key, c.at.UTC().Format("2006-01-02T15:04:05.000Z"), c.value)
	}
	return fmt.Appendf(dst, `{"id":%q,"key":%q,"name":%q,"updatedAt":%q,"isEnabled":%t,"isArchived":%t,"variationType":"boolean","disabledVariationId":"f",`+
		`"variations":[{"id":"t","value":"true"},{"id":"f","value":"false"}],"targetUsers":[],"rules":[],`+
		`"fallthrough":{"includedInExpt":false,"variations":[{"id":"t","rollout":[0,1],"exptRollout":1}]}}`,
		key, key, key, c.at.UTC().Format("2006-01-02T15:04:05.000Z"), c.on, c.archived)
}

// publisher returns a publisher that polls the platform each second.
func (p *featBit) publisher(b fleet.Backend) *Publisher {
	return &Publisher{
		Config: ffc.Config{
			EnvSecret: secret, Platform: ffc.PlatformFeatBit, BaseURL: "http://platform.test",
			Transport:  &poll.Transport{Interval: time.Second, Resync: 30 * time.Second, FullResync: 5 * time.Minute},
			HTTPClient: &http.Client{Transport: p},
			Logger:     slog.New(slog.DiscardHandler),
		},
		Backend: b,
	}
}

// started is a publisher that runs.
type started struct {
	*Publisher
	cancel context.CancelFunc
	done   chan error
}

func start(p *Publisher) *started {
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

// link is the connection of one replica to an engine. It can be cut and frozen.
type link struct {
	fleet.Backend
	mu     sync.Mutex
	cut    bool
	frozen chan struct{} // closed when the replica thaws; nil is not frozen
}

func (l *link) gate(ctx context.Context) error {
	l.mu.Lock()
	cut, frozen := l.cut, l.frozen
	l.mu.Unlock()
	if frozen != nil { // a frozen process sees no timeout
		<-frozen
	}
	if cut {
		return errDown
	}
	return ctx.Err()
}

func (l *link) setCut(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = on
}

func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen == nil {
		l.frozen = make(chan struct{})
	}
}

func (l *link) thaw() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen != nil {
		close(l.frozen)
		l.frozen = nil
	}
}

// Get implements fleet.Backend.
func (l *link) Get(ctx context.Context, name string) ([]byte, string, error) {
	if err := l.gate(ctx); err != nil {
		return nil, "", err
	}
	value, tag, err := l.Backend.Get(ctx, name)
	if err2 := l.gate(ctx); err2 != nil {
		return nil, "", err2
	}
	return value, tag, err
}

// Put implements fleet.Backend.
func (l *link) Put(ctx context.Context, name string, value []byte) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Backend.Put(ctx, name, value)
}

// Swap implements fleet.Backend.
func (l *link) Swap(ctx context.Context, name string, value []byte, tag string) (string, error) {
	if err := l.gate(ctx); err != nil {
		return "", err
	}
	newTag, err := l.Backend.Swap(context.WithoutCancel(ctx), name, value, tag)
	if err2 := l.gate(ctx); err2 != nil {
		return "", err2 // written, but the replica does not know
	}
	return newTag, err
}

// Delete implements fleet.Backend.
func (l *link) Delete(ctx context.Context, name string) error {
	if err := l.gate(ctx); err != nil {
		return err
	}
	return l.Backend.Delete(ctx, name)
}

// inBubble runs a test in a bubble, with a platform of one flag, "flag", that is
// on, and an engine in memory.
func inBubble(t *testing.T, test func(t *testing.T, p *featBit, m *fleettest.Memory)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform()
		p.set("flag", true)
		time.Sleep(time.Minute)
		test(t, p, new(fleettest.Memory))
	})
}

// headIn returns the head in an engine; nil if it is missing.
func headIn(t testing.TB, b fleet.Backend) *fleetdata.Head {
	t.Helper()
	text, _, err := b.Get(context.Background(), fleetdata.Name(environment, fleetdata.HeadObject))
	if errors.Is(err, fleet.ErrNotFound) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	h, err := fleetdata.ParseHead(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// oldIn returns the list of earlier bodies.
func oldIn(t testing.TB, b fleet.Backend) fleetdata.OldList {
	t.Helper()
	text, _, err := b.Get(context.Background(), fleetdata.Name(environment, fleetdata.OldObject))
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		t.Fatal(err)
	}
	list, err := fleetdata.ParseOld(text)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// reader returns a client that reads an engine. It must be closed.
func reader(t testing.TB, backends ...fleet.Backend) *ffc.Client {
	t.Helper()
	client, err := ffc.New(t.Context(), ffc.Config{
		Platform:  ffc.PlatformFeatBit,
		Transport: &fleet.Transport{Environment: environment, Backends: backends, MaxAge: time.Second},
		StartWait: time.Second,
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
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
