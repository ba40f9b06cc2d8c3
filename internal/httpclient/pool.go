package httpclient

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
)

// idleTime is how long connections may be idle before the next request closes
// them, by the wall clock or the monotonic clock: while a process is frozen it
// does not notice that the other end closes connections.
const idleTime = 30 * time.Second

// Pool sends all requests of one client of the SDK and owns their connections.
//
// If the application provides no HTTP client, or one with an *http.Transport,
// the pool uses the connections of clones of that transport, which only this
// client uses. A clone whose connections may be dead is retired: new requests
// get a new clone, and the connections of the old one are closed as soon as no
// request uses them. Any other RoundTripper of the application is called
// unchanged, and never closed.
type Pool struct {
	calls   calls
	base    *http.Transport   // the transport that is cloned
	foreign http.RoundTripper // the application's, if it is not an *http.Transport
	jar     http.CookieJar
	client  http.Client
	pings   bool

	hosts   hosts
	suspect atomic.Bool // the connections of foreign may be dead

	mu      sync.Mutex // guards the rest
	current *generation
	used    time.Time // when the last request began or ended
	retired map[*generation]struct{}

	sockets struct {
		once sync.Once
		rt   *http.Transport
	}
}

// NewPool returns a pool for requests with the settings of an application's
// client; nil means the defaults. report is called with the name of a function
// of the application when a call of it has been abandoned. report may be nil.
func NewPool(base *http.Client, report func(function string)) *Pool {
	p := &Pool{calls: newCalls(report), retired: make(map[*generation]struct{})}
	p.client.Transport = p
	if base == nil {
		p.base = ownTransport()
		return p
	}
	p.jar, p.client.Timeout = base.Jar, base.Timeout
	if check := base.CheckRedirect; check != nil {
		p.client.CheckRedirect = func(req *http.Request, via []*http.Request) error {
			var err error // not a result, which a return would write, too
			if failed := p.calls.do(req.Context().Done(), "HTTPClient.CheckRedirect", func() { err = check(req, via) }, nil); failed != nil {
				return failed
			}
			return err
		}
	}
	rt := base.Transport
	if rt == nil {
		rt = http.DefaultTransport
	}
	if t, ok := rt.(*http.Transport); ok {
		p.base = t
	} else {
		p.foreign = rt
	}
	return p
}

// Client returns the client that sends requests through the pool.
func (p *Pool) Client() *http.Client { return &p.client }

// Ping makes the pool check HTTP/2 connections on which nothing arrives. It is
// for clients that work in the background, and must be called before the first
// request.
func (p *Pool) Ping() { p.pings = true }

// Abandoned returns how many calls of the application's functions have been
// abandoned and have not returned yet.
func (p *Pool) Abandoned() int { return int(p.calls.abandoned.Load()) }

// Close closes all connections. The pool can still be used.
func (p *Pool) Close() {
	p.mu.Lock()
	all := make([]*generation, 0, len(p.retired)+1)
	if p.current != nil {
		all = append(all, p.current)
	}
	for g := range p.retired {
		all = append(all, g)
	}
	p.current = nil
	clear(p.retired)
	p.mu.Unlock()
	for _, g := range all {
		g.close()
	}
}

// poolOf returns the pool that a client sends its requests through, or a new
// one for its transport.
func poolOf(c *http.Client) *Pool {
	if p, ok := c.Transport.(*Pool); ok {
		return p
	}
	return NewPool(c, nil)
}

var errNoAnswer = errors.New("the HTTP client's transport returned neither a response nor an error")

// RoundTrip implements http.RoundTripper.
func (p *Pool) RoundTrip(req *http.Request) (*http.Response, error) {
	if p.foreign != nil {
		return p.trip(req, p.throughForeign)
	}
	return p.trip(req, p.throughClone)
}

// trip does the work that is common to all requests.
func (p *Pool) trip(req *http.Request, send func(*http.Request) (*http.Response, error)) (resp *http.Response, err error) {
	defer func() {
		if err != nil {
			resp, err = nil, endOf(req.Context(), err)
		}
		p.hosts.note(req, resp, err)
	}()
	if req, err = p.withCookies(req); err != nil {
		return nil, err
	}
	if resp, err = send(req); err != nil {
		return nil, err
	}
	if err = p.keepCookies(req, resp); err != nil {
		_ = resp.Body.Close()
	}
	return resp, err
}

// withCookies does what http.Client does with a Jar. It replaces http.Client's
// code because a Jar may panic or never return.
func (p *Pool) withCookies(req *http.Request) (*http.Request, error) {
	if p.jar == nil {
		return req, nil
	}
	var cookies []*http.Cookie
	if err := p.calls.do(req.Context().Done(), "HTTPClient.Jar", func() { cookies = p.jar.Cookies(req.URL) }, nil); err != nil {
		return req, err
	}
	with := req.WithContext(req.Context())
	with.Header = req.Header.Clone()
	for _, cookie := range cookies {
		with.AddCookie(cookie)
	}
	return with, nil
}

func (p *Pool) keepCookies(req *http.Request, resp *http.Response) error {
	if p.jar == nil {
		return nil
	}
	cookies := resp.Cookies()
	if len(cookies) == 0 {
		return nil
	}
	return p.calls.do(req.Context().Done(), "HTTPClient.Jar", func() { p.jar.SetCookies(req.URL, cookies) }, nil)
}

// throughClone sends a request over a connection of the pool's own.
func (p *Pool) throughClone(req *http.Request) (*http.Response, error) {
	var conn retry.ConnTrace
	ctx := conn.Record(req.Context())
	g := p.enter()
	resp, err := g.rt.RoundTrip(req.WithContext(ctx))
	if err != nil {
		p.leave(g, conn.Suspicious(ctx))
		return nil, err
	}
	resp.Body = &pooledBody{ReadCloser: resp.Body, leave: func(failed bool) { p.leave(g, failed) }}
	return resp, nil
}

// enter returns the generation for a request.
func (p *Pool) enter() *generation {
	p.mu.Lock()
	var unused *generation
	if p.current != nil && clock.Age(p.used) > idleTime {
		unused = p.retireLocked(p.current)
	}
	if p.current == nil {
		p.current = newGeneration(p)
	}
	g := p.current
	g.requests++
	p.used = time.Now()
	p.mu.Unlock()
	unused.abort()
	return g
}

// leave records the end of a request, and whether the connections of its
// generation may be dead.
func (p *Pool) leave(g *generation, suspicious bool) {
	p.mu.Lock()
	p.used = time.Now()
	g.requests--
	var unused *generation
	if suspicious && g == p.current {
		unused = p.retireLocked(g)
	} else {
		unused = p.unusedLocked(g)
	}
	p.mu.Unlock()
	unused.abort()
}

// retireLocked makes new requests use other connections. It returns the
// generation if the caller has to abort it, without the pool's lock.
func (p *Pool) retireLocked(g *generation) *generation {
	p.current = nil
	p.retired[g] = struct{}{}
	return p.unusedLocked(g)
}

// unusedLocked removes and returns the generation if it is retired and no
// request uses it. Otherwise it returns nil.
func (p *Pool) unusedLocked(g *generation) *generation {
	if _, retired := p.retired[g]; !retired || g.requests > 0 {
		return nil
	}
	delete(p.retired, g)
	return g
}
