package stream_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// doubling are the upper ends of the default pauses on demand; the lower are
// half.
var doubling = []time.Duration{
	1 * time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second,
	60 * time.Second, 60 * time.Second, 60 * time.Second, 60 * time.Second, 60 * time.Second,
}

// pauses are the upper ends of the default pauses of an outage of less than
// 2 min; the lower are half.
var pauses = []time.Duration{
	1 * time.Second, 2 * time.Second, 4 * time.Second, 4 * time.Second, 4 * time.Second, 4 * time.Second, 4 * time.Second,
}

func TestPausesGrow(t *testing.T) {
	tests := []struct {
		name string
		fail func(c *peer)
	}{
		{"upgrade refused", func(c *peer) { c.refuse("502 Bad Gateway") }},
		{"closed", func(c *peer) {
			c.upgrade()
			c.expect(opText, syncRequest)
			c.closeWith(1000, "")
		}},
		{"closed without data", func(c *peer) {
			c.upgrade()
			c.expect(opText, syncRequest)
			c.closeWith(1011, "")
		}},
		{"cut", func(c *peer) { c.upgrade().cut() }},
		{"bad data", func(c *peer) {
			c.upgrade()
			c.expect(opText, syncRequest)
			c.send("{")
			c.expect(opClose, goingAway)
			c.closeWith(1001, "")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				s := start(t, p, stream.Transport{})
				c := p.accept()
				for _, pause := range pauses {
					tt.fail(c)
					failed := s.store.await("interrupted").at
					c = p.accept()
					checkBetween(t, "pause", c.at.Sub(failed), pause/2, pause)
				}
			})
		})
	}
}

func TestPausesAreSettings(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		p.onDial = func(context.Context) error { return errors.New("no route") }
		s := start(t, p, stream.Transport{FirstRetry: 4 * time.Second, MaxRetry: 10 * time.Second})
		last := s.store.await("interrupted").at
		for _, pause := range []time.Duration{4 * time.Second, 8 * time.Second, 10 * time.Second, 10 * time.Second} {
			at := s.store.await("interrupted").at
			checkBetween(t, "pause", at.Sub(last), pause/2, pause)
			last = at
		}
	})
}

// A connection that synced starts the pauses anew, however short it was; one
// that did not sync does not, however long it was.
func TestPausesStartAnew(t *testing.T) {
	tests := []struct {
		name   string
		idle   time.Duration // between the upgrade and the data
		synced bool
		good   time.Duration // between the data and the end
	}{
		{"synced and over", 0, true, 0},
		{"synced late and over", 20 * time.Second, true, 0},
		{"synced for an hour", 0, true, time.Hour},
		{"over before data", 0, false, 0},
		{"over after a wait for data", 29 * time.Second, false, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				s := start(t, p, stream.Transport{})
				for range 5 {
					p.accept().cut()
				}
				c := p.accept().upgrade()
				c.expect(opText, syncRequest)
				c.answerPings(tt.idle)
				s.store.forget()
				if tt.synced {
					c.send(full)
					s.store.await("confirmed")
				}
				c.answerPings(tt.good)
				c.cut()
				ended := s.store.await("interrupted").at
				pause := pauses[5]
				if tt.synced {
					pause = pauses[0]
				}
				checkBetween(t, "pause", p.accept().at.Sub(ended), pause/2, pause)
			})
		})
	}
}

func TestPauseAfterAnswer(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name       string
		status     string
		retryAfter string
		from, to   time.Duration // to excluded
	}{
		{"400", "400 Bad Request", "", 60 * s, 60 * s * 5 / 4},
		{"401", "401 Unauthorized", "", 60 * s, 60 * s * 5 / 4},
		{"403", "403 Forbidden", "", 60 * s, 60 * s * 5 / 4},
		{"404", "404 Not Found", "", 60 * s, 60 * s * 5 / 4},
		{"426", "426 Upgrade Required", "", 60 * s, 60 * s * 5 / 4},
		{"408", "408 Request Timeout", "", s / 2, s},
		{"421", "421 Misdirected Request", "", s / 2, s},
		{"425", "425 Too Early", "", s / 2, s},
		{"429", "429 Too Many Requests", "", s / 2, s},
		{"500", "500 Internal Server Error", "", s / 2, s},
		{"503", "503 Service Unavailable", "", s / 2, s},
		{"200", "200 OK", "", s / 2, s},
		{"302", "302 Found", "", s / 2, s},
		{"429 and seconds", "429 Too Many Requests", "7", 7 * s, 7 * s * 5 / 4},
		{"503 and seconds", "503 Service Unavailable", "120", 120 * s, 120 * s * 5 / 4},
		{"503 and a date", "503 Service Unavailable", "Sat, 01 Jan 2000 00:00:42 GMT", 42 * s, 42 * s * 5 / 4},
		{"503 and a date that is over", "503 Service Unavailable", "Fri, 31 Dec 1999 00:00:42 GMT", s / 2, s},
		{"503 and less than the pause", "503 Service Unavailable", "0", s / 2, s},
		{"503 and nonsense", "503 Service Unavailable", "soon", s / 2, s},
		{"503 and a negative number", "503 Service Unavailable", "-7", s / 2, s},
		{"503 and a very long time", "503 Service Unavailable", "1000000", 600 * s, 600 * s * 5 / 4},
		{"403 and more than the pause", "403 Forbidden", "90", 90 * s, 90 * s * 5 / 4},
		{"403 and less than the pause", "403 Forbidden", "7", 60 * s, 60 * s * 5 / 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				sn := start(t, p, stream.Transport{})
				if tt.retryAfter != "" {
					p.accept().refuse(tt.status, "Retry-After: "+tt.retryAfter)
				} else {
					p.accept().refuse(tt.status)
				}
				failed := sn.store.awaitError("interrupted", transport.KindWebSocket, tt.status).at
				got := p.accept().at.Sub(failed)
				checkBetween(t, "pause", got, tt.from, tt.to)
			})
		})
	}
}

// All that keeps a connection from coming about is tried again.
func TestErrorsOfTheNetwork(t *testing.T) {
	tests := []struct {
		name string
		err  error
	}{
		{"name not found", &net.DNSError{Err: "no such host", Name: "platform.test", IsNotFound: true}},
		{"name service broken", &net.DNSError{Err: "server misbehaving", Name: "platform.test", IsTemporary: true}},
		{"no route", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("no route to host")}},
		{"certificate", errors.New("tls: failed to verify certificate")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				failures := 0
				p.onDial = func(context.Context) error {
					if failures++; failures <= 3 {
						return tt.err
					}
					return nil
				}
				s := start(t, p, stream.Transport{})
				for range 3 {
					e := s.store.awaitError("interrupted", transport.KindNetwork, "")
					if !errors.Is(e.err, tt.err) {
						t.Errorf("got %v, want %v in it", e.err, tt.err)
					}
				}
				s.ready()
			})
		})
	}
}

func TestConnectTimeout(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name     string
		settings stream.Transport
		client   time.Duration // http.Client.Timeout
		want     time.Duration
	}{
		{"default", stream.Transport{}, 0, 10 * s},
		{"configured", stream.Transport{ConnectTimeout: 3 * s}, 0, 3 * s},
		{"of the HTTP client", stream.Transport{}, 2 * s, 2 * s},
		{"of an HTTP client with timeout", stream.Transport{}, time.Hour, 10 * s},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				p.http.Timeout = tt.client
				s := start(t, p, tt.settings)
				begin := time.Now()
				p.accept()
				e := s.store.awaitError("interrupted", transport.KindNetwork, "deadline")
				checkExactly(t, "given up", e.at.Sub(begin), tt.want)
				// What bounds connecting does not bound the connection.
				c := s.ready()
				c.answerPings(2 * time.Hour)
				if n := s.store.count("interrupted"); n != 1 {
					t.Errorf("interrupted %d times", n)
				}
			})
		})
	}
}

// The application's HTTP client is used as it is, and left as it was.
func TestHTTPClientOfTheApplication(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		seen := make(chan *http.Request, 10)
		inner := p.http.Transport
		p.http.Transport = testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
			seen <- r
			return inner.RoundTrip(r)
		})
		redirects := 0
		p.http.CheckRedirect = func(*http.Request, []*http.Request) error {
			redirects++
			return nil
		}
		before := *p.http
		s := start(t, p, stream.Transport{})
		p.accept().refuse("302 Found", "Location: http://elsewhere.test/")
		s.ready()
		if len(seen) != 2 || redirects != 0 {
			t.Errorf("got %d requests and %d redirects, want 2 and 0", len(seen), redirects)
		}
		if p.http.Timeout != before.Timeout || p.http.CheckRedirect == nil || p.http.Jar != before.Jar {
			t.Error("the client of the application has changed")
		}
	})
}

func TestStats(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		check := func(connects, failures uint64) {
			t.Helper()
			synctest.Wait()
			want := transport.Stats{Connects: connects, Failures: failures}
			if got := s.stats(); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		c := p.accept()
		check(1, 0)
		c.refuse("503 Service Unavailable")
		check(1, 1)
		c = s.ready()
		check(2, 1)
		c.cut()
		check(2, 2)
		s.ready()
		check(3, 2)
		s.close()
		check(3, 2)
	})
}
