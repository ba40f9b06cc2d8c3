package ffc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func TestNewRejects(t *testing.T) {
	t.Parallel()
	valid := ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: &stream.Transport{}, StartWait: -1}
	with := func(change func(*ffc.Config)) ffc.Config {
		cfg := valid
		change(&cfg)
		return cfg
	}
	tests := []struct {
		name string
		cfg  ffc.Config
		want []string // all of these are in the error
	}{
		{"nothing set", ffc.Config{}, []string{"Config.EnvSecret: missing secret", "Config.Transport: missing transport"}},
		{"neither secret nor environment", ffc.Config{Transport: named{&poll.Transport{}, ""}}, []string{"Config.EnvSecret: missing secret: set it, or name the environment in the transport"}},
		{"secret of no platform", with(func(c *ffc.Config) { c.EnvSecret = "not a secret!" }), []string{"Config.EnvSecret: the secret fits no platform", "set the platform", "FeatBit's secrets have", "is not standard Base64"}},
		{"secret checked offline, too", ffc.Config{Offline: true, EnvSecret: "AAAA"}, []string{"Config.EnvSecret"}},
		{"unknown platform", with(func(c *ffc.Config) { c.Platform = "other" }), []string{`Config.Platform: unknown platform "other"`}},
		{"base URL without scheme", with(func(c *ffc.Config) { c.BaseURL = "example.com" }), []string{"Config.BaseURL", "expected http://host[/prefix] or https://host[/prefix]"}},
		{"base URL of a socket", with(func(c *ffc.Config) { c.BaseURL = "wss://example.com" }), []string{"Config.BaseURL"}},
		{"base URL that cannot be parsed", with(func(c *ffc.Config) { c.BaseURL = "http://a b:c" }), []string{"Config.BaseURL: invalid URL: expected"}},
		{"base URL with password", with(func(c *ffc.Config) { c.BaseURL = "https://u:hunter2@example.com" }), []string{"Config.BaseURL: the URL has a user name"}},
		{"base URL with query", with(func(c *ffc.Config) { c.BaseURL = "https://example.com/?a=b" }), []string{"Config.BaseURL: the URL has a query"}},
		{"base URL with empty query", with(func(c *ffc.Config) { c.BaseURL = "https://example.com/?" }), []string{"Config.BaseURL: the URL has a query"}},
		{"transport that is a nil pointer", with(func(c *ffc.Config) { c.Transport = (*stream.Transport)(nil) }), []string{"Config.Transport: missing transport"}},
		{"events URL of a socket", with(func(c *ffc.Config) { c.EventsURL = "ws://example.com" }), []string{"Config.EventsURL"}},
		{"streaming URL of a page", with(func(c *ffc.Config) { c.StreamingURL = "http://example.com" }), []string{"Config.StreamingURL", "expected ws://host[/prefix] or wss://host[/prefix]"}},
		{"events", with(func(c *ffc.Config) { c.Events = flush.Config{Capacity: -1, PrivateAttributes: []string{"key"}} }),
			[]string{"Config.Events.Capacity: -1 is negative", `Config.Events.PrivateAttributes: "key" cannot be private`}},
		{"transport", with(func(c *ffc.Config) { c.Transport = &stream.Transport{PingInterval: -1} }), []string{"Config.Transport.PingInterval: -1ns is negative"}},
		{"bootstrap that is not JSON", with(func(c *ffc.Config) { c.Bootstrap = []byte("{") }), []string{"Config.Bootstrap"}},
		{"bootstrap of something else", with(func(c *ffc.Config) { c.Bootstrap = []byte(`{"a":1}`) }), []string{"Config.Bootstrap", "featureFlags"}},
		{"bootstrap of another environment", with(func(c *ffc.Config) {
			c.Bootstrap = []byte(`{"eventType":"full","featureFlags":[{"id":"FF__9__9__9__a","timestamp":1}]}`)
		}), []string{"Config.Bootstrap", "another environment"}},
		{"several things", with(func(c *ffc.Config) { c.EnvSecret, c.BaseURL, c.Platform = "", "x", "y" }),
			[]string{"Config.EnvSecret", "Config.BaseURL", "Config.Platform"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client, err := ffc.New(t.Context(), test.cfg)
			if err == nil {
				client.Close(t.Context())
				t.Fatal("New accepted it")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q: %v", want, err)
				}
			}
			if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), ffctest.EnvSecret) {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

// Each problem is a *ConfigError with the path of its field, and an error that
// makes sense without it.
func TestConfigErrorNamesField(t *testing.T) {
	t.Parallel()
	cause := errors.New("no route")
	for name, test := range map[string]struct {
		cfg    ffc.Config
		fields []string
	}{
		"nothing set": {ffc.Config{}, []string{"EnvSecret", "Transport"}},
		"URLs": {ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: &stream.Transport{}, BaseURL: "x", StreamingURL: "x", EventsURL: "x"},
			[]string{"BaseURL", "EventsURL", "StreamingURL"}},
		"FeatBit without a URL": {ffc.Config{EnvSecret: ffctest.FeatBitEnvSecret, Transport: &stream.Transport{}}, []string{"BaseURL"}},
		"events": {ffc.Config{Offline: true, Platform: "x", Events: flush.Config{Interval: 3, Capacity: -1, BatchSize: -1, Requests: -1, RetryWait: -1, Timeout: -1,
			Once: -1, PrivateAttributes: []string{"", "KeyID"}, OmitFlags: []string{""}}},
			[]string{"Events.BatchSize", "Events.Capacity", "Events.Interval", "Events.OmitFlags", "Events.Once", "Events.PrivateAttributes", "Events.PrivateAttributes", "Events.Requests", "Events.RetryWait", "Events.Timeout", "Platform"}},
		"bootstrap and transport": {ffc.Config{EnvSecret: ffctest.EnvSecret, Bootstrap: []byte("{"), Transport: &stream.Transport{
			MaxMessage: -1, PingInterval: -1, Fallback: &poll.Transport{MaxAge: -1, URL: "x"}}},
			[]string{"Bootstrap", "Transport.Fallback.MaxAge", "Transport.Fallback.URL", "Transport.MaxMessage", "Transport.PingInterval"}},
		"another transport": {ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: failing{cause}}, []string{"Transport"}},
		"no session":        {ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: failing{}}, []string{"Transport"}},
	} {
		_, err := ffc.New(t.Context(), test.cfg)
		if errors.Is(err, cause) != (name == "another transport") {
			t.Errorf("%s: %v", name, err)
		}
		all, ok := err.(interface{ Unwrap() []error })
		if !ok {
			t.Fatalf("%s: %T joins nothing", name, err)
		}
		var fields []string
		for _, err := range all.Unwrap() {
			var e *ffc.ConfigError
			if !errors.As(err, &e) || e != err {
				t.Errorf("%s: got a %T: %v", name, err, err)
				continue
			}
			fields = append(fields, e.Field)
			if text := e.Err.Error(); e.Error() != "ffc: Config."+e.Field+": "+text || strings.Contains(text, "Config.") || strings.HasPrefix(text, "is ") {
				t.Errorf("%s: %v", name, e)
			}
		}
		slices.Sort(fields)
		if !slices.Equal(fields, test.fields) {
			t.Errorf("%s: got %q, want %q", name, fields, test.fields)
		}
	}
}

// failing is a transport whose Open fails, or returns no session.
type failing struct{ err error }

func (f failing) Open(transport.Env) (transport.Session, error) { return nil, f.err }

func TestConfigPrintsWithoutSecret(t *testing.T) {
	t.Parallel()
	cfg := ffc.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "https://example.com"}
	nested := struct{ C any }{cfg}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, value := range []any{cfg, &cfg, nested, []ffc.Config{cfg}} {
			text := fmt.Sprintf(format, value)
			if strings.Contains(text, ffctest.EnvSecret[:12]) {
				t.Errorf("%s of %T tells the secret: %s", format, value, text)
			}
		}
	}
	cfg.Offline = true
	client, err := ffc.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v %s %d", client, client, client, client, client); strings.Contains(text, ffctest.EnvSecret[:12]) || !strings.Contains(text, "ffc.Client(OK)") {
		t.Errorf("a client prints as %s", text)
	}
	if text := fmt.Sprintf("%+v", cfg); !strings.Contains(text, "BaseURL:https://example.com") {
		t.Errorf("the rest of the configuration is missing: %s", text)
	}
}

// spy is a transport that only looks at what it is given.
type spy struct{ env transport.Env }

func (s *spy) Open(env transport.Env) (transport.Session, error) {
	s.env = env
	return nil, errors.New("enough seen")
}

func TestURLs(t *testing.T) {
	t.Parallel()
	tests := []struct{ base, streaming, wantBase, wantStreaming string }{
		{"", "", "https://api.featureflag.co", "wss://api.featureflag.co"},
		{"http://localhost:8080", "", "http://localhost:8080", "ws://localhost:8080"},
		{"https://example.com/flags//", "", "https://example.com/flags", "wss://example.com/flags"},
		{"https://example.com", "ws://push.example.com/x/", "https://example.com", "ws://push.example.com/x"},
		{"HTTPS://example.com/a b", "", "https://example.com/a%20b", "wss://example.com/a%20b"},
		{"http://[::1]:80/%2F/", "", "http://[::1]:80/%2F", "ws://[::1]:80/%2F"},
	}
	for _, test := range tests {
		seen := &spy{}
		_, err := ffc.New(t.Context(), ffc.Config{EnvSecret: ffctest.EnvSecret, BaseURL: test.base, StreamingURL: test.streaming, Transport: seen})
		if err == nil || !strings.Contains(err.Error(), "Config.Transport: enough seen") {
			t.Errorf("%q: error %v", test.base, err)
		}
		if seen.env.BaseURL != test.wantBase || seen.env.StreamingURL != test.wantStreaming {
			t.Errorf("%q, %q: got %q, %q", test.base, test.streaming, seen.env.BaseURL, seen.env.StreamingURL)
		}
	}
}

// TestConfigIsCopied changes what the application still holds, all but the bytes
// of the bootstrap, which are kept as they are.
func TestConfigIsCopied(t *testing.T) {
	t.Parallel()
	cfg := ffc.Config{
		Offline:   true,
		Bootstrap: ffctest.Snapshot(ffctest.Flag("a").Variations("x", "y").Serve("x")),
		Fallbacks: map[string]string{"missing": "before"},
	}
	client, err := ffc.New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	cfg.Bootstrap = nil
	cfg.Fallbacks["missing"] = "after"
	user := ffc.NewUser("u")
	if got := client.Variation(t.Context(), "a", user, ""); got != "x" {
		t.Errorf("after Bootstrap changed: got %q", got)
	}
	if got := client.Variation(t.Context(), "missing", user, ""); got != "before" {
		t.Errorf("after Fallbacks changed: got %q", got)
	}
}

func TestDetailJSON(t *testing.T) {
	t.Parallel()
	client := offline(t, ffctest.Flag("checkout").Name("Checkout").Variations("red", "blue").Target("blue", "u1"))
	tests := []struct {
		name   string
		detail any
		want   string
	}{
		{"value", client.VariationDetail(t.Context(), "checkout", ffc.NewUser("u1"), "x"),
			`{"success":true,"message":"OK","data":{"id":2,"reason":"target match","variation":"blue","keyName":"checkout","name":"Checkout"}}`},
		{"unknown flag", client.VariationDetail(t.Context(), "nope", ffc.NewUser("u1"), "x"),
			`{"success":false,"message":"flag not found","data":{"id":-1,"reason":"flag not found","variation":"x","keyName":"nope","name":"flag name unknown"}}`},
		{"empty key", client.BoolVariationDetail(t.Context(), "", ffc.NewUser("u1"), true),
			`{"success":false,"message":"flag not found","data":{"id":-1,"reason":"flag not found","variation":"true","keyName":"flag key unknown","name":"flag name unknown"}}`},
		{"wrong type", client.IntVariationDetail(t.Context(), "checkout", ffc.NewUser("u1"), 7),
			`{"success":false,"message":"wrong type","data":{"id":-1,"reason":"wrong type","variation":"7","keyName":"checkout","name":"Checkout"}}`},
		{"no user", client.FloatVariationDetail(t.Context(), "checkout", ffc.User{}, 1.5),
			`{"success":false,"message":"user not specified","data":{"id":-1,"reason":"user not specified","variation":"1.5","keyName":"checkout","name":"flag name unknown"}}`},
		{"all", client.AllVariations(t.Context(), ffc.NewUser("u1")),
			`{"success":true,"message":"OK","data":[{"id":2,"reason":"target match","variation":"blue","keyName":"checkout","name":"Checkout"}]}`},
		{"all without user", client.AllVariations(t.Context(), ffc.User{}),
			`{"success":false,"message":"user not specified","data":[{"id":-1,"reason":"user not specified","variation":"flag value unknown","keyName":"flag key unknown","name":"flag name unknown"}]}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := json.Marshal(test.detail)
			if err != nil || string(got) != test.want {
				t.Errorf("got  %s (%v)\nwant %s", got, err, test.want)
			}
		})
	}
}

// offline returns a client for these flags and segments that needs nothing.
func offline(t testing.TB, items ...ffctest.Item) *ffc.Client {
	t.Helper()
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(items...)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client
}
