package event

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

// TestNoSecretInTexts looks for the secret and for a password in the address,
// in errors and in the log.
func TestNoSecretInTexts(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	const password = "hunter2"
	tests := []struct {
		name   string
		secret string
		answer reply
		base   string // if not the testPlatform's
	}{
		{name: "rejected", answer: reply{status: 400}},
		{name: "refused", answer: reply{status: 401}},
		{name: "moved", answer: reply{status: 307, to: "http://elsewhere.test/?token=" + testSecret}},
		{name: "fails", answer: reply{status: 500}},
		{name: "reset", answer: reply{err: errReset}},
		{name: "stalls", answer: reply{stall: true}},
		{name: "secret not fit for a header", secret: testSecret + "\n"},
		{name: "no listener", base: strings.Replace(closed.URL, "://", "://user:"+password+"@", 1)},
		{name: "no host", base: "http://user:" + password + "@"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sink := testPlatform{answer: func(int, []item) reply { return test.answer }}
			server := sink.serve(t)
			base := test.base
			if base == "" {
				base = strings.Replace(server.URL, "://", "://user:"+password+"@", 1)
			}
			to := destination(base, server.Client())
			if test.secret != "" {
				to.Secret = func() string { return test.secret }
			}
			p := New(flush.Config{Retries: -1, Timeout: 100 * time.Millisecond}, to)
			var log bytes.Buffer
			logTo(p, &log)
			record(p, user("u"), "a")
			flushed := p.Flush(t.Context())
			if flushed == nil {
				t.Fatal("delivered")
			}
			text := fmt.Sprintf("%v %+v %#v\n%s", flushed, flushed, errors.Unwrap(flushed), &log)
			for _, hidden := range []string{testSecret, password} {
				if strings.Contains(text, hidden) {
					t.Errorf("%q is in %s", hidden, text)
				}
			}
			if log.Len() == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

// TestPrivateAttributes looks for private values in whole bodies.
func TestPrivateAttributes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		p := inMemory(flush.Config{PrivateAttributes: []string{"Name", "email", "Country", "plan", "salary", "no such"}}, &sink)
		for i := range 3 {
			u := user(fmt.Sprintf("key-%d", i))
			u.Name, u.Email, u.Country = "private-name", "private-email", "private-country"
			u.Set("plan", "private-plan")
			u.Set("age", "18")
			u.Set("salary", "private-salary")
			for range 3 { // the second time the user is copied from the first
				record(p, u, "flag")
				p.RecordMetric(u, "metric", 1)
			}
		}
		checkError(t, p.Flush(t.Context()), nil)
		body := string(sink.seen()[0].body)
		if strings.Contains(body, "private") || strings.Contains(body, "plan") || strings.Contains(body, "salary") {
			t.Errorf("body: %s", body)
		}
		if got := strings.Count(body, `"customizedProperties":[{"name":"age","value":"18"}]`); got != 18 {
			t.Errorf("%d users with their other attribute, expected 18: %s", got, body)
		}
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cfg  flush.Config
		want []string
	}{
		{name: "zero"},
		{name: "negative where that means something", cfg: flush.Config{Interval: -1, Retries: -1}},
		{name: "negative", cfg: flush.Config{Capacity: -1, BatchSize: -2, Requests: -3, RetryWait: -4, Timeout: -5, Once: -6},
			want: []string{"Capacity: -1 is neg", "BatchSize: -2 is neg", "Requests: -3 is neg", "RetryWait: -4ns is neg", "Timeout: -5ns is neg", "Once: -6ns is neg"}},
		{name: "at the limits", cfg: flush.Config{Capacity: 10_000_000, BatchSize: 1000}},
		{name: "above the limits", cfg: flush.Config{Capacity: 10_000_001, BatchSize: 1001},
			want: []string{"Capacity: 10000001 is above the maximum: expected at most 10000000", "BatchSize: 1001 is above the maximum: expected at most 1000"}},
		{name: "private", cfg: flush.Config{PrivateAttributes: []string{"name", "Email", "COUNTRY", "NAMES", "Plan", "nAME"}}},
		{name: "private, the key on classic only", cfg: flush.Config{PrivateAttributes: []string{"key", "KeyId", "KEYID"}}},
		{name: "private key", cfg: flush.Config{PrivateAttributes: []string{"keyId", ""}}, want: []string{`"keyId"`, "an attribute has no name"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := test.cfg.Validate()
			if (err == nil) != (len(test.want) == 0) {
				t.Fatalf("error: %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error without %q: %v", want, err)
				}
			}
		})
	}
}

// TestDestinationIsNotPrinted: neither a destination nor a processor tells its
// secret, whatever the verb.
func TestDestinationIsNotPrinted(t *testing.T) {
	t.Parallel()
	to := destination("http://platform.test", http.DefaultClient)
	p := New(flush.Config{}, to)
	said := func(format string, value any) string { return fmt.Sprintf(format, value) }
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%t", "%U", "%8.3s", "%p"} {
		for _, value := range []any{to, &to, p, []Destination{to}, struct{ to Destination }{to}, struct{ p *Processor }{p}} {
			if got := said(format, value); strings.Contains(got, testSecret) || strings.Contains(got, fmt.Sprintf("%x", testSecret)) {
				t.Errorf("%s of %T: got %s", format, value, got)
			}
		}
	}
	if got, want := fmt.Sprint(to), "event.Destination(platform.test)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
