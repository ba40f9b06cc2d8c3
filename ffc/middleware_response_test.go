package ffc_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// TestMiddlewarePasses: the handler gets the very writer and request, so
// whatever they can do besides they still can.
func TestMiddlewarePasses(t *testing.T) {
	t.Parallel()
	_, client := polled(t, nil)
	var w http.ResponseWriter
	var r *http.Request
	passes := false
	inner := client.Middleware(http.HandlerFunc(func(gotW http.ResponseWriter, gotR *http.Request) { passes = gotW == w && gotR == r }))
	serve(t.Context(), http.HandlerFunc(func(gotW http.ResponseWriter, gotR *http.Request) {
		w, r = gotW, gotR
		inner.ServeHTTP(w, r)
	}), "u")
	if !passes {
		t.Error("the handler got others")
	}
}

// TestMiddlewarePanics: net/http sees the panic of a handler as without the
// middleware, and its events are delivered.
func TestMiddlewarePanics(t *testing.T) {
	t.Parallel()
	onBoth(t, testMiddlewarePanics)
}

func testMiddlewarePanics(t *testing.T, g ffctest.Generation) {
	t.Parallel()
	for _, value := range []any{http.ErrAbortHandler, "a mistake", errors.New("an error"), 7} {
		t.Run(fmt.Sprint(value), func(t *testing.T) {
			t.Parallel()
			platform, client := polledOn(t, g, nil, ffctest.Flag("a"))
			inner := client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Length", "1000")
				evaluating(client).ServeHTTP(w, r)
				panic(value)
			}))
			seen := make(chan any, 1)
			s, text := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() {
					v := recover()
					seen <- v
					panic(v)
				}()
				inner.ServeHTTP(w, r)
			}), false)
			if body, err := get(within(t), s.Client(), s.URL+"/?u"); err == nil || body != "" {
				t.Errorf("the client got %q, %v; want a connection cut before what was buffered", body, err)
			}
			if got := receive(t, "the panic", seen); got != value {
				t.Errorf("net/http sees %v", got)
			}
			if n := len(platform.Events()); n != 1 {
				t.Errorf("%d events arrived, want 1", n)
			}
			s.Close() // what is logged has been
			logged := text.String()
			if value == http.ErrAbortHandler {
				if logged != "" {
					t.Errorf("net/http logs %s", logged)
				}
			} else if !strings.Contains(logged, "panic serving") || !strings.Contains(logged, "testMiddlewarePanics.func1.1(") {
				t.Errorf("net/http logs %s", logged)
			}
		})
	}
}

// TestMiddlewareHijacked: a connection that the handler has taken is the
// handler's, also if it seems to have a response.
func TestMiddlewareHijacked(t *testing.T) {
	t.Parallel()
	onBoth(t, testMiddlewareHijacked)
}

func testMiddlewareHijacked(t *testing.T, g ffctest.Generation) {
	t.Parallel()
	platform, client := polledOn(t, g, nil, ffctest.Flag("a"))
	s, text := listen(t, client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		value := client.Variation(r.Context(), "a", ffc.NewUser("u"), "fallback")
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() { // the connection outlives its request
			defer conn.Close()
			line, _ := rw.ReadString('\n')
			fmt.Fprintf(conn, "%s and %s", value, line)
		}()
	})), false)
	conn, err := new(net.Dialer).DialContext(within(t), "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /?u HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := platform.WaitEvents(within(t), 1); err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, "echo\n")
	if got, err := io.ReadAll(bufio.NewReader(conn)); string(got) != "true and echo\n" {
		t.Errorf("got %q, %v", got, err)
	}
	s.Close()
	if logged := text.String(); logged != "" {
		t.Errorf("net/http logs %s", logged)
	}
}

// hiding is a ResponseWriter of the application's that does not say when the
// connection has been hijacked.
type hiding struct{ http.ResponseWriter }

func (h hiding) Unwrap() http.ResponseWriter { return h.ResponseWriter }

func (h hiding) Write(p []byte) (int, error) {
	_, _ = h.ResponseWriter.Write(p)
	return len(p), nil
}

// TestMiddlewareHijackHidden: nothing panics then either.
func TestMiddlewareHijackHidden(t *testing.T) {
	t.Parallel()
	platform, client := polled(t, nil, ffctest.Flag("a"))
	inner := client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		client.Variation(r.Context(), "a", ffc.NewUser("u"), "fallback")
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhijacked")
		conn.Close()
	}))
	s, text := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { inner.ServeHTTP(hiding{w}, r) }), false)
	if body, err := get(within(t), s.Client(), s.URL); body != "hijacked" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	if _, err := platform.WaitEvents(within(t), 1); err != nil {
		t.Error(err)
	}
	s.Close()
	if logged := text.String(); strings.Contains(logged, "panic") {
		t.Errorf("net/http logs %s", logged)
	}
}

// TestMiddlewareStreams: what a handler flushes leaves at once.
func TestMiddlewareStreams(t *testing.T) {
	t.Parallel()
	onBoth(t, testMiddlewareStreams)
}

func testMiddlewareStreams(t *testing.T, g ffctest.Generation) {
	t.Parallel()
	flushes := map[string]func(http.ResponseWriter) error{
		"Flusher":            func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"ResponseController": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	}
	for name, flush := range flushes {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", name, http2), func(t *testing.T) {
				t.Parallel()
				platform, client := polledOn(t, g, nil, ffctest.Flag("a"))
				next := make(chan string, 1)
				s, _ := listen(t, client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for user := range next {
						_, _ = io.WriteString(w, client.Variation(r.Context(), "a", ffc.NewUser(user), "fallback")+"\n")
						if err := flush(w); err != nil {
							t.Error(err)
						}
					}
				})), http2)
				req, err := http.NewRequestWithContext(within(t), http.MethodGet, s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				next <- "first"
				resp, err := s.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				lines := bufio.NewScanner(resp.Body)
				for i := range 3 {
					if i > 0 {
						next <- fmt.Sprint(i)
					}
					if !lines.Scan() || lines.Text() != "true" {
						t.Fatalf("line %d: got %q, %v", i, lines.Text(), lines.Err())
					}
				}
				if n := len(platform.Events()); n != 0 {
					t.Errorf("%d events arrived during the response", n)
				}
				close(next)
				if lines.Scan() || lines.Err() != nil {
					t.Errorf("more: %q, %v", lines.Text(), lines.Err())
				}
				if n := len(platform.Events()); n != 3 {
					t.Errorf("%d events arrived, want 3", n)
				}
			})
		}
	}
}

// TestMiddlewareCompletesFirst: in HTTP/1 a response of known length is whole for
// its client while events are still being delivered. The next request on the
// connection waits for that, and so do responses of unknown length.
func TestMiddlewareCompletesFirst(t *testing.T) {
	t.Parallel()
	onBoth(t, testMiddlewareCompletesFirst)
}

func testMiddlewareCompletesFirst(t *testing.T, g ffctest.Generation) {
	t.Parallel()
	tests := []struct {
		name      string
		length    string
		http2     bool
		completes bool
	}{
		{name: "HTTP/1, length known", length: "4", completes: true},
		{name: "HTTP/1, length unknown"},
		{name: "HTTP/2", length: "4", http2: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			platform, client := polledOn(t, g, nil, ffctest.Flag("a"))
			s, _ := listen(t, client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.length != "" {
					w.Header().Set("Content-Length", test.length)
				}
				if r.URL.Path == "/" {
					evaluating(client).ServeHTTP(w, r)
				} else {
					_, _ = io.WriteString(w, "next")
				}
			})), test.http2)
			resume := platform.Stall(ffctest.Events)
			defer resume()
			var delivering atomic.Bool
			delivering.Store(true)
			type result struct {
				body   string
				err    error
				waited bool // for the delivery
			}
			request := func(path string) <-chan result {
				done := make(chan result, 1)
				go func() {
					body, err := get(within(t), s.Client(), s.URL+path)
					done <- result{body, err, !delivering.Load()}
				}()
				return done
			}
			first := request("/?u")
			if _, err := platform.WaitRequests(within(t), ffctest.Events, 1); err != nil {
				t.Fatal(err)
			}
			if test.completes {
				if got := receive(t, "the response", first); got != (result{body: "true"}) {
					t.Errorf("got %+v", got)
				}
				first = request("/next")
			}
			delivering.Store(false)
			resume()
			if got := receive(t, "the last response", first); got.err != nil || !test.completes && !got.waited {
				t.Errorf("got %+v", got)
			}
			if n := len(platform.Events()); n != 1 {
				t.Errorf("%d events arrived, want 1", n)
			}
		})
	}
}

// TestMiddlewareHTTP2: requests that share a connection are requests like any
// other.
func TestMiddlewareHTTP2(t *testing.T) {
	t.Parallel()
	onBoth(t, testMiddlewareHTTP2)
}

func testMiddlewareHTTP2(t *testing.T, g ffctest.Generation) {
	t.Parallel()
	platform, client := polledOn(t, g, nil, ffctest.Flag("a"))
	var together sync.WaitGroup
	together.Add(10)
	s, _ := listen(t, client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("got %s", r.Proto)
		}
		evaluating(client).ServeHTTP(w, r)
		together.Done()
		together.Wait()
	})), true)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if body, err := get(within(t), s.Client(), fmt.Sprintf("%s/?u%d", s.URL, i)); body != "true" || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
	wg.Wait()
	if _, err := platform.WaitEvents(within(t), 10); err != nil {
		t.Error(err)
	}
}

// TestMiddlewareClientGone: a client that leaves in the middle does not take its
// events along.
func TestMiddlewareClientGone(t *testing.T) {
	t.Parallel()
	onBoth(t, testMiddlewareClientGone)
}

func testMiddlewareClientGone(t *testing.T, g ffctest.Generation) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %v", http2), func(t *testing.T) {
			t.Parallel()
			platform, client := polledOn(t, g, nil, ffctest.Flag("a"))
			ctx, leave := context.WithCancel(within(t))
			s, _ := listen(t, client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				evaluating(client).ServeHTTP(w, r)
				leave()
				<-r.Context().Done()
			})), http2)
			if body, err := get(ctx, s.Client(), s.URL+"/?u"); !errors.Is(err, context.Canceled) {
				t.Errorf("got %q, %v", body, err)
			}
			if _, err := platform.WaitEvents(within(t), 1); err != nil {
				t.Error(err)
			}
		})
	}
}
