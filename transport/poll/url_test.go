package poll_test

import (
	"errors"
	"fmt"
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

const signed = "https://store.test/flags.json?Expires=1&Signature=hunter2%2B"

// Data from another URL is requested without the secret, and may be older.
func TestURL(t *testing.T) {
	tests := []struct {
		name, url string
		secret    bool
	}{
		{"elsewhere", signed, false},
		{"a part of the platform's host", "https://test/flags", false},
		{"a host inside the platform's", "https://platform.test.evil.test/flags", false},
		{"another port", "https://platform.test:8443/flags", false},
		{"not encrypted", "http://platform.test/flags", false},
		{"the platform's host", "https://platform.test/flags?x=1", true},
		{"the platform's host in upper case", "https://PLATFORM.test/flags", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, with(200, data, `ETag: "a"`))
				s := open(t, p, poll.Transport{URL: tt.url})
				if told := s.refreshed(); told[0].asked != 0 {
					t.Errorf("applied with mark %d, want that of what may be old", told[0].asked)
				}
				p.answers(with(304, ""))
				checkCalls(t, s.refreshedIf(`"a"`, ""), "confirmed")
				p.answers(with(404, ""))
				stale()
				if err := s.refused("interrupted"); !strings.Contains(err.Error(), "404") {
					t.Errorf("got %q", err)
				}
				requests := p.requests()
				if len(requests) != 1 || requests[0].URL.String() != tt.url {
					t.Errorf("asked %q, want %q", urls(requests), tt.url)
				}
				for _, r := range requests {
					if got := r.Header.Get("envSecret"); (got == secret) != tt.secret || got != "" && !tt.secret {
						t.Errorf("the secret was sent: %v, want %v", got != "", tt.secret)
					}
				}
			})
		})
	}
}

// A signed URL is as good as a secret: no error shows it.
func TestURLIsNotTold(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]answer{
		"refused":   failing(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}),
		"401":       with(401, ""),
		"403":       with(403, "<Error>hunter2</Error>"),
		"404":       with(404, ""),
		"500":       with(500, ""),
		"redirect":  with(302, "", "Location: "+signed),
		"to http":   with(302, "", "Location: http://store.test/?hunter2"),
		"junk":      with(200, "hunter2"),
		"truncated": breaking,
		"hanging":   hanging,
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := open(t, newPlatform(t, a), poll.Transport{URL: signed, Budget: time.Hour})
				err := s.refused("interrupted")
				for _, format := range []string{"%v", "%+v"} {
					if text := fmt.Sprintf(format, err); strings.Contains(text, "hunter2") || strings.Contains(text, "Signature") {
						t.Errorf("got %q", text)
					}
				}
				for cause := error(err); cause != nil; cause = errors.Unwrap(cause) {
					if strings.Contains(cause.Error(), "hunter2") {
						t.Errorf("got %T %v", cause, cause)
					}
				}
			})
		})
	}
}

// A 401 of a server that was not sent the secret says nothing about it.
func TestRefusedElsewhere(t *testing.T) {
	redirect := routes(map[string]answer{plural: with(307, "", "Location: https://store.test/flags"), "https://store.test/flags": with(401, "")})
	for name, tt := range map[string]struct {
		url    string
		answer answer
	}{"URL": {signed, with(401, "")}, "redirect": {"", redirect}} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := open(t, newPlatform(t, tt.answer), poll.Transport{URL: tt.url})
				err := s.refused("interrupted")
				if err.Kind != transport.KindNetwork || !strings.Contains(err.Error(), "may not have the secret") {
					t.Errorf("got %q", err)
				}
				s.p.answers(with(200, data))
				stale()
				s.refreshed()
			})
		})
	}
}

// A redirect is followed, without the secret where it leads to another host.
// What is there may be old.
func TestRedirect(t *testing.T) {
	for to, sent := range map[string]bool{"https://store.test/flags": false, baseURL + "/elsewhere": true} {
		t.Run(to, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, routes(map[string]answer{plural: with(307, "", "Location: "+to), to: with(200, data, `ETag: "a"`)}))
				s := open(t, p, poll.Transport{})
				if told := s.refreshed(); (told[0].asked == 7) != sent || (told[0].asked == 0) == sent {
					t.Errorf("applied with mark %d", told[0].asked)
				}
				requests := p.requests()
				for i, want := range []bool{true, sent} {
					if got := requests[i].Header.Get("envSecret") != ""; got != want {
						t.Errorf("%s got the secret: %v, want %v", requests[i].URL, got, want)
					}
				}
				if got := requests[1].Header.Values("Referer"); len(got) > 0 {
					t.Errorf("got Referer %q", got)
				}
				checkCalls(t, s.refreshedIf(`"a"`, ""), "applied", "confirmed")
			})
		})
	}
}

// A redirect that is followed nowhere is a failure.
func TestRedirectsInACircle(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := open(t, newPlatform(t, func(r *http.Request) (*http.Response, error) {
			return with(302, "", "Location: "+r.URL.String())(r)
		}), poll.Transport{})
		if err := s.refused("interrupted"); err.Kind != transport.KindNetwork || !strings.Contains(err.Error(), "too many redirects") {
			t.Errorf("got %q", err)
		}
	})
}
