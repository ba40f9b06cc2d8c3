package httpclient

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// WatchHosts returns a copy of c that notes whether its requests succeed: see
// Recovered.
func WatchHosts(c *http.Client) *http.Client {
	watched := *c
	watched.Transport = &watcher{RoundTripper: transportOf(c), hosts: make(map[string]*host)}
	return &watched
}

// Recovered returns a channel that receives when a request to the host of
// address succeeds after one to that host failed, whoever sent the two. A value
// that nobody has received yet stays, and is the only one. The channel is nil if
// WatchHosts did not make c.
func Recovered(c *http.Client, address string) <-chan struct{} {
	w, ok := c.Transport.(*watcher)
	u, err := url.Parse(address)
	if !ok || err != nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	name := hostOf(u)
	if w.hosts[name] == nil {
		w.hosts[name] = &host{recovered: make(chan struct{}, 1)}
	}
	return w.hosts[name].recovered
}

// watcher is a RoundTripper that notes which hosts fail and recover. It hides
// CloseIdleConnections: the connections can be the application's.
type watcher struct {
	http.RoundTripper

	mu    sync.Mutex
	hosts map[string]*host // that somebody asked for
}

// host is what is known of a host.
type host struct {
	failed    bool
	recovered chan struct{}
}

// RoundTrip implements http.RoundTripper.
func (w *watcher) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.RoundTripper.RoundTrip(req)
	w.mu.Lock()
	defer w.mu.Unlock()
	h := w.hosts[hostOf(req.URL)]
	switch {
	case h == nil:
	case err != nil:
		h.failed = h.failed || !errors.Is(err, context.Canceled)
	case resp == nil: // a fault of the application's RoundTripper
	case resp.StatusCode >= http.StatusInternalServerError:
		h.failed = true
	case resp.StatusCode == http.StatusSwitchingProtocols: // is no news to whoever sent it
		h.failed = false
	case retry.Classify(resp.StatusCode) == retry.Success && h.failed:
		h.failed = false
		select {
		case h.recovered <- struct{}{}:
		default:
		}
	}
	return resp, err
}

// hostOf returns the host and port of an address.
func hostOf(u *url.URL) string {
	port := u.Port()
	if port == "" {
		switch u.Scheme {
		case "http", "ws":
			port = "80"
		case "https", "wss":
			port = "443"
		}
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
