package local

import (
	"fmt"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

// guard rejects requests of other web sites. They can make the user's browser send
// requests to this machine: under a name of their own that resolves to it, or as
// cross-origin requests. The secret does not protect, as everyone knows it.
type guard struct {
	allowed map[string]bool // names besides those of loopback, in lower case
}

func newGuard(names []string) *guard {
	g := &guard{allowed: make(map[string]bool)}
	for _, name := range names {
		g.allowed[strings.ToLower(hostOf(name))] = true
	}
	return g
}

// page returns why a request for the page or its API must be rejected, or "".
func (g *guard) page(r *http.Request) string {
	host := hostOf(r.Host)
	if !g.allowed[strings.ToLower(host)] && !isLoopback(host) {
		return refusedHost(host)
	}
	if !sameOrigin(r) {
		return refusedOrigin
	}
	return ""
}

// platform is like page, for clients, which are not browsers. They may use any
// address: only names can be made to resolve to another machine.
func (g *guard) platform(r *http.Request) string {
	host := hostOf(r.Host)
	_, err := netip.ParseAddr(host)
	if err != nil && !g.allowed[strings.ToLower(host)] && !isLoopback(host) {
		return refusedHost(host)
	}
	if !sameOrigin(r) {
		return refusedOrigin
	}
	return ""
}

const refusedOrigin = "the request comes from a page of another site"

func refusedHost(host string) string {
	reason := "the request is for " + flagfile.Quote(host) + ", not for this machine"
	if isHost(host) {
		reason += "; if that is a name of yours, start ffc serve with -allow-host " + host
	}
	return reason
}

// CheckHost returns an error if name is not valid in Config.AllowHosts.
func CheckHost(name string) error {
	if !isHost(hostOf(name)) || strings.Contains(name, "/") { // "http" has the port "//host"
		return fmt.Errorf("%s is not the name of a machine: expected one such as host.docker.internal", flagfile.Quote(name))
	}
	return nil
}

// isHost reports whether a host is an address, or looks like a name.
func isHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-._"
	return host != "" && len(host) < 254 && strings.Trim(strings.ToLower(host), letters) == ""
}

// sameOrigin reports whether r comes from this server's page, or from no page, by
// the headers that browsers set. It also checks requests that only read, which
// http.CrossOriginProtection allows: a websocket reads, and a picture on another
// page would use up one of the listeners. Any page may link to the page.
func sameOrigin(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		if r.URL.Path != "/" {
			return false
		}
	}
	origin := r.Header.Get("Origin")
	_, host, ok := strings.Cut(origin, "://")
	return origin == "" || ok && strings.EqualFold(host, r.Host)
}

// hostOf returns what a Host header names, without the port.
func hostOf(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
}

// isLoopback reports whether a host is this machine, without a name server.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// secure sets the headers of the page and its API.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}
