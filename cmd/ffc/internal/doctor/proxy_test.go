package doctor_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/doctor"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestProxy: with a proxy it is the way to the proxy that is checked, and
// everything else goes through it.
func TestProxy(t *testing.T) {
	t.Parallel()
	s := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer s.Close()
	authority := testkit.NewAuthority(t)
	through, err := url.Parse(proxy(t))
	if err != nil {
		t.Fatal(err)
	}
	through.User = url.UserPassword("name", "password")
	env := map[string]string{"HTTPS_PROXY": through.String(), "http_proxy": "name:password@proxy:3128", "NO_PROXY": "localhost,.example.com"}
	cfg := doctor.Config{
		EnvSecret: s.EnvSecret,
		BaseURL:   overTLS(t, s, authority.Certificate(t, nil)),
		RootCAs:   authority.Pool(),
		Env:       func(name string) string { return env[name] },
		Proxy:     http.ProxyURL(through),
	}
	got := examine(t, cfg)
	got.is(t, map[string]string{
		"dns":       "ok 127.0.0.1 is an address (the proxy on the way to 127.0.0.1)",
		"tcp":       "ok " + through.Host + " (the proxy on the way to 127.0.0.1) accepts connections",
		"tls":       "ok TLS 1.3",
		"clock":     "ok",
		"websocket": "ok",
		"data":      "ok 1 flag",
		"polling":   "ok",
		"events":    "ok",
		"proxy": "ok HTTPS_PROXY=http://" + through.Host + "; http_proxy=proxy:3128; NO_PROXY=localhost,.example.com; 127.0.0.1 is reached through " +
			through.Host,
	})
	for _, c := range got {
		if strings.Contains(c.Seen+c.Advice, "password") {
			t.Errorf("the password is shown: %+v", c)
		}
	}

	cfg.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
	examine(t, cfg).is(t, map[string]string{"proxy": "ok HTTPS_PROXY=http://" + through.Host + "; http_proxy=proxy:3128; NO_PROXY=localhost,.example.com; 127.0.0.1 is reached directly"})
	cfg.Proxy = func(*http.Request) (*url.URL, error) { return nil, errors.New("bad: http://name:password@") }
	examine(t, cfg).is(t, map[string]string{"url": "fail the proxy's address is not a URL", "tcp": "skip not checked: there is no usable URL"})
}

// TestProxyThatAsks: a proxy that wants a password is named.
func TestProxyThatAsks(t *testing.T) {
	t.Parallel()
	asks := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) })}
	address := serve(t, &asks)
	got := examine(t, doctor.Config{EnvSecret: ffctest.EnvSecret, BaseURL: "http://flags.example.com", Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: address})})
	got.is(t, map[string]string{"clock": "fail the proxy responds with 407 Proxy Authentication Required", "websocket": "fail the proxy responds with 407"})
}
