package relay_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// shelf is a sink that keeps batches in memory.
type shelf struct {
	mu      sync.Mutex
	batches []flush.Batch
	fails   func(flush.Batch) error // nil does not
}

// Put implements flush.Sink.
func (s *shelf) Put(_ context.Context, b flush.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails != nil {
		if err := s.fails(b); err != nil {
			return err
		}
	}
	s.batches = append(s.batches, b)
	return nil
}

func (s *shelf) all() []flush.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]flush.Batch(nil), s.batches...)
}

func (s *shelf) fail(f func(flush.Batch) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = f
}

// post posts events with a key, and returns the response.
func (d *desk) post(key, body string, header ...string) *http.Response {
	d.Helper()
	resp, _, err := d.try(d.Context(), http.MethodPost, eventsRoute, strings.NewReader(body), append([]string{"Authorization", key}, header...)...)
	if err != nil {
		d.Fatal(err)
	}
	return resp
}

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// userOf is a body of events of one user.
func userOf(key string) string {
	return `[{"user":{"keyId":"` + key + `"},"variations":[{"featureFlagKey":"f","variation":{"id":"v","value":"x"},"timestamp":1767225660000,"sendToExperiment":true}]}]`
}

// TestEventsThroughRelay: a client's events reach the sink, with the route and the
// environment.
func TestEventsThroughRelay(t *testing.T) {
	t.Parallel()
	sink := new(shelf)
	withDesk(t, func(h *relay.Handler) { h.Events = sink }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		client, err := ffc.New(d.Context(), ffc.Config{
			EnvSecret: d.key, BaseURL: "http://relay.test", HTTPClient: d.http, Logger: testkit.Quiet(),
			Transport: &fleet.Transport{Backends: []fleet.Backend{fleet.HTTP{URL: "http://relay.test/fleet"}}},
		})
		if err != nil {
			d.Fatal(err)
		}
		if detail := client.BoolVariationDetail(d.Context(), "flag", ffc.NewUser("ann"), false); !detail.Value {
			d.Errorf("got %+v, status %+v", detail, client.Status())
		}
		if err := client.Flush(d.Context()); err != nil {
			d.Error(err)
		}
		_ = client.Close(d.Context())
		got := sink.all()
		if len(got) != 1 || got[0].Environment != environment || got[0].Route != eventsRoute ||
			!strings.Contains(string(got[0].Body), `"keyId":"ann"`) || !got[0].At.Equal(time.Now()) {
			d.Errorf("got %+v", got)
		}
	})
}

// TestEventsStatuses: what is not stored is never answered with 200.
func TestEventsStatuses(t *testing.T) {
	t.Parallel()
	sink := new(shelf)
	withDesk(t, func(h *relay.Handler) { h.Events, h.EventRate = sink, 1<<20 }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		const (
			record = `{"featureFlagKey":"f","variation":{"id":"v","value":"x"},"timestamp":1767225660000,"sendToExperiment":true}`
			metric = `{"route":"","type":"CustomEvent","eventName":"e","numericValue":1,"appType":"go","timestamp":1767225660000}`
		)
		bomb := zipped("[" + strings.Repeat(" ", 2<<20) + "]")
		for _, test := range []struct {
			name, key, body string
			header          []string
			want            int
		}{
			{"good", d.key, userOf("u"), nil, 200},
			{"compressed", d.key, zipped(userOf("u")), []string{"Content-Encoding", "gzip"}, 200},
			{"three events", d.key, ` [{"user":{"keyId":"u","customizedProperties":[{"name":"a","value":"b"},{"name":"c","value":"d"}]},"variations":[` + record + `,` + record + `],"metrics":[` + metric + `]}]`, nil, 200},
			{"no events", d.key, "[]", nil, 200},
			{"wrong key", secret, userOf("u"), nil, 401},
			{"key that is too long", strings.Repeat("k", 5000), userOf("u"), nil, 401},
			{"no JSON", d.key, `[{"user"`, nil, 400},
			{"no array", d.key, `{}`, nil, 400},
			{"null in a list", d.key, `[null]`, nil, 400},
			{"not gzip", d.key, userOf("u"), []string{"Content-Encoding", "gzip"}, 400},
			{"other encoding", d.key, userOf("u"), []string{"Content-Encoding", "br"}, 415},
			{"other type", d.key, userOf("u"), []string{"Content-Type", "text/plain"}, 415},
			{"too large", d.key, "[" + strings.Repeat(" ", 1<<20) + "]", nil, 413},
			{"bomb", d.key, bomb, []string{"Content-Encoding", "gzip"}, 413},
		} {
			if got := d.post(test.key, test.body, test.header...); got.StatusCode != test.want {
				d.Errorf("%s: got %d, want %d", test.name, got.StatusCode, test.want)
			}
		}
		if n := len(sink.all()); n != 3 {
			d.Errorf("%d batches were stored, want 3", n)
		}
		if stats := d.handler.Stats(); stats.EventsAccepted != 5 || stats.EventsRefused != 0 {
			d.Errorf("got %+v, want 5 events accepted, and none refused by the sink", stats)
		}
		if resp, _ := d.get(eventsRoute); resp.StatusCode != http.StatusMethodNotAllowed {
			d.Errorf("GET got %d", resp.StatusCode)
		}

		sink.fail(func(flush.Batch) error { return flush.ErrFull })
		if got := d.post(d.key, userOf("u")); got.StatusCode != 503 || got.Header.Get("Retry-After") == "" {
			d.Errorf("a full queue: got %d, %v", got.StatusCode, got.Header)
		}
		sink.fail(func(flush.Batch) error { panic("a bug") })
		if got := d.post(d.key, userOf("u")); got.StatusCode != 503 {
			d.Errorf("a queue that panics: got %d", got.StatusCode)
		}
		sink.fail(func(flush.Batch) error { return flush.ErrTooLarge })
		if got := d.post(d.key, userOf("u")); got.StatusCode != 413 {
			d.Errorf("a body that is too large for the queue: got %d", got.StatusCode)
		}
		if stats := d.handler.Stats(); stats.EventsAccepted != 5 || stats.EventsRefused != 3 {
			d.Errorf("got %+v, want 3 events refused", stats)
		}
		sink.fail(nil)
		big := "[" + userOf(strings.Repeat("u", 900<<10))[1:]
		statuses := make(map[int]int)
		for range 5 {
			statuses[d.post(d.key, big).StatusCode]++
		}
		if statuses[429] == 0 || statuses[200] == 0 {
			d.Errorf("a key that sends much got %v", statuses)
		}
		wait(10 * time.Second)
		if got := d.post(d.key, big); got.StatusCode != 200 {
			d.Errorf("10 s later it got %d", got.StatusCode)
		}
	})
}

// TestEventsAreGathered: bodies that arrive at the same time become one batch; one
// that is too large for the queue does not take others with it.
func TestEventsAreGathered(t *testing.T) {
	t.Parallel()
	sink := new(shelf)
	withDesk(t, func(h *relay.Handler) { h.Events = sink }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		posts := func(keys ...string) map[string]int {
			statuses := make(map[string]int)
			var mu sync.Mutex
			var posting sync.WaitGroup
			for _, key := range keys {
				posting.Go(func() {
					status := d.post(d.key, " "+userOf(key)+"\n").StatusCode
					mu.Lock()
					defer mu.Unlock()
					statuses[key] = status
				})
			}
			posting.Wait()
			return statuses
		}
		posts("a", "b", "c")
		got := sink.all()
		if len(got) != 1 || strings.Count(string(got[0].Body), `"keyId"`) != 3 {
			d.Errorf("got %d batches: %s", len(got), got)
		}
		sink.fail(func(b flush.Batch) error {
			if strings.Contains(string(b.Body), `"keyId":"b"`) {
				return flush.ErrTooLarge
			}
			return nil
		})
		if s := posts("a", "b", "c"); s["a"] != 200 || s["b"] != 413 || s["c"] != 200 {
			d.Errorf("got %v", s)
		}
		sink.fail(func(flush.Batch) error { return errors.New("down") })
		if s := posts("a", "b"); s["a"] != 503 || s["b"] != 503 {
			d.Errorf("got %v", s)
		}
		synctest.Wait()
		sink.fail(nil)
		before := len(sink.all())
		large := make([]string, 12)
		for i := range large {
			large[i] = strings.Repeat(string(rune('a'+i)), 40<<10)
		}
		posts(large...)
		got = sink.all()[before:]
		if len(got) < 4 || len(got) > 8 {
			d.Errorf("12 bodies of 40 KiB became %d batches, want batches of up to 128 KiB", len(got))
		}
		for _, b := range got {
			if len(b.Body) > 129<<10 {
				d.Errorf("a batch has %d bytes", len(b.Body))
			}
		}
	})
}

// TestEventsOfASlowQueueThatTakesFew: if gathered bodies have to be stored one by one,
// and slowly, no sender waits for all of them.
func TestEventsOfASlowQueueThatTakesFew(t *testing.T) {
	t.Parallel()
	sink := new(shelf)
	withDesk(t, func(h *relay.Handler) { h.Events = sink }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		sink.fail(func(b flush.Batch) error {
			time.Sleep(400 * time.Millisecond)
			if strings.Count(string(b.Body), `"keyId"`) > 1 {
				return flush.ErrTooLarge
			}
			return nil
		})
		began := time.Now()
		var posting sync.WaitGroup
		var stored, refused atomic.Int64
		for range 60 {
			posting.Go(func() {
				switch status := d.post(d.key, userOf("u")).StatusCode; status {
				case http.StatusOK:
					stored.Add(1)
				case http.StatusServiceUnavailable:
					refused.Add(1)
				default:
					d.Errorf("got %d", status)
				}
			})
		}
		posting.Wait()
		if took := time.Since(began); took > 11*time.Second || stored.Load() < 5 || refused.Load() < 5 {
			d.Errorf("%d bodies were stored and %d refused in %v, want some of each in 10 s", stored.Load(), refused.Load(), took)
		}
		if n := len(sink.all()); int64(n) != stored.Load() {
			d.Errorf("%d batches were stored, and %d senders know of it", n, stored.Load())
		}
	})
}

// countedBody is a body without an end, unless text has one. It counts what is read.
type countedBody struct {
	text io.Reader
	read int
}

// Read implements io.Reader.
func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	b.read += n
	return n, err
}

// TestEventsAreReadUpToTheirLimit: of a body that is too large, compressed or not, little
// is read, and nothing if its size is known.
func TestEventsAreReadUpToTheirLimit(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) { h.Events = new(shelf) }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		large := strings.Repeat(" ", 1<<20)
		for name, test := range map[string]struct {
			body     string
			size     int64
			encoding string
			most     int
		}{
			"known size":             {large + large, 2 << 20, "", 0},
			"known size, compressed": {large + large, 2 << 20, "gzip", 0},
			"one byte more":          {large + " ", 1<<20 + 1, "", 0},
			"unknown size":           {large + large + large, -1, "", 1<<20 + 1},
			"compressed well":        {strings.Repeat(zipped(large), 500), -1, "gzip", 16 << 10},
			"compressed nothing":     {strings.Repeat(zipped(""), 200_000), -1, "gzip", 1<<20 + 1},
		} {
			body := &countedBody{text: strings.NewReader(test.body)}
			req := httptest.NewRequest(http.MethodPost, "http://relay.test"+eventsRoute, body)
			req.ContentLength = test.size
			req.Header.Set("Authorization", d.key)
			req.Header.Set("Content-Type", "application/json")
			req.Header.Set("Content-Encoding", test.encoding)
			w := httptest.NewRecorder()
			d.handler.ServeHTTP(w, req)
			if w.Code != http.StatusRequestEntityTooLarge || body.read > test.most {
				d.Errorf("%s: got %d after %d of %d bytes, want 413 after at most %d", name, w.Code, body.read, len(test.body), test.most)
			}
		}
	})
}

// TestCloseStoresWhatWasGathered: at its end a handler stores what it has, at once.
func TestCloseStoresWhatWasGathered(t *testing.T) {
	t.Parallel()
	sink := new(shelf)
	withDesk(t, func(h *relay.Handler) { h.Events = sink }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		began := time.Now()
		var status int
		var posting sync.WaitGroup
		posting.Go(func() { status = d.post(d.key, userOf("u")).StatusCode })
		synctest.Wait()
		if n := len(sink.all()); n > 0 {
			d.Fatalf("%d batches were stored before the end", n)
		}
		d.handler.Close()
		posting.Wait()
		if took := time.Since(began); status != http.StatusOK || len(sink.all()) != 1 || took > 0 {
			d.Errorf("got %d, %d batches, after %v", status, len(sink.all()), took)
		}
	})
}

// TestCloseBesideSlowBodies: Close does not wait for clients that send a body slowly.
func TestCloseBesideSlowBodies(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) { h.Events = new(shelf) }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		body, rest := io.Pipe()
		var posting sync.WaitGroup
		posting.Go(func() {
			if resp, _, err := d.try(d.Context(), http.MethodPost, eventsRoute, body); err == nil {
				d.Errorf("got %d from a handler that is closed", resp.StatusCode)
			}
		})
		_, _ = rest.Write([]byte(`[`))
		synctest.Wait()
		began := time.Now()
		d.handler.Close()
		if took := time.Since(began); took > 0 {
			d.Errorf("Close took %v", took)
		}
		_, _ = rest.Write([]byte(userOf("u")[1:]))
		_ = rest.Close()
		posting.Wait()
	})
}

// slowSink takes 5 s for each batch.
type slowSink struct{ shelf }

// Put implements flush.Sink.
func (s *slowSink) Put(ctx context.Context, b flush.Batch) error {
	time.Sleep(5 * time.Second)
	return s.shelf.Put(ctx, b)
}

// TestEventsOfAClientThatIsGone: they are stored, and count as accepted.
func TestEventsOfAClientThatIsGone(t *testing.T) {
	t.Parallel()
	sink := new(slowSink)
	withDesk(t, func(h *relay.Handler) { h.Events = sink }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		ctx, cancel := context.WithTimeout(d.Context(), time.Second)
		defer cancel()
		if resp, _, err := d.try(ctx, http.MethodPost, eventsRoute, strings.NewReader(userOf("u"))); err == nil {
			d.Fatalf("got %d", resp.StatusCode)
		}
		wait(10 * time.Second)
		if stats := d.handler.Stats(); len(sink.all()) != 1 || stats.EventsAccepted != 1 || stats.EventsRefused != 0 {
			d.Errorf("%d batches, %+v", len(sink.all()), stats)
		}
	})
}

// hangingSink stores nothing until the context ends.
type hangingSink struct{}

// Put implements flush.Sink.
func (hangingSink) Put(ctx context.Context, _ flush.Batch) error {
	<-ctx.Done()
	return fullFor{ctx.Err()}
}

// fullFor is the error of a queue that is full for a little more than 6 s.
type fullFor struct{ error }

func (fullFor) RetryAfter() time.Duration { return 6*time.Second + time.Millisecond }

// TestEventsOfAQueueThatHangs: the sender gets a response after 10 s, and hears when to
// try again.
func TestEventsOfAQueueThatHangs(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) { h.Events = hangingSink{} }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		began := time.Now()
		resp := d.post(d.key, userOf("u"))
		if took := time.Since(began); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "7" || took > 11*time.Second {
			d.Errorf("got %d, Retry-After %q after %v", resp.StatusCode, resp.Header.Get("Retry-After"), took)
		}
	})
}

// TestEventsOfAQueueThatHangsAreBounded: clients that go away leave their bodies
// behind, but not more than 64 MiB.
func TestEventsOfAQueueThatHangsAreBounded(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) { h.Events, h.EventRate = hangingSink{}, -1 }, func(d *desk, _ *featBit, _ *fleettest.Memory) {
		big := userOf(strings.Repeat("u", 900<<10))
		var posting sync.WaitGroup
		var mu sync.Mutex
		quick := 0
		for range 90 {
			posting.Go(func() {
				began := time.Now()
				status := d.post(d.key, big).StatusCode
				mu.Lock()
				defer mu.Unlock()
				if status != http.StatusServiceUnavailable {
					d.Errorf("got %d", status)
				}
				if time.Since(began) < time.Second {
					quick++
				}
			})
		}
		posting.Wait()
		if quick < 15 || quick > 20 {
			d.Errorf("%d of 90 bodies of 900 KiB were rejected at once", quick)
		}
		if n := d.handler.Stats().EventsRefused; n != 90 {
			d.Errorf("%d events were refused, want 90", n)
		}
		if got := d.post(d.key, "[]"); got.StatusCode != 200 {
			d.Errorf("got %d", got.StatusCode)
		}
		began := time.Now()
		if d.post(d.key, big); time.Since(began) < time.Second {
			d.Error("there is no room after the queue has failed")
		}
	})
}

// tagged is an engine whose tags are the values, as those of Redis are.
type tagged struct{ fleet.Backend }

// Get implements fleet.Backend.
func (e tagged) Get(ctx context.Context, name string) ([]byte, string, error) {
	value, _, err := e.Backend.Get(ctx, name)
	return value, string(value), err
}

// TestEntityTagsOfTheFleetRoute: an entity tag is short, whatever tags the engine has:
// proxies accept headers of a few KiB.
func TestEntityTagsOfTheFleetRoute(t *testing.T) {
	t.Parallel()
	withDesk(t, func(h *relay.Handler) {
		engine := h.Engine
		h.Engine = func(environment string) (fleet.Backend, bool) {
			b, ok := engine(environment)
			return tagged{b}, ok
		}
	}, func(d *desk, p *featBit, m *fleettest.Memory) {
		tags := make(map[string]bool)
		for _, on := range []bool{true, false} {
			p.Set("flag", on)
			wait(10 * time.Second)
			for _, object := range []string{"head", headIn(d, m).Body + ".0"} {
				resp, _ := d.get("/fleet/" + environment + "/" + object)
				tag := resp.Header.Get("Etag")
				if len(tag) > 100 || strings.Trim(tag, `"0123456789abcdef`) != "" || tag[0] != '"' || tag[len(tag)-1] != '"' {
					d.Errorf("%s has the entity tag %.200s", object, tag)
				}
				tags[tag] = true
			}
		}
		if len(tags) != 4 {
			d.Errorf("4 values have %d entity tags", len(tags))
		}
	})
}

// TestFleetRoute: readers get the head and bodies with their key, and nothing else.
func TestFleetRoute(t *testing.T) {
	t.Parallel()
	withDesk(t, nil, func(d *desk, p *featBit, m *fleettest.Memory) {
		get := func(key, path string) *http.Response {
			resp, _ := d.get("/fleet/"+path, "Authorization", key)
			return resp
		}
		for _, test := range []struct {
			key, path string
			want      int
		}{
			{d.key, environment + "/head", 200}, {secret, environment + "/head", 401}, {"", environment + "/head", 401},
			{d.key, "00000000-8b86-d011-b42d-00cf4fc964ff/head", 401},
			{d.key, environment + "/old", 404}, {d.key, environment + "/pin", 404}, {d.key, environment + "/../x", 404},
			{d.key, environment + "/" + strings.Repeat("a", 64) + ".0", 404}, {d.key, environment + "/" + strings.Repeat("a", 64) + ".x", 404},
		} {
			if got := get(test.key, test.path); got.StatusCode != test.want {
				d.Errorf("%s: got %d, want %d", test.path, got.StatusCode, test.want)
			}
		}
		before := m.Calls("Get")
		for range 100 {
			get(d.key, environment+"/head")
		}
		if n := m.Calls("Get") - before; n > 2 {
			d.Errorf("100 readers made %d reads of the engine", n)
		}
		h := headIn(d, m)
		resp := get(d.key, environment+"/"+h.Body+".0")
		if !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") || resp.ContentLength != h.GZip {
			d.Errorf("a body has the headers %v", resp.Header)
		}
		p.Set("flag", false)
		wait(5 * time.Second)
		reader, err := ffc.New(d.Context(), ffc.Config{
			EnvSecret: d.key, BaseURL: "http://relay.test", HTTPClient: d.http, Logger: testkit.Quiet(), Events: flush.Config{Disabled: true},
			Transport: &fleet.Transport{Backends: []fleet.Backend{fleet.HTTP{URL: "http://relay.test/fleet"}}},
		})
		if err != nil {
			d.Fatal(err)
		}
		defer reader.Close(d.Context())
		if got := reader.BoolVariationDetail(d.Context(), "flag", ffc.NewUser("ann"), true); got.Value {
			d.Errorf("got %+v, status %+v", got, reader.Status())
		}
	})
}
