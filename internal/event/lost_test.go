package event

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// TestAnswerLost: events that may have arrived are sent again, and counted.
func TestAnswerLost(t *testing.T) {
	lose := func(which ...int) func(int, []item) reply {
		return func(n int, _ []item) reply {
			for _, i := range which {
				if i == n {
					return reply{err: errReset}
				}
			}
			return reply{}
		}
	}
	t.Run("and tried again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sink := testPlatform{answer: lose(0)}
			p := inMemory(flush.Config{}, &sink)
			record(p, user("u"), "a", "b")
			checkError(t, p.Flush(t.Context()), nil)
			checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Resent: 2, Requests: 2})
		})
	})
	t.Run("in an earlier flush", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sink := testPlatform{answer: lose(0)}
			p := inMemory(flush.Config{Retries: -1}, &sink)
			record(p, user("u"), "a", "b")
			checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 2, Cause: errReset})
			record(p, user("u"), "c")
			checkError(t, p.Flush(t.Context()), nil)
			if got := sink.seen()[1].names(); got != "a b c" {
				t.Errorf("second request: %s", got)
			}
			checkStats(t, p, flush.Stats{Recorded: 3, Delivered: 3, Resent: 2, Requests: 2})
		})
	})
	t.Run("several times", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sink := testPlatform{answer: lose(0, 1, 2, 4)}
			p := inMemory(flush.Config{}, &sink)
			record(p, user("u"), "a")
			checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1, Cause: errReset})
			checkStats(t, p, flush.Stats{Recorded: 1, Queued: 1, Resent: 2, Requests: 3})
			record(p, user("u"), "b")
			checkError(t, p.Flush(t.Context()), nil)
			// The fourth repeats a only, the sixth also b of the fifth.
			checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Resent: 3, Requests: 4})
		})
	})
	t.Run("and then refused as too large", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sink := testPlatform{answer: func(n int, items []item) reply {
				switch {
				case n == 0:
					return reply{err: errReset}
				case len(items) > 1:
					return reply{status: 413}
				}
				return reply{}
			}}
			p := inMemory(flush.Config{}, &sink)
			record(p, user("u"), "a", "b")
			checkError(t, p.Flush(t.Context()), nil)
			checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Resent: 4, Requests: 4})
		})
	})
}

// TestConnectionLost breaks real connections at different moments.
func TestConnectionLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		read func(*http.Request) // before the connection is reset
	}{
		{name: "after the request", read: func(r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }},
		{name: "half-way", read: func(r *http.Request) { _, _ = io.CopyN(io.Discard, r.Body, 1000) }},
		{name: "after the header", read: func(*http.Request) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var sink testPlatform
			first := true
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !first {
					sink.ServeHTTP(w, r)
					return
				}
				first = false
				test.read(r)
				conn, _, err := w.(http.Hijacker).Hijack()
				if err != nil {
					panic(err)
				}
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			}))
			t.Cleanup(server.Close)
			p := New(flush.Config{RetryWait: time.Millisecond}, destination(server.URL, server.Client()))
			u := user("u")
			u.Set("big", strings.Repeat("x", 100<<10))
			record(p, u, "a", "b")
			checkError(t, p.Flush(t.Context()), nil)
			if got := sink.arrived(); got != "a b" {
				t.Errorf("arrived: %s", got)
			}
			checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Resent: 2, Requests: 2})
		})
	}
}

// TestLostOverHTTP2 has streams instead of connections.
func TestLostOverHTTP2(t *testing.T) {
	t.Parallel()
	sink := testPlatform{answer: func(n int, _ []item) reply {
		if n == 1 {
			return reply{err: errReset}
		}
		return reply{}
	}}
	server := httptest.NewUnstartedServer(&sink)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	t.Cleanup(server.Close)
	p := New(flush.Config{RetryWait: time.Millisecond}, destination(server.URL, server.Client()))
	record(p, user("u"), "a")
	checkError(t, p.Flush(t.Context()), nil)
	record(p, user("u"), "b")
	checkError(t, p.Flush(t.Context()), nil)
	checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Resent: 1, Requests: 3})
}

// TestNeverSent has failures before there is a connection: nothing can have
// arrived, so trying again repeats nothing.
func TestNeverSent(t *testing.T) {
	never := func(t *testing.T, to Destination) {
		t.Helper()
		p := New(flush.Config{RetryWait: time.Millisecond, Timeout: time.Second}, to)
		record(p, user("u"), "a", "b")
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 2})
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 2})
		checkStats(t, p, flush.Stats{Recorded: 2, Queued: 2, Requests: 6})
	}
	t.Run("connection refused", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(http.NotFoundHandler())
		server.Close()
		never(t, destination(server.URL, &http.Client{Transport: &http.Transport{}}))
	})
	t.Run("certificate not trusted", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(http.NotFoundHandler())
		server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
		server.StartTLS()
		t.Cleanup(server.Close)
		never(t, destination(server.URL, &http.Client{Transport: &http.Transport{}}))
	})
	t.Run("dialling takes too long", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			never(t, destination("http://platform.test", &http.Client{Transport: &http.Transport{
				// http.Transport lets a dial go on when its request has ended.
				DialContext: func(context.Context, string, string) (net.Conn, error) {
					time.Sleep(5 * time.Second)
					return nil, context.DeadlineExceeded
				},
			}}))
			time.Sleep(5 * time.Second)
		})
	})
	t.Run("no such host", func(t *testing.T) {
		t.Parallel()
		never(t, destination("http://platform.test", &http.Client{Transport: &http.Transport{
			DialContext: func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "platform.test", IsNotFound: true}}
			},
		}}))
	})
	t.Run("unusable address", func(t *testing.T) {
		t.Parallel()
		p := New(flush.Config{}, destination("http://bad host", http.DefaultClient))
		record(p, user("u"), "a")
		checkError(t, p.Flush(t.Context()), &flush.Error{Retained: 1})
		checkStats(t, p, flush.Stats{Recorded: 1, Queued: 1})
	})
}

// TestTimeout has a platform that takes requests and says nothing.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := testPlatform{answer: func(int, []item) reply { return reply{stall: true} }}
		p := inMemory(flush.Config{}, &sink)
		record(p, user("u"), "a", "b")
		start := time.Now()
		err := p.Flush(t.Context())
		checkError(t, err, &flush.Error{Retained: 2})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error: %v", err)
		}
		if took := time.Since(start); took != 30600*time.Millisecond {
			t.Errorf("took %v, expected three tries of 10 s and the waits between them", took)
		}
		checkStats(t, p, flush.Stats{Recorded: 2, Queued: 2, Resent: 4, Requests: 3})
	})
}

func TestTimeoutOnTheWire(t *testing.T) {
	t.Parallel()
	sink := testPlatform{answer: func(n int, _ []item) reply { return reply{stall: n == 0} }}
	p := overLoopback(t, flush.Config{Timeout: 200 * time.Millisecond, RetryWait: time.Millisecond}, &sink)
	record(p, user("u"), "a", "b")
	checkError(t, p.Flush(t.Context()), nil)
	checkStats(t, p, flush.Stats{Recorded: 2, Delivered: 2, Resent: 2, Requests: 2})
}
