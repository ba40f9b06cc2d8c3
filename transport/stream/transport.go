package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// Transport configures streaming. The zero value is ready to use; one value
// can serve several clients, also concurrently.
type Transport struct {
	// PingInterval is the time between keep-alive messages. 0 is 10 s. Proxies
	// tend to cut connections that are silent for a minute.
	PingInterval time.Duration
	// ConnectTimeout bounds dialling, TLS and the upgrade. 0 is 10 s.
	ConnectTimeout time.Duration
	// SilenceTimeout is how long a connection may bring nothing, not even the
	// answer to a keep-alive, before it is given up; it must be longer than
	// PingInterval. The data asked for may take as long to begin to arrive. 0
	// is 30 s.
	SilenceTimeout time.Duration
	// FirstRetry is the pause before the first attempt to reconnect. It
	// doubles with each further one, less a random part of up to a half, and
	// is the first again after a connection that was of use for more than a
	// minute. 0 is 1 s.
	FirstRetry time.Duration
	// MaxRetry is the longest such pause, and the pause after an answer that
	// is not likely to change soon, such as 404. A platform can ask for up to
	// 10 min with Retry-After. 0 is 60 s.
	MaxRetry time.Duration
	// MaxMessage is the largest message to accept, in bytes. 0 is 128 MiB. A
	// larger one is given up like a broken connection.
	MaxMessage int64
}

var _ transport.Transport = (*Transport)(nil)

// Open implements transport.Transport. Its error names each setting that is
// wrong.
func (t *Transport) Open(env transport.Env) (transport.Session, error) {
	dialect, err := wire.DialectOf(env.Platform)
	if err != nil {
		return nil, err
	}
	s := &session{settings: settings(*t), env: env, dialect: dialect, http: noRedirects(env.HTTPClient)}
	err = errors.Join(
		setting("PingInterval", &s.PingInterval, dialect.PingInterval),
		setting("ConnectTimeout", &s.ConnectTimeout, 10*time.Second),
		setting("SilenceTimeout", &s.SilenceTimeout, 30*time.Second),
		setting("FirstRetry", &s.FirstRetry, time.Second),
		setting("MaxRetry", &s.MaxRetry, 60*time.Second),
		setting("MaxMessage", &s.MaxMessage, 128<<20),
	)
	if err == nil && s.PingInterval >= s.SilenceTimeout {
		err = fmt.Errorf("stream: PingInterval is %v: expected less than SilenceTimeout, which is %v", s.PingInterval, s.SilenceTimeout)
	}
	if err == nil && s.FirstRetry > s.MaxRetry {
		err = fmt.Errorf("stream: FirstRetry is %v: expected at most MaxRetry, which is %v", s.FirstRetry, s.MaxRetry)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// setting replaces zero by the default.
func setting[T time.Duration | int64](name string, value *T, otherwise T) error {
	if *value < 0 {
		return fmt.Errorf("stream: %s is %v: expected 0 (the default) or more", name, *value)
	}
	if *value == 0 {
		*value = otherwise
	}
	return nil
}

// settings are a Transport with its defaults, without its methods.
type settings Transport

// session is the streaming of one client.
type session struct {
	settings
	env     transport.Env
	dialect *wire.Dialect
	http    *http.Client

	// These belong to Run: how far the platform's clock is ahead of ours, if
	// that matters, and whether the platform has ever taken the secret.
	offset  time.Duration
	trusted bool

	connects, failures atomic.Uint64
}

var (
	_ transport.Runner  = (*session)(nil)
	_ transport.Counter = (*session)(nil)
)

// Refresh implements transport.Session: changes arrive by themselves.
func (s *session) Refresh(context.Context) error { return nil }

// Stats implements transport.Counter.
func (s *session) Stats() transport.Stats {
	return transport.Stats{Connects: s.connects.Load(), Failures: s.failures.Load()}
}
