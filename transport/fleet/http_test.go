package fleet_test

import (
	"compress/gzip"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// web serves the values of a backend below /ffc.
type web struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
	handle   http.HandlerFunc // instead, if it is set
}

func serve(t *testing.T, b fleet.Backend) *web {
	t.Helper()
	s := new(web)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r)
		handle := s.handle
		s.mu.Unlock()
		if handle != nil {
			handle(w, r)
			return
		}
		name, _ := strings.CutPrefix(r.URL.Path, "/ffc/")
		value, tag, err := b.Get(r.Context(), name)
		if err != nil {
			http.Error(w, "missing", http.StatusNotFound)
			return
		}
		w.Header().Set("ETag", `"`+tag+`"`)
		if strings.HasSuffix(name, "/head") && r.Header.Get("Accept-Encoding") != "" { // as a CDN does
			w.Header().Set("Content-Encoding", "gzip")
			z := gzip.NewWriter(w)
			_, _ = z.Write(value)
			_ = z.Close()
			return
		}
		_, _ = w.Write(value)
	}))
	t.Cleanup(s.Close)
	return s
}

// seen returns the requests since it was last called.
func (s *web) seen() (seen []*http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen, s.requests = s.requests, nil
	return seen
}

func (s *web) with(handle http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handle = handle
}

func TestReaderBehindHTTP(t *testing.T) {
	t.Parallel()
	m := new(fleettest.Memory)
	write(t, m, headOf("a", 1, 1, nil), data("on", 1), 100)
	s := serve(t, m)
	r := newReader(t, func(tr *fleet.Transport) { tr.MaxAge = 1 }, fleet.HTTP{URL: s.URL + "/ffc/?signature=abc"})
	defer r.close()
	r.expect("on", ffc.StateOK, 1)
	if got := r.Status().Source.Backend; got != s.URL+"/ffc/" {
		t.Errorf("source %q, want the URL without its query", got)
	}
	write(t, m, headOf("a", 2, 2, nil), data("off", 2), 0)
	if err := r.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.expect("off", ffc.StateOK, 2)
	positions := map[string]bool{}
	for _, req := range s.seen() {
		if req.URL.RawQuery != "signature=abc" || req.Header.Get("Authorization") != "" || !strings.HasPrefix(req.UserAgent(), "ffc-server-go-sdk/") {
			t.Errorf("request %s with %v", req.URL, req.Header)
		}
		if at := req.Header.Get("Ffc-Revision"); at != "" {
			positions[at] = true
			if !strings.HasSuffix(req.URL.Path, "/head") {
				t.Errorf("request %s with Ffc-Revision", req.URL)
			}
		}
	}
	if len(positions) != 1 || !positions["a/1"] {
		t.Errorf("Ffc-Revision %v, want a/1 with the second head", positions)
	}
}

// The secret goes to a relay, which is where BaseURL leads, and nowhere else.
func TestHTTPSendsTheSecretToBaseURLOnly(t *testing.T) {
	t.Parallel()
	m := new(fleettest.Memory)
	write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
	relay, cdn := serve(t, m), serve(t, m)
	for _, backend := range []*web{relay, cdn} {
		client, err := ffc.New(t.Context(), ffc.Config{
			EnvSecret: featBitSecret, BaseURL: relay.URL, Events: flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
			Transport: &fleet.Transport{Backends: []fleet.Backend{fleet.HTTP{URL: backend.URL + "/ffc"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(context.Background())
		if !client.Initialized() {
			t.Errorf("status %+v", client.Status())
		}
	}
	for _, req := range relay.seen() {
		if req.Header.Get("Authorization") != featBitSecret {
			t.Errorf("no secret for the relay in %v", req.Header)
		}
	}
	for _, req := range cdn.seen() {
		if req.Header.Get("Authorization") != "" {
			t.Errorf("the secret went to another host")
		}
	}
}

func TestHTTPErrors(t *testing.T) {
	t.Parallel()
	s := serve(t, new(fleettest.Memory))
	b := fleet.HTTP{URL: s.URL + "/ffc?signature=abc"}
	get := func(status int, header, value string) error {
		s.with(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set(header, value)
			w.WriteHeader(status)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _, err := b.Get(ctx, "env/head")
		return err
	}
	if err := get(404, "X", "y"); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("404: error %v", err)
	}
	if err := get(403, "X", "y"); err == nil || !strings.Contains(err.Error(), "check the key") {
		t.Errorf("403: error %v", err)
	}
	err := get(429, "Retry-After", "17")
	if wait := (interface{ RetryAfter() time.Duration })(nil); !errors.As(err, &wait) || wait.RetryAfter() != 17*time.Second {
		t.Errorf("429: error %v", err)
	}
	s.Close()
	if _, _, err := b.Get(t.Context(), "env/head"); err == nil || strings.Contains(err.Error(), "abc") || strings.Contains(err.Error(), "ffc?") {
		t.Errorf("closed server: error %v, want one without the signed URL", err)
	}
}

// A response without an end is read no further than MaxMessage.
func TestHTTPReadsNoMoreThanMaxMessage(t *testing.T) {
	t.Parallel()
	m := new(fleettest.Memory)
	write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
	s := serve(t, m)
	r := newReader(t, func(tr *fleet.Transport) { tr.MaxAge, tr.MaxMessage = 1, 10_000 }, fleet.HTTP{URL: s.URL + "/ffc"})
	defer r.close()
	s.with(func(w http.ResponseWriter, _ *http.Request) {
		for range 1000 { // 64 MB, unless the reader hangs up
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
		t.Error("the reader read everything")
	})
	if err := r.Refresh(testkit.Within(t)); err == nil || r.kind() != transport.KindData || !strings.Contains(err.Error(), "larger than MaxMessage, which is 10000 bytes") {
		t.Errorf("error %v of kind %s", err, r.kind())
	}
	s.Close() // waits for the handler
}

func TestHTTPIsReadOnly(t *testing.T) {
	t.Parallel()
	b := fleet.HTTP{URL: "http://host.test"}
	_, err := b.Swap(t.Context(), "env/head", nil, "")
	for _, err := range []error{err, b.Put(t.Context(), "env/body", nil), b.Delete(t.Context(), "env/head")} {
		if err == nil || errors.Is(err, fleet.ErrConflict) || !strings.Contains(err.Error(), "read-only") {
			t.Errorf("error %v", err)
		}
	}
}
