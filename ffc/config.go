package ffc

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Config says how a client works. Only EnvSecret and Transport are needed, or
// Offline alone. New copies it, all but the bytes of Bootstrap; changing it
// afterwards has no effect. It prints without the secret, but with %p, for which
// fmt calls no method and which go vet reports.
type Config struct {
	// EnvSecret is the secret of the environment, from the platform's
	// settings. Required unless Offline, or unless Transport gets the data of a
	// named environment from an engine (fleet.Transport.Environment). Without it
	// Platform is required, and EventsURL unless events are switched off.
	EnvSecret string
	// Transport gets the data: &stream.Transport{} for processes that run all
	// the time, &poll.Transport{} for those that are frozen, throttled or
	// short-lived. Required unless Offline.
	Transport transport.Transport
	// Platform is featureflag.co or FeatBit. PlatformAuto detects it by the
	// shape of the secret or, offline without a secret, of Bootstrap.
	Platform Platform
	// BaseURL is http(s)://host[/prefix]. "" is https://api.featureflag.co on
	// PlatformClassic. PlatformFeatBit needs one: that of the evaluation server,
	// http://localhost:5100 with its docker compose file.
	BaseURL string
	// StreamingURL is ws(s)://host[/prefix], if it is not that of BaseURL.
	StreamingURL string
	// EventsURL is http(s)://host[/prefix], if it is not that of BaseURL.
	EventsURL string
	// StartWait is how long New waits for the first data. 0 is 15 s, negative
	// is not at all.
	StartWait time.Duration
	// Offline: no connection and no events; the client is ready at once and
	// evaluates Bootstrap, or answers that flags are not found.
	Offline bool
	// Bootstrap is a snapshot (see Client.WriteSnapshot) that is evaluated
	// until the platform's data has arrived. New does not copy its bytes, which
	// may be many: they must not change while the client is used. A snapshot of
	// another platform or environment is an error, unless IgnoreForeignBootstrap
	// is set.
	Bootstrap []byte
	// IgnoreForeignBootstrap makes New start without Bootstrap, and log one
	// warning, if it is a snapshot of another platform or environment than
	// EnvSecret's: for an artifact that is built once and deployed to several
	// environments. Other errors of Bootstrap remain errors.
	IgnoreForeignBootstrap bool
	// Fallbacks are values by flag key that are used when an evaluation fails,
	// before the fallback of the call. One that is not of the type that a call
	// asks for is passed over.
	Fallbacks map[string]string
	// Events says how events are queued and delivered.
	Events flush.Config
	// HTTPClient is used for everything: sockets, data and events. nil is a
	// client of our own, which verifies TLS, takes the proxy from the
	// environment and has short timeouts.
	//
	// If its Transport is nil or an *http.Transport, the client clones it and
	// manages the connections of the clone: protocols that were added with
	// RegisterProtocol are not in it. Any other RoundTripper is called as it is. Its
	// connections are never closed; after a timeout the next request sets Close. At
	// most 8 calls of it, and of the bodies that it returned, are under way at a
	// time. Websockets go through a tunnel (CONNECT) if there is a proxy,
	// with and without TLS; a RoundTripper that is no *http.Transport must do
	// that itself.
	HTTPClient *http.Client
	// Logger logs changes of state, malformed data and flags that return their
	// fallback (see QuietFallbacks); never a secret, a token or a user's
	// attributes. Malformed flags are logged when they are first evaluated. If
	// the logger is stuck, lines get lost. nil is what slog.Default returns when a
	// line is logged, so slog.SetDefault may come later.
	Logger *slog.Logger
	// QuietFallbacks switches off the log lines about evaluations that return
	// the fallback because the flag was not found, is of the wrong type or
	// cannot be evaluated, or because the user has no key. Without it each flag
	// and reason is logged at most once an hour, at level WARN, and at most 100
	// lines an hour are logged. Stats counts them either way.
	QuietFallbacks bool
	// OnEvaluation is called after each evaluation, by the goroutine that
	// evaluates, with the context of the call: for tracing. It should be quick,
	// and may be called concurrently. nil costs nothing.
	OnEvaluation func(context.Context, Evaluation)
}

// Platform names a platform.
type Platform string

// The platforms.
const (
	PlatformAuto    Platform = ""
	PlatformClassic Platform = "classic" // featureflag.co
	PlatformFeatBit Platform = "featbit" // FeatBit, its successor
)

// defaultStartWait is the platform's (protocol reference, section 7.1).
const defaultStartWait = 15 * time.Second

// Format implements fmt.Formatter without telling the secret.
func (c Config) Format(f fmt.State, verb rune) {
	type plain Config // without this method
	if c.EnvSecret != "" {
		c.EnvSecret = transport.NewSecret(c.EnvSecret).String()
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(c))
}
