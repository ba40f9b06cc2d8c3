package stream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// polling is the part of a platform that is polled.
type polling struct {
	requests chan *request
}

// request is a polling request that waits for its answer.
type request struct {
	at     time.Time
	ctx    context.Context
	answer chan string // a body, or a status in three digits
}

// pollable is a platform in memory that can be polled as well.
func pollable(t *testing.T) (*platform, *polling) {
	p, q := inMemory(t), &polling{requests: make(chan *request, 1000)}
	websockets := p.http.Transport
	p.http.Transport = testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/streaming") {
			return websockets.RoundTrip(r)
		}
		asked := &request{at: time.Now(), ctx: r.Context(), answer: make(chan string, 1)}
		q.requests <- asked
		// Whatever becomes of the context.
		answer := <-asked.answer
		resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer)), Request: r}
		switch answer {
		case "":
			return nil, errors.New("no route to host")
		case "401":
			resp.StatusCode = http.StatusUnauthorized
		case "503":
			resp.StatusCode = http.StatusServiceUnavailable
		}
		return resp, nil
	})
	return p, q
}

// next waits for a request.
func (q *polling) next(t *testing.T) *request {
	t.Helper()
	select {
	case r := <-q.requests:
		return r
	case <-time.After(time.Hour):
		t.Fatal("no request")
	}
	return nil
}

// serve answers all requests until stop is called.
func (q *polling) serve() (stop func()) {
	over, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case r := <-q.requests:
				r.answer <- full
			case <-over:
				return
			}
		}
	}()
	return func() {
		close(over)
		<-stopped
	}
}

// How often the platform is polled while the socket does not work.
func TestFallbackPolls(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name     string
		poll     poll.Transport
		from, to time.Duration
	}{
		{"on demand", poll.Transport{}, 27 * s, 31 * s},
		{"on demand, often", poll.Transport{MaxAge: 5 * s}, 4500 * time.Millisecond, 6 * s},
		{"at an interval", poll.Transport{Interval: 20 * s}, 18 * s, 20*s + 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p, q := pollable(t)
				sn := start(t, p, stream.Transport{Fallback: &tt.poll})
				for range 3 {
					p.accept().refuse("502 Bad Gateway")
					first := q.next(t)
					first.answer <- full
					sn.store.await("fallback true")
					last := first.at
					for range 10 {
						r := q.next(t)
						checkBetween(t, "request", r.at.Sub(last), tt.from, tt.to)
						r.answer <- full
						last = r.at
					}
					stop := q.serve()
					c := sn.back()
					synctest.Wait()
					stop()
					sn.store.forget()
					c.answerPings(10 * time.Minute)
					if n := len(q.requests); n > 0 {
						t.Errorf("%d requests while the socket works", n)
					}
					if n := sn.store.count("full"); n < 12 || sn.store.count("fallback false") != 1 {
						t.Errorf("%d fulls are stored and the fallback ended %d times, want at least 12 and 1", n, sn.store.count("fallback false"))
					}
					if n := sn.store.count("interrupted"); n != 1 {
						t.Errorf("interrupted %d times, want 1", n)
					}
					sn.close()
					sn = start(t, p, stream.Transport{Fallback: &tt.poll})
				}
			})
		})
	}
}

// Polling that fails and comes back, while the socket does not work either.
func TestFallbackPollingFails(t *testing.T) {
	for _, status := range []string{"", "503", "401", "junk"} {
		for name, settings := range map[string]*poll.Transport{"on demand": {MaxAge: 2 * time.Second}, "at an interval": {Interval: 2 * time.Second}} {
			t.Run(status+" "+name, func(t *testing.T) {
				testkit.Bubble(t, func(t *testing.T) {
					p, q := pollable(t)
					s := start(t, p, stream.Transport{Fallback: settings})
					p.accept().refuse("502 Bad Gateway")
					s.store.await("interrupted")
					q.next(t).answer <- full
					s.store.await("fallback true")
					s.store.await("confirmed")
					for s.store.count("fallback false") == 0 {
						synctest.Wait()
						if len(q.requests) > 0 {
							q.next(t).answer <- status
						}
						time.Sleep(10 * time.Millisecond)
					}
					e := s.store.await("interrupted")
					var typed *transport.Error
					if !errors.As(e.err, &typed) {
						t.Errorf("got %T %v, want a *transport.Error", e.err, e.err)
					}
					synctest.Wait()
					for s.store.count("fallback true") == 1 {
						q.next(t).answer <- full
						synctest.Wait()
					}
					if n := s.store.count("off"); n > 0 {
						t.Error("the session gave up")
					}
				})
			})
		}
	}
}

// TestFallbackRequestHangs: a request that does not end with its context is
// abandoned, so it holds up no call, and Run not for long.
func TestFallbackRequestHangs(t *testing.T) {
	for name, settings := range map[string]*poll.Transport{"on demand": {}, "at an interval": {Interval: time.Second}} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p, q := pollable(t)
				s := start(t, p, stream.Transport{Fallback: settings})
				p.accept().refuse("502 Bad Gateway")
				hanging := q.next(t)
				c := s.back()
				ready := time.Now()
				<-hanging.ctx.Done()
				for range 3 {
					c.send(patch)
					s.store.await("patch")
					s.store.await("confirmed")
				}
				checkExactly(t, "time that the socket was held up", time.Since(ready), 0)
				c.answerPings(time.Minute)
				s.store.forget()
				hanging.answer <- full
				synctest.Wait()
				s.store.checkTold()
				c.cut()
				hanging = q.next(t)
				time.AfterFunc(time.Minute, func() { hanging.answer <- full })
				s.store.forget()
				checkExactly(t, "Run returned after", s.close(), 50*time.Millisecond)
				s.store.checkTold()
				time.Sleep(time.Minute) // it returns after all
				checkNothingRuns(t, "/transport/poll.")
			})
		})
	}
}
