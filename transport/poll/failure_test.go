package poll_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// breaking answers 200 with the beginning of a body.
func breaking(r *http.Request) (*http.Response, error) {
	body := io.MultiReader(strings.NewReader(data[:20]), broken{})
	return &http.Response{StatusCode: 200, Body: io.NopCloser(body), Request: r}, nil
}

// broken is a reader that fails.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// What each way to get no data means for the client and for the requests that
// follow.
func TestFailures(t *testing.T) {
	const s = time.Second
	dialError := func(err error) answer { return failing(&net.OpError{Op: "dial", Net: "tcp", Err: err}) }
	tests := []struct {
		name     string
		answer   answer
		kind     transport.Kind
		text     string
		requests int
		low      time.Duration // to the next request
		high     time.Duration
	}{
		{"connection refused", dialError(syscall.ECONNREFUSED), transport.KindNetwork, "connection refused", 2, s / 2, s},
		{"name not found", dialError(&net.DNSError{Err: "no such host", Name: "platform.test", IsNotFound: true}), transport.KindNetwork, "platform.test: no such host", 2, s / 2, s},
		{"not trusted", failing(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}), transport.KindNetwork, "certificate", 2, s / 2, s},
		{"reset", failing(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}), transport.KindNetwork, "reset", 2, s / 2, s},
		{"204", with(204, ""), transport.KindNetwork, "204 No Content", 1, s / 2, s},
		{"302 to nowhere", with(302, ""), transport.KindNetwork, "302 Found", 1, 60 * s, 75 * s},
		{"304 that was not asked for", with(304, "", `ETag: "a"`), transport.KindNetwork, "304 Not Modified", 1, 60 * s, 75 * s},
		{"400", with(400, ""), transport.KindNetwork, "400 Bad Request", 1, 60 * s, 75 * s},
		{"403", with(403, ""), transport.KindNetwork, "403 Forbidden", 1, 60 * s, 75 * s},
		{"404 on both routes", with(404, ""), transport.KindNetwork, "check the URL", 2, 60 * s, 75 * s},
		{"408", with(408, ""), transport.KindNetwork, "408 Request Timeout", 2, s / 2, s},
		{"429", with(429, ""), transport.KindNetwork, "429 Too Many Requests", 2, s / 2, s},
		{"429 with seconds", with(429, "", "Retry-After: 7"), transport.KindNetwork, "429", 1, 7 * s, 8750 * ms},
		{"429 with a date", with(429, "", "Retry-After: Sat, 01 Jan 2000 00:01:30 GMT"), transport.KindNetwork, "429", 1, 90 * s, 112500 * ms},
		{"429 with a date in the past", with(429, "", "Retry-After: Fri, 31 Dec 1999 00:00:00 GMT"), transport.KindNetwork, "429", 2, s / 2, s},
		{"429 for a day", with(429, "", "Retry-After: 86400"), transport.KindNetwork, "429", 1, 600 * s, 750 * s},
		{"500", with(500, ""), transport.KindNetwork, "500 Internal Server Error", 2, s / 2, s},
		{"503", with(503, ""), transport.KindNetwork, "503 Service Unavailable", 2, s / 2, s},
		{"503 with seconds", with(503, "", "Retry-After: 120"), transport.KindNetwork, "503", 1, 120 * s, 150 * s},
		{"an envelope of an error", with(403, `{"success":false,"message":"no","data":null}`), transport.KindNetwork, "403", 1, 60 * s, 75 * s},
		{"truncated", breaking, transport.KindNetwork, "broke off: unexpected EOF", 1, s / 2, s},
		{"empty", with(200, ""), transport.KindData, "unusable", 1, s / 2, s},
		{"a captive portal", with(200, "<!DOCTYPE html><title>Sign in</title>", "Content-Type: text/html"), transport.KindData, "unusable", 1, s / 2, s},
		{"changes only", with(200, `{"eventType":"patch"}`), transport.KindData, "expected all data", 1, s / 2, s},
		{"too large", with(200, strings.Repeat(" ", 1001)), transport.KindData, "MaxMessage, which is 1000 bytes", 1, s / 2, s},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, tt.answer)
				s := open(t, p, poll.Transport{MaxMessage: 1000})
				err := s.refused("interrupted")
				if err.Kind != tt.kind || !strings.Contains(err.Error(), tt.text) {
					t.Errorf("got %q, want %q and %q", err, tt.kind, tt.text)
				}
				if n := len(p.requests()); n != tt.requests {
					t.Errorf("%d requests, want %d", n, tt.requests)
				}
				if got, want := timeless(s.stats()), (transport.Stats{Connects: uint64(tt.requests), Failures: 1, Fetches: 1}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
				s.checkNotTried()
				p.answers(with(200, data))
				if pause := s.paused(); pause < tt.low || pause > tt.high+50*ms {
					t.Errorf("tried again after %v, want %v to %v", pause, tt.low, tt.high)
				}
				if told := s.store.told(); len(told) != 2 || told[0].what != "applied" || told[1].what != "confirmed" || told[0].message != data {
					t.Errorf("after that the store was told %v", told)
				}
			})
		})
	}
}

// An answer as large as MaxMessage is taken.
func TestMaxMessage(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := open(t, newPlatform(t, with(200, data)), poll.Transport{MaxMessage: int64(len(data))})
		if told := s.refreshed(); len(told) != 2 || told[0].message != data {
			t.Errorf("the store was told %v", told)
		}
	})
}

// What fails once is tried again at once, without telling anybody.
func TestSecondTry(t *testing.T) {
	for name, first := range map[string]answer{
		"503":             with(503, ""),
		"503 and at once": with(503, "", "Retry-After: 0"),
		"429":             with(429, ""),
		"reset":           failing(syscall.ECONNRESET),
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := open(t, newPlatform(t, inTurn(first, with(200, data))), poll.Transport{})
				o := <-s.refresh()
				if o.err != nil || o.took > 200*ms {
					t.Errorf("Refresh: %v after %v", o.err, o.took)
				}
				if told := s.store.told(); len(told) != 2 || told[0].what != "applied" || told[1].what != "confirmed" {
					t.Errorf("the store was told %v", told)
				}
				if got, want := timeless(s.stats()), (transport.Stats{Connects: 2, Fetches: 1}); got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		})
	}
}

// A platform that refuses the secret is not asked again.
func TestRefused(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(401, ""))
		s := open(t, p, poll.Transport{})
		why := s.refused("off")
		if why.Kind != transport.KindRefused || !strings.Contains(why.Error(), "check the secret") {
			t.Errorf("got %q", why)
		}
		p.requests()
		for range 3 {
			stale()
			s.checkNotTried()
		}
		if err := s.refresher.Load(t.Context()); !errors.Is(err, why) || len(p.requests()) > 0 {
			t.Errorf("Load: %v", err)
		}
	})
}

// Once it has taken the secret, a refusal can be a mistake that passes.
func TestRefusedLater(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, inTurn(with(200, data), with(401, "")))
		s := open(t, p, poll.Transport{})
		s.refreshed()
		stale()
		if err := s.refused("interrupted"); err.Kind != transport.KindRefused {
			t.Errorf("got %q", err)
		}
		p.requests()
		p.answers(with(200, data))
		if pause := s.paused(); pause < time.Minute || pause > 75*time.Second+50*ms {
			t.Errorf("tried again after %v", pause)
		}
	})
}

// The platform does not answer: that ends with Timeout.
func TestTimeout(t *testing.T) {
	for _, tt := range []struct{ timeout, want time.Duration }{{0, 10 * time.Second}, {3 * time.Second, 3 * time.Second}} {
		t.Run(fmt.Sprint(tt.want), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, hanging)
				s := open(t, p, poll.Transport{Timeout: tt.timeout, Budget: time.Hour})
				o := <-s.refresh()
				told := s.store.told()
				if o.took != tt.want || len(told) != 1 || told[0].what != "interrupted" {
					t.Errorf("Refresh: %v after %v; the store was told %v", o.err, o.took, told)
				}
				if want := "Network error: the server has not responded in time"; o.err.Error() != want {
					t.Errorf("got %q, want %q", o.err, want)
				}
			})
		})
	}
}

// timeless returns counts without the time of fetches, which a second try lengthens.
func timeless(s transport.Stats) transport.Stats {
	s.FetchTime = 0
	return s
}
