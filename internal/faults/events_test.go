package faults_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// unstorable is a platform that answers 500 to events with a NUL, which its
// database cannot store.
func unstorable(t *testing.T, platform *ffctest.Server) *httptest.Server {
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			if bytes.Contains(body, []byte(`\u0000`)) {
				http.Error(w, "invalid byte sequence", http.StatusInternalServerError)
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		platform.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	return front
}

// TestUnstorableEvent shows that one event that the platform cannot store costs
// no other event, on both platforms and with every transport.
func TestUnstorableEvent(t *testing.T) {
	for i := range allPlatforms {
		for _, m := range all {
			g := &allPlatforms[i]
			t.Run(g.name+", "+m.name, func(t *testing.T) {
				t.Parallel()
				platform := g.server(g.snapshot(ffctest.Flag("a").Variations("v").Serve("v")))
				t.Cleanup(platform.Close)
				front := unstorable(t, platform)
				var log logs
				client, err := ffc.New(t.Context(), ffc.Config{
					EnvSecret: platform.EnvSecret, Platform: g.platform, BaseURL: front.URL, Transport: m.transport(),
					Events: flush.Config{Interval: -1, RetryWait: time.Millisecond},
					Logger: slog.New(slog.NewTextHandler(&log, nil)),
				})
				if err != nil {
					t.Fatal(err)
				}
				if err := client.WaitReady(t.Context()); err != nil {
					t.Fatal(err)
				}
				client.Variation(t.Context(), "a", ffc.NewUser("visitor", ffc.String("agent", "Mozilla\x00")), "-")
				for n := 1; n <= 95; n++ {
					client.Variation(t.Context(), "a", ffc.NewUser(fmt.Sprint("user-", n)), "-")
					if (n+1)%5 == 0 {
						_ = client.Flush(t.Context())
					}
				}
				_ = client.Close(t.Context())
				s := client.Stats().Events
				if s.Recorded != 96 || s.Delivered != 95 || s.Dropped != (flush.Dropped{Rejected: 1}) {
					t.Errorf("Stats: %+v", s)
				}
				arrived := map[string]bool{}
				for _, e := range platform.Events() {
					arrived[e.UserKey] = true
				}
				if len(arrived) != 95 || arrived["visitor"] {
					t.Errorf("events of %d users arrived", len(arrived))
				}
				log.check(t, platform.EnvSecret)
			})
		}
	}
}
