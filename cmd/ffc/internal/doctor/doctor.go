// Package doctor finds out why a program does not get its flags from the
// platform. It runs checks in order, in the way that the SDK uses the platform, and
// reports the result of each and what to do. It changes nothing on the platform.
package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// Config says what to examine. EnvSecret, Platform and the URLs have the meaning
// of the fields of ffc.Config, and may be invalid. Timeout and Env are required.
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

// Outcome and Check are those of package cli.
type (
	Outcome = cli.Outcome
	Check   = cli.Check
)

// The outcomes.
const (
	OK      = cli.OK
	Warn    = cli.Warn
	Fail    = cli.Fail
	Skipped = cli.Skipped
)

// Run runs all checks in order. It calls begin before each check and end after it,
// from the caller's goroutine. When ctx ends, Run stops and returns the error of
// ctx.
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
	// The next check does not use a connection that failed.
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

// noRedirects returns redirects as responses: the secret is for the configured
// host only.
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
	secret     string // as the platform accepts it; "" if it is invalid
	noSecret   string // why it is invalid
	base       *endpoint
	streaming  *endpoint
	events     *endpoint
	clockAhead time.Duration // how far the platform's clock is ahead; 0 if the platform accepts the difference
	streams    bool          // data came by websocket
	segments   int           // that came with it
}

// finding is the result of a check without its name.
type finding struct {
	outcome      Outcome
	seen, advice string
	took         time.Duration // if it is not the time of the whole check; negative: not shown
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

// atOnce marks a result that needed no request.
func (f finding) atOnce() finding {
	f.took = -1
	return f
}

// check runs one check, unless there is an obstacle or ctx has ended.
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
		return // the result shows the interruption only
	}
	switch {
	case f.took < 0 || f.outcome == Skipped:
		took = 0
	case f.took > 0:
		took = f.took
	}
	e.end(Check{Name: name, Outcome: f.outcome, Seen: f.seen, Advice: f.advice, Took: took})
}

// obstacle returns why no request with the secret can be sent to an endpoint, or
// "".
func (e *examination) obstacle(at *endpoint) string {
	if why := at.obstacle(); why != "" {
		return why
	}
	return e.noSecret
}
