package poll_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	const path = "https://signed.test/flags?signature=hunter2"
	unusable := "URL: invalid URL: expected http(s)://host/path without a user name"
	tests := []struct {
		name     string
		settings poll.Transport
		want     []string // lines of the error
	}{
		{"defaults", poll.Transport{}, nil},
		{"all", poll.Transport{MaxAge: 1, Budget: 1, Interval: time.Millisecond, Timeout: 1, FirstRetry: 1, MaxRetry: 1, MaxMessage: 1, URL: path}, nil},
		{"negative", poll.Transport{MaxAge: -1, Budget: -time.Second, Interval: -1, Timeout: -1, FirstRetry: -1, MaxRetry: -1, MaxMessage: -1, URL: "x"}, []string{
			"MaxAge: -1ns is negative: expected 0 (the default) or more",
			"Budget: -1s is negative: expected 0 (the default) or more",
			"Interval: -1ns is negative: expected 0 (the default) or more",
			"Timeout: -1ns is negative: expected 0 (the default) or more",
			"FirstRetry: -1ns is negative: expected 0 (the default) or more",
			"MaxRetry: -1ns is negative: expected 0 (the default) or more",
			"MaxMessage: -1 is negative: expected 0 (the default) or more",
			unusable,
		}},
		{"retries", poll.Transport{FirstRetry: 2 * time.Minute}, []string{"FirstRetry: 2m0s is too long: expected at most MaxRetry, which is 1m0s"}},
		{"an interval without a unit", poll.Transport{Interval: 30}, []string{"Interval: 30ns is too short: expected at least 1ms; a number without a unit counts nanoseconds"}},
		{"other scheme", poll.Transport{URL: "ftp://signed.test/flags?signature=hunter2"}, []string{unusable}},
		{"no scheme", poll.Transport{URL: "signed.test/flags?signature=hunter2"}, []string{unusable}},
		{"no host", poll.Transport{URL: "https:///flags?signature=hunter2"}, []string{unusable}},
		{"port only", poll.Transport{URL: "https://:443/flags?signature=hunter2"}, []string{unusable}},
		{"user name", poll.Transport{URL: "https://hunter2@signed.test/flags"}, []string{unusable}},
		{"not a URL", poll.Transport{URL: "https://signed.test/%zz?signature=hunter2"}, []string{unusable}},
		{"line break", poll.Transport{URL: "https://signed.test/\nhunter2"}, []string{unusable}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := tt.settings
			session, err := tt.settings.Open(transport.Env{Platform: "classic", BaseURL: baseURL, HTTPClient: &http.Client{}})
			got := ""
			if err != nil {
				got = err.Error()
			}
			if want := strings.Join(tt.want, "\n"); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if (session == nil) != (err != nil) {
				t.Errorf("got session %v with error %v", session, err)
			}
			if tt.settings != before {
				t.Error("the configuration was changed")
			}
		})
	}
}

func TestUnknownPlatform(t *testing.T) {
	t.Parallel()
	if _, err := (&poll.Transport{}).Open(transport.Env{Platform: "other"}); err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Errorf("got %v", err)
	}
}

// Open does nothing but look at the settings.
func TestOpenIsQuiet(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := newPlatform(t, with(200, data))
		for _, interval := range []time.Duration{0, time.Second} {
			s := open(t, p, poll.Transport{Interval: interval})
			if (s.runner != nil) != (interval > 0) || (s.refresher != nil) != (interval == 0) {
				t.Errorf("Interval %v: runner %v, refresher %v", interval, s.runner, s.refresher)
			}
			stale()
			if len(p.requests()) > 0 || len(s.store.told()) > 0 || s.stats() != (transport.Stats{}) {
				t.Error("something was done")
			}
		}
	})
}

// Each setting reaches what it is for; what they do there is tested there.
func TestSettingsInUse(t *testing.T) {
	tests := []struct {
		name                                       string
		settings                                   poll.Transport
		maxAge, budget, timeout, firstRetry, atEnd time.Duration
	}{
		{"defaults", poll.Transport{}, 30 * time.Second, 500 * ms, 10 * time.Second, time.Second, time.Minute},
		{"configured", poll.Transport{MaxAge: time.Minute, Budget: time.Second, Timeout: 5 * time.Second, FirstRetry: 4 * time.Second, MaxRetry: 16 * time.Second},
			time.Minute, time.Second, 5 * time.Second, 4 * time.Second, 16 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := newPlatform(t, with(200, data))
				s := open(t, p, tt.settings)
				s.refreshed()
				p.requests()
				time.Sleep(tt.maxAge*9/10 - 1)
				s.refreshed()
				s.checkAsked()
				time.Sleep(tt.maxAge/10 + 1)
				s.refreshed()
				s.checkAsked(plural)

				stale()
				p.answers(hanging)
				if o := <-s.refresh(); o.took != tt.budget {
					t.Errorf("Refresh took %v, want %v", o.took, tt.budget)
				}
				time.Sleep(tt.timeout - tt.budget - ms)
				checkCalls(t, s.store.told())
				time.Sleep(2 * ms)
				checkCalls(t, s.store.told(), "interrupted")

				p.answers(with(500, ""))
				p.requests()
				if pause := s.paused(); pause < tt.firstRetry/2 || pause > tt.firstRetry+50*ms {
					t.Errorf("tried again after %v, want %v or up to a half less", pause, tt.firstRetry)
				}
				for range 10 {
					s.paused()
				}
				if pause := s.paused(); pause < tt.atEnd/2 || pause > tt.atEnd+50*ms {
					t.Errorf("tried again after %v, want %v or up to a half less", pause, tt.atEnd)
				}
			})
		})
	}
}
