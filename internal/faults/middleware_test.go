package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestMiddlewareDoesNotWait: whatever the event endpoint does, no request waits
// for it, and each event arrives once.
func TestMiddlewareDoesNotWait(t *testing.T) {
	const requests = 100
	for _, endpoint := range []struct {
		name   string
		posted func(broken context.Context, w http.ResponseWriter, r *http.Request, platform http.Handler)
	}{
		{"takes 300 ms", func(_ context.Context, w http.ResponseWriter, r *http.Request, platform http.Handler) {
			time.Sleep(300 * time.Millisecond)
			platform.ServeHTTP(w, r)
		}},
		{"hangs, then works", func(broken context.Context, w http.ResponseWriter, r *http.Request, platform http.Handler) {
			if broken.Err() == nil {
				select {
				case <-broken.Done():
				case <-r.Context().Done():
				}
				panic(http.ErrAbortHandler)
			}
			platform.ServeHTTP(w, r)
		}},
		{"fails, then works", func(broken context.Context, w http.ResponseWriter, r *http.Request, platform http.Handler) {
			if broken.Err() == nil {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			platform.ServeHTTP(w, r)
		}},
	} {
		for i := range allPlatforms {
			for _, way := range siteModes {
				t.Run(endpoint.name+"/"+allPlatforms[i].name+"/"+way.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						broken, mend := context.WithCancel(t.Context())
						s := &site{T: t, on: &allPlatforms[i], onDemand: way.onDemand}
						s.posted = func(w http.ResponseWriter, r *http.Request, platform http.Handler) {
							endpoint.posted(broken, w, r, platform)
						}
						s.open([]ffctest.Item{flag("a", "on", ago(time.Hour))}, way.name == "fallback", way.transport())
						handler := s.client.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
							s.client.Variation(r.Context(), "a", ffc.NewUser(r.URL.Path[1:]), "none")
						}))
						for n := range requests {
							began := time.Now()
							handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, fmt.Sprint("/", n), nil))
							if took := time.Since(began); took > 0 {
								t.Errorf("request %d took %v", n, took)
							}
							time.Sleep(time.Second)
						}
						mend()
						if err := s.client.Close(t.Context()); err != nil {
							t.Errorf("Close: %v", err)
						}
						arrived := make(map[string]int)
						for _, e := range s.servers[0].Events() {
							arrived[e.UserKey]++
						}
						for n := range requests {
							if got := arrived[fmt.Sprint(n)]; got != 1 {
								t.Errorf("the event of request %d arrived %d times", n, got)
							}
						}
						if stats := s.client.Stats().Events; stats.Delivered != requests || stats.Dropped.Total() > 0 {
							t.Errorf("%+v", stats)
						}
					})
				})
			}
		}
	}
}
