// Package doctor finds out why a program does not get its flags from the
// platform: it checks one thing after the other, as the SDK would use it, and
// says of each what was seen and what to do. It changes nothing on the platform.
package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// Config says what to examine. EnvSecret, Platform and the URLs mean what they
// mean in ffc.Config, and may be as wrong. Timeout and Env are needed.
type Config struct {
	EnvSecret    string
	Platform     string
	BaseURL      string
	StreamingURL string
	EventsURL    string
	// Timeout bounds each check.
	Timeout time.Duration
	// Env returns environment variables.
	Env func(string) string
	// Proxy is that of http.Transport; nil is http.ProxyFromEnvironment.
	Proxy func(*http.Request) (*url.URL, error)
	// RootCAs are the authorities that sign certificates; nil is the system's.
	RootCAs *x509.CertPool
}

// Outcome is that of a check.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Warn    Outcome = "warn" // works, but not as well as it should, or not for all
	Fail    Outcome = "fail"
	Skipped Outcome = "skip" // made no sense, or there is nothing to check
)

// Check is what came of looking at one thing.
type Check struct {
	Name    string
	Outcome Outcome
	Seen    string
	Advice  string        // what to do; "" is nothing
	Took    time.Duration // 0 if it asked nobody
}

// Run makes all checks, in order. It calls begin before each and end after it,
// from the caller's goroutine. When ctx ends it returns its error, and nothing
// of it runs any more.
func Run(ctx context.Context, cfg Config, begin func(name string), end func(Check)) error {
	proxy := cfg.Proxy
	if proxy == nil {
		proxy = http.ProxyFromEnvironment
	}
	transport := &http.Transport{
		Proxy:             proxy,
		TLSClientConfig:   &tls.Config{RootCAs: cfg.RootCAs},
		ForceAttemptHTTP2: true,
	}
	// A connection that brings nothing is not used by the next check.
	pool := httpclient.NewPool(&http.Client{Transport: transport}, nil)
	defer pool.Close()
	e := &examination{
		Config:    cfg,
		ctx:       ctx,
		begin:     begin,
		end:       end,
		proxyOf:   proxy,
		transport: transport,
		http:      &http.Client{Transport: pool, CheckRedirect: noRedirects},
	}
	e.check("secret", "", e.checkSecret)
	e.check("url", "", e.checkURL)
	e.checkReach()
	e.check("clock", e.base.obstacle(), e.checkClock)
	e.checkStreaming()
	e.check("polling", e.obstacle(e.base), e.checkPolling)
	e.check("events", e.obstacle(e.events), e.checkEvents)
	e.check("proxy", "", e.checkProxy)
	return context.Cause(ctx)
}

// noRedirects makes a redirect an answer: the secret is for the configured host
// only.
func noRedirects(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// examination is one run of all checks, and what has been found so far.
type examination struct {
	Config
	ctx        context.Context
	begin      func(string)
	end        func(Check)
	proxyOf    func(*http.Request) (*url.URL, error)
	transport  *http.Transport // with the settings of http
	http       *http.Client
	codec      *platform.Codec
	secret     string // as the platform takes it; "" if it cannot be used
	noSecret   string // why not
	base       *endpoint
	streaming  *endpoint
	events     *endpoint
	clockAhead time.Duration // how far the platform's clock is ahead, if that matters
	streams    bool          // data came by websocket
	segments   int           // that came with it
}

// finding is what a check found.
type finding struct {
	outcome      Outcome
	seen, advice string
	took         time.Duration // if it is not the time of the whole check; negative is none
}

func ok(format string, args ...any) finding {
	return finding{outcome: OK, seen: fmt.Sprintf(format, args...)}
}

func skipped(format string, args ...any) finding {
	return finding{outcome: Skipped, seen: fmt.Sprintf(format, args...)}
}

func warn(advice, format string, args ...any) finding {
	return finding{outcome: Warn, seen: fmt.Sprintf(format, args...), advice: advice}
}

func fail(advice, format string, args ...any) finding {
	return finding{outcome: Fail, seen: fmt.Sprintf(format, args...), advice: advice}
}

// atOnce marks what was found without asking anybody.
func (f finding) atOnce() finding {
	f.took = -1
	return f
}

// check makes one check, unless there is an obstacle. Once ctx has ended,
// nothing is checked any more.
func (e *examination) check(name, obstacle string, look func(context.Context) finding) {
	if e.ctx.Err() != nil {
		return
	}
	if obstacle != "" {
		e.end(Check{Name: name, Outcome: Skipped, Seen: "not checked: " + obstacle})
		return
	}
	e.begin(name)
	ctx, cancel := context.WithTimeout(e.ctx, e.Timeout)
	defer cancel()
	began := time.Now()
	f := look(ctx)
	took := time.Since(began)
	if e.ctx.Err() != nil {
		return // what was seen is the interruption
	}
	switch {
	case f.took < 0 || f.outcome == Skipped:
		took = 0
	case f.took > 0:
		took = f.took
	}
	e.end(Check{name, f.outcome, f.seen, f.advice, took})
}

// obstacle says why nothing can be asked at an endpoint in the name of the
// environment; "" is no reason.
func (e *examination) obstacle(at *endpoint) string {
	if why := at.obstacle(); why != "" {
		return why
	}
	return e.noSecret
}
