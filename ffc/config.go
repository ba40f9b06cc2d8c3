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

// Config is the configuration of a client. Only EnvSecret and Transport are
// required, or Offline alone. New copies it, except the bytes of Bootstrap; later
// changes have no effect. Config prints without the secret, except with %p, for
// which fmt calls no method and which go vet reports.
type Config struct {
	// EnvSecret is the environment secret, from the platform's settings. It is
	// required, except with Offline and with a Transport that gets the data of a
	// named environment from an engine (fleet.Transport.Environment). Without
	// EnvSecret such a transport requires Platform, and also EventsURL or
	// Events.Sink unless events are switched off.
	EnvSecret string
	// Transport fetches the data: &stream.Transport{} for processes that run all
	// the time, &poll.Transport{} for processes that are frozen, throttled or
	// short-lived. It is required except with Offline.
	Transport transport.Transport
	// Platform is featureflag.co or FeatBit. PlatformAuto detects the platform
	// from the format of the secret or, offline without a secret, from Bootstrap.
	Platform Platform
	// BaseURL is http(s)://host[/prefix]. "" is https://api.featureflag.co on
	// PlatformClassic. On PlatformFeatBit it is required: the URL of the
	// evaluation server, such as http://localhost:5100 with FeatBit's docker
	// compose file.
	BaseURL string
	// StreamingURL is ws(s)://host[/prefix]. "" is BaseURL with ws or wss.
	StreamingURL string
	// EventsURL is http(s)://host[/prefix]. "" is BaseURL. It is not used with
	// Events.Sink.
	EventsURL string
	// StartWait is how long New waits for the first data. 0 is 15 s; negative is
	// no wait.
	StartWait time.Duration
	// Offline makes a client without connections and events. It is ready at once
	// and evaluates Bootstrap. Without a Bootstrap no flag is found.
	Offline bool
	// Bootstrap is a snapshot (see Client.WriteSnapshot) that is evaluated until
	// the platform's data arrives. New does not copy the bytes, because a
	// snapshot can be large: do not change them while the client is used. A
	// snapshot of another platform or environment is an error, unless
	// IgnoreForeignBootstrap is set.
	Bootstrap []byte
	// IgnoreForeignBootstrap makes New start without Bootstrap, and log one
	// warning, if it is a snapshot of another platform or environment than
	// EnvSecret's. It is for an artifact that is built once and deployed to
	// several environments. Other errors of Bootstrap remain errors.
	IgnoreForeignBootstrap bool
	// Fallbacks are values by flag key that are used when an evaluation fails,
	// instead of the fallback of the call. A value that does not have the type of
	// the call is skipped.
	Fallbacks map[string]string
	// Events says how events are queued and delivered.
	Events flush.Config
	// HTTPClient is used for all connections: websockets, data and events. nil is
	// the client's own HTTP client, which verifies TLS, takes the proxy from the
	// environment and has short timeouts.
	//
	// If HTTPClient.Transport is nil or an *http.Transport, the client clones it
	// and manages the connections of the clone. The clone lacks protocols that
	// were added with RegisterProtocol. Any other RoundTripper is called as it is.
	// Its connections are never closed; after a timeout the next request sets
	// Close. At most 8 calls of it, and of the bodies that it returned, are under
	// way at a time. If there is a proxy, websockets use a tunnel (CONNECT), with
	// and without TLS; a RoundTripper that is not an *http.Transport must do that
	// itself.
	HTTPClient *http.Client
	// Logger logs changes of state, malformed data and flags that return their
	// fallback (see QuietFallbacks). It never logs a secret, a token or a user's
	// attributes. Malformed flags are logged when they are first evaluated. If
	// the logger blocks, log lines are lost. nil is the logger that slog.Default
	// returns when a line is logged, so slog.SetDefault may be called later.
	Logger *slog.Logger
	// QuietFallbacks switches off the log lines about evaluations that return
	// the fallback because the flag was not found, is of the wrong type or
	// cannot be evaluated, or because the user has no key. Without
	// QuietFallbacks each flag and reason is logged at most once an hour, at
	// level WARN, with at most 100 lines an hour in all. Stats counts these
	// evaluations in both cases.
	QuietFallbacks bool
	// OnEvaluation, if not nil, is called after each evaluation, by the goroutine
	// that evaluates, with the context of the call. It is for tracing: package
	// ffcotel of the module otel has a function for OpenTelemetry. It should be
	// fast, and may be called concurrently. If it panics, the evaluation
	// continues, and the panic is logged once.
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

// defaultStartWait is that of the platform's other SDKs (protocol reference,
// section 7.1).
const defaultStartWait = 15 * time.Second

// Format implements fmt.Formatter. It does not print the secret.
func (c Config) Format(f fmt.State, verb rune) {
	type plain Config // without this method
	if c.EnvSecret != "" {
		c.EnvSecret = transport.NewSecret(c.EnvSecret).String()
	}
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(c))
}
