package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// endpoint is a part of the platform. It is nil if its URL is invalid.
type endpoint struct {
	url    string // http(s) or ws(s), without a trailing slash
	origin *origin
}

// origin is the host and port of endpoints, which may share it.
type origin struct {
	host, port string
	tls        bool
	proxy      *url.URL // nil: connections are direct
	down       string   // why it is unreachable; "" while no check has failed
}

// obstacle returns why no request can be sent to an endpoint, or "".
func (p *endpoint) obstacle() string {
	if p == nil {
		return "there is no usable URL"
	}
	return p.origin.down
}

// checkURL checks the URLs and sets the endpoints.
func (e *examination) checkURL(ctx context.Context) finding {
	if err := e.validate(ctx); err != nil {
		return fail("correct it, in the options or in FFC_BASE_URL", "%s", errtext.Of(err)).atOnce()
	}
	base := strings.TrimRight(e.BaseURL, "/")
	if base == "" {
		base = e.codec.DefaultBaseURL
	}
	streaming, events := strings.TrimRight(e.StreamingURL, "/"), strings.TrimRight(e.EventsURL, "/")
	seen := base
	if streaming == "" {
		streaming = "ws" + strings.TrimPrefix(base, "http")
	} else {
		seen += ", websocket at " + streaming
	}
	if events == "" {
		events = base
	} else {
		seen += ", events to " + events
	}
	var err error
	for _, at := range []struct {
		to  **endpoint
		url string
	}{{&e.base, base}, {&e.streaming, streaming}, {&e.events, events}} {
		var problem error
		*at.to, problem = e.endpoint(at.url)
		err = errors.Join(err, problem)
	}
	if err != nil {
		e.base, e.streaming, e.events = nil, nil, nil
		return fail("correct HTTPS_PROXY or HTTP_PROXY", "%v", err).atOnce()
	}
	for _, o := range e.origins() {
		if !o.tls && !private(o.host) {
			return warn("use https:// and wss:// in networks that others can read", "%s: the secret goes through the network unencrypted", seen).atOnce()
		}
	}
	return ok("%s", seen).atOnce()
}

// validate returns the error of the SDK for the URLs.
func (e *examination) validate(ctx context.Context) error {
	if e.BaseURL == "" && e.codec.DefaultBaseURL == "" {
		return fmt.Errorf("-url: missing URL: %s has no default; expected the URL of the evaluation server, such as http://localhost:5100", e.codec.Title)
	}
	client, err := ffc.New(ctx, ffc.Config{ // offline: it sends no request
		Offline:      true,
		Platform:     ffc.Platform(e.codec.Name),
		BaseURL:      e.BaseURL,
		StreamingURL: e.StreamingURL,
		EventsURL:    e.EventsURL,
		Logger:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	return client.Close(ctx)
}

// endpoint returns the endpoint at a URL.
func (e *examination) endpoint(address string) (*endpoint, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the URL cannot be used")
	}
	u.Scheme = strings.Replace(u.Scheme, "ws", "http", 1) // a websocket begins as an HTTP request
	o := origin{host: u.Hostname(), port: u.Port(), tls: u.Scheme == "https"}
	if o.port == "" {
		o.port = "80"
		if o.tls {
			o.port = "443"
		}
	}
	if o.proxy, err = e.proxyOf(&http.Request{URL: u}); err != nil {
		return nil, errors.New("the proxy's address is not a URL") // which is not quoted: it may hold a password
	}
	for _, p := range []*endpoint{e.base, e.streaming, e.events} {
		if p != nil && p.origin.host == o.host && p.origin.port == o.port && p.origin.tls == o.tls {
			return &endpoint{address, p.origin}, nil
		}
	}
	return &endpoint{address, &o}, nil
}

// origins returns the origins of the endpoints, each once.
func (e *examination) origins() (all []*origin) {
	seen := make(map[*origin]bool)
	for _, p := range []*endpoint{e.base, e.streaming, e.events} {
		if p != nil && !seen[p.origin] {
			seen[p.origin] = true
			all = append(all, p.origin)
		}
	}
	return all
}

// dialled returns the host and port that connections go to: the proxy's, if
// there is one.
func (o *origin) dialled() (host, port string) {
	if o.proxy == nil {
		return o.host, o.port
	}
	if port = o.proxy.Port(); port == "" {
		port = map[string]string{"https": "443", "socks5": "1080", "socks5h": "1080"}[o.proxy.Scheme]
	}
	if port == "" {
		port = "80"
	}
	return o.proxy.Hostname(), port
}

// private reports whether a host is likely to be in a private network.
func private(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	for _, domain := range []string{".localhost", ".local", ".internal", ".svc"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return !strings.Contains(host, ".")
}
