package ffc_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// What must never be printed, of a user that is used everywhere.
var confidential = []string{"key-5d0e", "name-5d0e", "mail-5d0e", "country-5d0e", "plan-5d0e", "5.5e55"}

func confidentialUser() ffc.User {
	return ffc.NewUser("key-5d0e", ffc.Name("name-5d0e"), ffc.Email("mail-5d0e"), ffc.Country("country-5d0e"),
		ffc.String("plan", "plan-5d0e"), ffc.Float("score", 5.5e55))
}

// checkPrint fails the test if a value, printed in any way, has something
// confidential.
func checkPrint(t *testing.T, name string, value any) {
	t.Helper()
	var texts []string
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		texts = append(texts, fmt.Sprintf(format, value))
	}
	if text, err := json.Marshal(value); err == nil {
		texts = append(texts, string(text))
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "value", value)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("json", "value", value)
	texts = append(texts, log.String())
	checkTexts(t, name, texts...)
}

func checkTexts(t *testing.T, name string, texts ...string) {
	t.Helper()
	secret := strings.TrimRight(ffctest.EnvSecret, "=")
	for _, text := range texts {
		for _, private := range append([]string{secret, secret[2:40], "token="}, confidential...) {
			if strings.Contains(text, private) || strings.Contains(text, fmt.Sprintf("%x", private)) {
				t.Errorf("%s tells %q: %.500s", name, private, text)
			}
		}
	}
}

// walk prints a value, and what its exported fields and methods without
// arguments lead to.
func walk(t *testing.T, name string, value any, seen map[string]bool) {
	t.Helper()
	v := reflect.ValueOf(value)
	if !v.IsValid() || seen[name] || strings.Count(name, ".") > 4 {
		return
	}
	seen[name] = true
	checkPrint(t, name, value)
	if err, ok := value.(error); ok {
		walk(t, name+".Unwrap", errors.Unwrap(err), seen)
	}
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct || !strings.HasPrefix(v.Type().PkgPath(), "github.com/feature-flags-co/") {
		return
	}
	for i := range v.NumField() {
		field := v.Type().Field(i)
		told := !field.IsExported()
		switch field.Name {
		case "EnvSecret", "User": // these are the application's to look into
			told = true
		}
		if !told {
			walk(t, name+"."+field.Name, v.Field(i).Interface(), seen)
		}
	}
}

// TestNothingConfidentialIsPrinted prints every exported value that a client
// has to do with, in every way, and reads what it logs.
func TestNothingConfidentialIsPrinted(t *testing.T) {
	t.Parallel()
	user, ctx := confidentialUser(), t.Context()
	for name, via := range map[string]transport.Transport{
		"stream":           &stream.Transport{FirstRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond, Fallback: &poll.Transport{}},
		"stream on demand": &stream.Transport{OnDemand: true, MaxAge: time.Millisecond},
		"poll":             &poll.Transport{MaxAge: time.Millisecond, FirstRetry: time.Millisecond, MaxRetry: 5 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log testkit.Log
			var hooked []ffc.Evaluation
			var cfg ffc.Config
			server, client := connected(t, func(c *ffc.Config) {
				c.Transport = via
				c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
				c.Events = flush.Config{Interval: -1, Retries: -1, PrivateAttributes: []string{"plan"}}
				c.OnEvaluation = func(_ context.Context, e ffc.Evaluation) { hooked = append(hooked, e) }
				cfg = *c
			}, ffctest.Flag("a").Target("true", "key-5d0e").Serve("false"))
			seen := map[string]bool{}
			look := func(name string, value any) { walk(t, name, value, seen) }

			look("Config", cfg)
			look("*Config", &cfg)
			look("Client", client)
			look("User", user)
			look("*User", &user)
			look("Attr", ffc.Email("mail-5d0e"))
			look("Attrs", []ffc.Attr{ffc.String("plan", "plan-5d0e"), ffc.Float("score", 5.5e55)})
			_, err := ffc.UserFromMap(map[string]any{"key": "key-5d0e", "email": 5.5e55, "name": []string{"name-5d0e"}})
			look("error of UserFromMap", err)
			look("Detail", client.BoolVariationDetail(ctx, "a", user, false))
			look("Detail of a fallback", client.IntVariationDetail(ctx, "a", user, 0))
			look("Detail of no flag", client.VariationDetail(ctx, "missing", user, ""))
			look("error of JSONVariation", client.JSONVariation(ctx, "missing", user, new(string)))
			look("Flags", client.For(user))
			all := client.AllVariations(ctx, user)
			look("AllFlags", all)
			look("Evaluations", hooked)
			for _, e := range hooked {
				look("Evaluation", e)
			}
			look("error of TrackMetric", client.TrackMetric(ctx, user, "m", math.NaN()))
			look("error of Track", client.Track(ctx, user, ""))
			look("Status", client.Status())
			look("Stats", client.Stats())
			look("Transport", via)
			look("Env", transport.Env{EnvSecret: transport.NewSecret(server.EnvSecret)})
			look("flush.Config", cfg.Events)

			// Failures of every kind.
			for _, f := range []ffctest.Failure{{Reset: true}, {Status: 401}, {Status: 404, Body: server.EnvSecret}, {Status: 503}, {Status: 302}} {
				stop := []func(){server.Fail(ffctest.Streaming, f), server.Fail(ffctest.Polling, f)}
				failures := client.Stats().Transport.Failures
				server.DropConnections()
				for range 200 {
					if client.Stats().Transport.Failures > failures {
						break
					}
					look("error of Refresh", client.Refresh(ctx))
					time.Sleep(time.Millisecond)
				}
				seen = map[string]bool{}
				look("Status", client.Status())
				for _, f := range stop {
					f()
				}
			}
			for _, f := range []ffctest.Failure{{Reset: true}, {Status: 503}, {Status: 413}, {Status: 302}, {Status: 400, Body: "key-5d0e"}, {Status: 401}} {
				_ = client.Track(ctx, user, "m")
				times := 1
				if f.Reset {
					times = 2 // a kept connection that breaks is replaced at once
				}
				server.FailNext(ffctest.Events, times, f)
				err := client.Flush(ctx)
				seen = map[string]bool{}
				look(fmt.Sprintf("error of Flush after %+v", f), err)
				if err == nil && f.Status != 413 { // smaller requests may do
					t.Errorf("%+v: no error", f)
				}
			}
			look("error of Close", client.Close(ctx))
			look("closed Client", client)
			look("closed Client in a struct", struct{ client *ffc.Client }{client})
			look("error of Refresh when closed", client.Refresh(ctx))
			checkTexts(t, "the log", log.String())
			if name != "stream on demand" && !strings.Contains(log.String(), "ffc: ") {
				t.Error("nothing was logged")
			}
		})
	}
}

// TestErrorsOfNewAreDiscreet: what is wrong is told, but not what it is.
func TestErrorsOfNewAreDiscreet(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]ffc.Config{
		"secret":      {EnvSecret: ffctest.EnvSecret[:41] + "!!", Transport: &poll.Transport{}},
		"no secret":   {EnvSecret: "key-5d0e", Transport: &poll.Transport{}},
		"password":    {EnvSecret: ffctest.EnvSecret, Transport: &poll.Transport{}, BaseURL: "https://ann:key-5d0e@host"},
		"query":       {EnvSecret: ffctest.EnvSecret, Transport: &poll.Transport{}, EventsURL: "https://host?token=key-5d0e"},
		"not a URL":   {EnvSecret: ffctest.EnvSecret, Transport: &poll.Transport{}, BaseURL: "https://ann:key-5d0e@ho st\x7f"},
		"polling URL": {EnvSecret: ffctest.EnvSecret, Transport: &poll.Transport{URL: "ftp://host?signature=key-5d0e"}},
		"bootstrap":   {EnvSecret: ffctest.EnvSecret, Offline: true, Bootstrap: []byte(`{"messageType":"key-5d0e"}`)},
	} {
		_, err := ffc.New(t.Context(), cfg)
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		checkPrint(t, "error of New: "+name, err)
		if strings.Contains(err.Error(), cfg.EnvSecret) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPrivateAttributesDecide: attributes that are private are used by rules
// and segments, and left out of events.
func TestPrivateAttributesDecide(t *testing.T) {
	t.Parallel()
	for name, events := range map[string]flush.Config{
		"by name": {PrivateAttributes: []string{"name", "email", "country", "plan", "score"}},
		"all":     {AllAttributesPrivate: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, client := connected(t, func(c *ffc.Config) { c.Events = events },
				ffctest.Flag("rule").Rule("true", ffctest.Attr("plan").Equal("plan-5d0e"), ffctest.Attr("Email").Equal("mail-5d0e")).Serve("false"),
				ffctest.Segment("s").Rule(ffctest.Attr("Country").StartsWith("country-")),
				ffctest.Flag("segment").Rule("true", ffctest.InSegment("s")).Serve("false"))
			user := confidentialUser()
			for _, key := range []string{"rule", "segment"} {
				if d := client.BoolVariationDetail(t.Context(), key, user, false); !d.Value || d.Reason != ffc.ReasonRuleMatch {
					t.Errorf("%s: %+v", key, d)
				}
			}
			if err := errors.Join(client.Track(t.Context(), user, "m"), client.Flush(t.Context())); err != nil {
				t.Fatal(err)
			}
			if got := server.Events(); len(got) != 3 || got[0].UserKey != "key-5d0e" {
				t.Fatalf("events: %+v", got)
			}
			for _, r := range server.Requests(ffctest.Events) {
				for _, private := range confidential[1:] {
					if strings.Contains(string(r.Body), private) {
						t.Errorf("%s is in %s", private, r.Body)
					}
				}
			}
		})
	}
}

// TestHostileTexts: whatever users, flags and metrics are called, events are
// JSON that the platform reads, headers stay what they are, and nothing gets
// lost.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	texts := []string{
		"a\r\nenvSecret: other\r\n\r\n", "\x00\x01\x1f\x7f", "\"},{\"user\":{\"keyId\":\"other", `\u0000\"`, "\xff\xfe\xc0\xaf", "\xed\xa0\x80",
		"half \xf0\x9f", "</script>\u2028\u2029", strings.Repeat("\\", 1001), "日本\u202e",
	}
	keys := make([]string, len(texts)) // the platform's are JSON, so they are UTF-8
	var items []ffctest.Item
	for i, text := range texts {
		keys[i] = fmt.Sprint(i, strings.ToValidUTF8(text, "\uFFFD"))
		items = append(items, ffctest.Flag(keys[i]))
	}
	server, client := connected(t, nil, items...)
	ctx := t.Context()
	for i, text := range texts {
		user := ffc.NewUser("u"+text, ffc.Name(text), ffc.Email(text), ffc.Country(text), ffc.String("n"+text, text))
		if d := client.BoolVariationDetail(ctx, keys[i], user, false); !d.Value {
			t.Errorf("%q: %+v", text, d)
		}
		if _, err := json.Marshal(client.VariationDetail(ctx, "missing"+text, user, text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if err := client.Track(ctx, user, "m"+text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	if err := client.Flush(ctx); err != nil {
		t.Error(err)
	}
	if got := server.Events(); len(got) != 2*len(texts) {
		t.Errorf("%d events arrived: %+v", len(got), got)
	}
	for _, r := range server.Requests(ffctest.Events) {
		if !json.Valid(r.Body) || !utf8.Valid(r.Body) || len(r.Header.Values("envSecret")) != 1 || r.Header.Get("envSecret") != server.EnvSecret {
			t.Errorf("request: %q %q", r.Header, r.Body)
		}
	}
}

// TestVerificationCannotBeTurnedOff: no setting of the SDK's does so. It takes
// an HTTP client of the application's that says so itself.
func TestVerificationCannotBeTurnedOff(t *testing.T) {
	t.Parallel()
	for _, config := range []any{ffc.Config{}, flush.Config{}, stream.Transport{}, poll.Transport{}} {
		of := reflect.TypeOf(config)
		for i := range of.NumField() {
			name := strings.ToLower(of.Field(i).Name)
			for _, bad := range []string{"tls", "insecure", "verify", "cert", "skip"} {
				if strings.Contains(name, bad) {
					t.Errorf("%s.%s", of, of.Field(i).Name)
				}
			}
		}
	}
	platform := httptest.NewTLSServer(http.NotFoundHandler()) // signed by an unknown authority
	platform.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	defer platform.Close()
	for _, via := range []transport.Transport{&stream.Transport{}, &poll.Transport{Interval: time.Minute}} {
		client, err := ffc.New(t.Context(), ffc.Config{
			EnvSecret: ffctest.EnvSecret, BaseURL: platform.URL, Transport: via, StartWait: -1, Logger: testkit.Quiet(),
		})
		if err != nil {
			t.Fatal(err)
		}
		waitFor(t, client, func() bool { return client.Status().Err != nil })
		var unverified *tls.CertificateVerificationError
		if err := client.Status().Err; !errors.As(err, &unverified) {
			t.Errorf("%T: %v", via, err)
		}
		_ = client.Track(t.Context(), ffc.NewUser("u"), "m")
		if err := client.Flush(t.Context()); !errors.As(err, &unverified) {
			t.Errorf("%T: Flush: %v", via, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_ = client.Close(ended)
	}
}
