package ffc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
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
	platforms.Each(t, testMiddlewarePanics)
}

func testMiddlewarePanics(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	for _, value := range []any{http.ErrAbortHandler, "a mistake", errors.New("an error"), 7} {
		t.Run(fmt.Sprint(value), func(t *testing.T) {
			t.Parallel()
			platform, client := polledOn(t, p, nil, ffctest.Flag("a"))
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
			if body, err := get(testkit.Within(t), s.Client(), s.URL+"/?u"); err == nil || body != "" {
				t.Errorf("the client got %q, %v; want a connection cut before what was buffered", body, err)
			}
			if got := receive(t, "the panic", seen); got != value {
				t.Errorf("net/http sees %v", got)
			}
			s.Close() // what is logged has been
			closeAndCheck(t, client, platform, 1)
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
	platforms.Each(t, testMiddlewareHijacked)
}

func testMiddlewareHijacked(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	platform, client := polledOn(t, p, nil, ffctest.Flag("a"))
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
	conn, err := new(net.Dialer).DialContext(testkit.Within(t), "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET /?u HTTP/1.1\r\nHost: x\r\n\r\n")
	fmt.Fprint(conn, "echo\n")
	if got, err := io.ReadAll(bufio.NewReader(conn)); string(got) != "true and echo\n" {
		t.Errorf("got %q, %v", got, err)
	}
	s.Close()
	closeAndCheck(t, client, platform, 1)
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
	if body, err := get(testkit.Within(t), s.Client(), s.URL); body != "hijacked" || err != nil {
		t.Errorf("got %q, %v", body, err)
	}
	s.Close()
	closeAndCheck(t, client, platform, 1)
	if logged := text.String(); strings.Contains(logged, "panic") {
		t.Errorf("net/http logs %s", logged)
	}
}

// TestMiddlewareStreams: what a handler flushes leaves at once.
func TestMiddlewareStreams(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testMiddlewareStreams)
}

func testMiddlewareStreams(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	flushes := map[string]func(http.ResponseWriter) error{
		"Flusher":            func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil },
		"ResponseController": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
	}
	for name, flush := range flushes {
		for _, http2 := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, HTTP/2 %v", name, http2), func(t *testing.T) {
				t.Parallel()
				platform, client := polledOn(t, p, nil, ffctest.Flag("a"))
				next := make(chan string, 1)
				s, _ := listen(t, client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for user := range next {
						_, _ = io.WriteString(w, client.Variation(r.Context(), "a", ffc.NewUser(user), "fallback")+"\n")
						if err := flush(w); err != nil {
							t.Error(err)
						}
					}
				})), http2)
				req, err := http.NewRequestWithContext(testkit.Within(t), http.MethodGet, s.URL, nil)
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
				close(next)
				if lines.Scan() || lines.Err() != nil {
					t.Errorf("more: %q, %v", lines.Text(), lines.Err())
				}
				closeAndCheck(t, client, platform, 3)
			})
		}
	}
}

// responders are handlers that answer in every way there is.
var responders = map[string]func(w http.ResponseWriter, r *http.Request){
	"print":         func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "some text") },
	"JSON":          func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(map[string]int{"a": 1}) },
	"no content":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	"nothing":       func(http.ResponseWriter, *http.Request) {},
	"redirect":      func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusSeeOther) },
	"not modified":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) },
	"error":         func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "sorry", http.StatusTeapot) },
	"large":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("x"), 100<<10)) },
	"panic":         func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "half"); panic(http.ErrAbortHandler) },
	"panic at once": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	"known length": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "4")
		fmt.Fprint(w, "text")
	},
	"less than promised": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "40")
		fmt.Fprint(w, "text")
	},
	"flushed": func(w http.ResponseWriter, _ *http.Request) {
		for range 3 {
			fmt.Fprint(w, "part")
			w.(http.Flusher).Flush()
		}
	},
	"trailer": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-After")
		fmt.Fprint(w, "text")
		w.Header().Set("X-After", "the end")
	},
	"early hints": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		fmt.Fprint(w, "text")
	},
	"hijacked": func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			fmt.Fprint(conn, "HTTP/1.0 200 Mine\r\n\r\nall of it")
			conn.Close()
		}
	},
}

// TestMiddlewareResponsesAreUntouched: every response is, byte for byte, what it
// is without the middleware, while a delivery hangs, and also if responses are
// held.
func TestMiddlewareResponsesAreUntouched(t *testing.T) {
	t.Parallel()
	platform, client := polled(t, nil, ffctest.Flag("a"))
	defer platform.Stall(ffctest.Events)()
	evaluate := func(r *http.Request) { client.Variation(r.Context(), "a", ffc.NewUser("u"), "fallback") }
	evaluate(httptest.NewRequest(http.MethodGet, "/", nil))
	handlers := map[string]func(http.Handler) http.Handler{
		"without": func(next http.Handler) http.Handler { return next },
		"with":    client.Middleware,
		"held": func(next http.Handler) http.Handler {
			return client.MiddlewareWith(ffc.MiddlewareConfig{HoldResponse: time.Millisecond}, next)
		},
	}
	for name, respond := range responders {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			got := make(map[string]string)
			for with, wrap := range handlers {
				s, _ := listen(t, wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					evaluate(r)
					respond(w, r)
				})), false)
				got[with] = rawResponse(t, s, method)
			}
			for _, with := range []string{"with", "held"} {
				if got[with] != got["without"] {
					t.Errorf("%s %s, %s: got %.200q, without the middleware %.200q", method, name, with, got[with], got["without"])
				}
			}
		}
	}
	if n := len(platform.Requests(ffctest.Events)); n == 0 {
		t.Error("no delivery was under way")
	}
}

// rawResponse returns the bytes of a response, but for the date.
func rawResponse(t *testing.T, s *httptest.Server, method string) string {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(testkit.Within(t), "tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "%s / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method)
	response, _ := io.ReadAll(conn)
	return date.ReplaceAllString(string(response), "Date: now\r\n")
}

var date = regexp.MustCompile(`Date: [^\r]*\r\n`)

// closeAndCheck closes the client and fails the test unless so many events have
// arrived by then.
func closeAndCheck(t *testing.T, client *ffc.Client, platform *ffctest.Server, want int) {
	t.Helper()
	if err := client.Close(testkit.Within(t)); err != nil {
		t.Error(err)
	}
	if n := len(platform.Events()); n != want {
		t.Errorf("%d events arrived, want %d", n, want)
	}
}

// TestMiddlewareHTTP2: requests that share a connection are requests like any
// other.
func TestMiddlewareHTTP2(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testMiddlewareHTTP2)
}

func testMiddlewareHTTP2(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	platform, client := polledOn(t, p, nil, ffctest.Flag("a"))
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
			if body, err := get(testkit.Within(t), s.Client(), fmt.Sprintf("%s/?u%d", s.URL, i)); body != "true" || err != nil {
				t.Errorf("got %q, %v", body, err)
			}
		})
	}
	wg.Wait()
	closeAndCheck(t, client, platform, 10)
}

// TestMiddlewareClientGone: a client that leaves in the middle does not take its
// events along.
func TestMiddlewareClientGone(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testMiddlewareClientGone)
}

func testMiddlewareClientGone(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		t.Run(fmt.Sprintf("HTTP/2 %v", http2), func(t *testing.T) {
			t.Parallel()
			platform, client := polledOn(t, p, nil, ffctest.Flag("a"))
			ctx, leave := context.WithCancel(testkit.Within(t))
			s, _ := listen(t, client.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				evaluating(client).ServeHTTP(w, r)
				leave()
				<-r.Context().Done()
			})), http2)
			if body, err := get(ctx, s.Client(), s.URL+"/?u"); !errors.Is(err, context.Canceled) {
				t.Errorf("got %q, %v", body, err)
			}
			s.Close() // waits for the request
			closeAndCheck(t, client, platform, 1)
		})
	}
}
