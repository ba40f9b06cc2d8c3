package stream_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// A transport of the application's that panics is a failed attempt. What it
// panics with can hold the token, so it is not told.
func TestPanicOfTheHTTPClient(t *testing.T) {
	type unusual struct{ url string }
	panics := []struct {
		name      string
		roundTrip func(*http.Request) (*http.Response, error)
		text      string
	}{
		{"with a text", func(r *http.Request) (*http.Response, error) { panic("oops: " + r.URL.String()) }, "with a string"},
		{"with a type", func(r *http.Request) (*http.Response, error) { panic(&unusual{r.URL.String()}) }, "unusual"},
		{"of the runtime", func(r *http.Request) (*http.Response, error) {
			var answers []*http.Response
			return answers[len(r.Header)], nil
		}, "runtime."},
		{"not, but returns nothing", func(*http.Request) (*http.Response, error) { return nil, nil }, "neither"},
	}
	for _, tt := range panics {
		t.Run(tt.name, func(t *testing.T) {
			broken := func(t *testing.T) (p *platform, repair func()) {
				p = inMemory(t)
				working := p.http.Transport
				var works atomic.Bool
				p.http.Transport = testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
					if works.Load() {
						return working.RoundTrip(r)
					}
					return tt.roundTrip(r)
				})
				return p, func() { works.Store(true) }
			}
			check := func(t *testing.T, s *session) event {
				t.Helper()
				e := s.store.awaitError("interrupted", transport.KindNetwork, tt.text)
				if strings.Contains(e.err.Error(), "oops") || strings.Contains(e.err.Error(), "/streaming") {
					t.Errorf("the error tells the value: %v", e.err)
				}
				return e
			}
			t.Run("push", func(t *testing.T) {
				testkit.Bubble(t, func(t *testing.T) {
					p, repair := broken(t)
					s := start(t, p, stream.Transport{})
					last := check(t, s).at
					for _, pause := range pauses {
						at := check(t, s).at
						checkBetween(t, "pause", at.Sub(last), pause/2, pause)
						last = at
					}
					synctest.Wait()
					repair()
					s.ready()
				})
			})
			t.Run("on demand", func(t *testing.T) {
				testkit.Bubble(t, func(t *testing.T) {
					p, repair := broken(t)
					s := onDemand(t, p, stream.Transport{})
					if o := s.wait(s.refresh()); o.err == nil || o.took != 0 {
						t.Errorf("Refresh: got %v after %v, want an error at once", o.err, o.took)
					}
					check(t, s)
					s.checkNotTried()
					s.checkQuiet()
					repair()
					time.Sleep(time.Second)
					s.refreshed()
				})
			})
		})
	}
}
