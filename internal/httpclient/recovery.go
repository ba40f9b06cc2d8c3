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

// Recovered returns a channel that receives when a request to the host of
// address succeeds after one to that host failed, whichever part of the client
// sent the two. The channel holds at most one value. The channel is nil if
// the requests of c do not go through a Pool.
func Recovered(c *http.Client, address string) <-chan struct{} {
	p, ok := c.Transport.(*Pool)
	u, err := url.Parse(address)
	if !ok || err != nil {
		return nil
	}
	return p.hosts.recovered(hostOf(u))
}

// hosts records which hosts fail and recover.
type hosts struct {
	mu sync.Mutex
	of map[string]*host // hosts that Recovered was called for
}

func (h *hosts) recovered(name string) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.of == nil {
		h.of = make(map[string]*host)
	}
	if h.of[name] == nil {
		h.of[name] = &host{recovered: make(chan struct{}, 1)}
	}
	return h.of[name].recovered
}

// host is the state of a host.
type host struct {
	failed    bool
	recovered chan struct{}
}

// note records the outcome of a request.
func (h *hosts) note(req *http.Request, resp *http.Response, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	of := h.of[hostOf(req.URL)]
	switch {
	case of == nil:
	case err != nil:
		of.failed = of.failed || !errors.Is(err, context.Canceled)
	case resp.StatusCode >= http.StatusInternalServerError:
		of.failed = true
	case resp.StatusCode == http.StatusSwitchingProtocols: // the caller decides
		of.failed = false
	case retry.Classify(resp.StatusCode) == retry.Success && of.failed:
		of.failed = false
		select {
		case of.recovered <- struct{}{}:
		default:
		}
	}
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
