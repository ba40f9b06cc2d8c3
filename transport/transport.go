// Package transport is the contract between a client and a transport, which
// keeps the client's data current. Packages stream (a websocket) and poll (HTTP
// requests) implement it. Applications choose a transport in ffc.Config. They
// need this package only if they write a transport of their own.
//
// A transport gets messages of the platform in any way, and passes their bytes
// to the client's Store. The Store decodes them, checks versions, publishes the
// data and keeps the client's status.
package transport

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// Transport is a way to get data. It is configuration only. Open may be called
// for several clients, also concurrently; their sessions share nothing.
type Transport interface {
	// Open checks the configuration and returns the session of one client. It
	// does no I/O and starts no goroutine. Its error names the setting that is
	// invalid. ffc.New fails if the session is nil, or neither a Runner nor a
	// Refresher.
	Open(Env) (Session, error)
}

// Session keeps the data of one client current: a Runner in the background, a
// Refresher on demand. A session implements one of the two.
type Session interface {
	// Stats returns counts since Open. It may be called concurrently, and does
	// not block.
	Stats() Stats
}

// Runner is a Session that works in the background.
type Runner interface {
	Session
	// Run keeps the data current until ctx ends, or until it has called
	// Store.Off. The client calls it once. When Run returns, no goroutine or
	// timer of the session is left.
	Run(ctx context.Context)
}

// Refresher is a Session that works on demand. Between calls no goroutine and no
// timer of the session runs, except to accept a response that is late. All
// methods may be called concurrently.
type Refresher interface {
	Session
	// Load fetches the data, however old the cached data is. It blocks and
	// retries until the fetch succeeds, the platform rejects the client for good,
	// ctx ends, or Close is called; it returns nil only in the first case.
	Load(ctx context.Context) error
	// Refresh fetches the data if the cached data is too old. It blocks until the
	// fetch ends, ctx ends, or the time that the session allows is over. It
	// returns nil if the data is current. After an error the client keeps serving
	// the cached data.
	Refresh(ctx context.Context) error
	// Close ends the fetch that is under way and waits for it. Load and Refresh
	// fail from then on. Close may be called more than once.
	Close()
}

// Holder is a Session that chooses for how long the store holds back answers with
// older data than its own, see Applied.Held. Without it that is 5 min.
type Holder interface {
	Session
	// HoldFor returns the time over which answers must agree before the store
	// accepts them. The client calls it once, after Open.
	HoldFor() time.Duration
}

// Keyless is a Transport that can work without an environment secret.
type Keyless interface {
	Transport
	// KeylessEnvironment returns the environment whose data the transport gets:
	// FF__account__project__environment on featureflag.co, the GUID on FeatBit. ""
	// means that the transport needs the secret to know.
	KeylessEnvironment() string
}

// Sourced is a Session that knows which publisher the data is from.
type Sourced interface {
	Session
	// Source returns where the data is from. It may be called concurrently.
	Source() Source
}

// Source says where data is from that another process got from the platform. The
// zero Source is no data, or data of the platform itself.
type Source struct {
	Backend  string // the engine that the data was last confirmed by
	Lineage  string // names a sequence of revisions
	Revision int64  // grows with each change of the data
	// PinnedUntil is when a pin of the data ends: until then the publisher keeps
	// the data although the platform has other data. Zero is no pin.
	PinnedUntil time.Time
}

// String returns lineage and revision with a slash in between, as the header
// Ffc-Revision has them, or "" for the zero Source.
func (s Source) String() string {
	if s.Lineage == "" {
		return ""
	}
	return s.Lineage + "/" + strconv.FormatInt(s.Revision, 10)
}

// Env is what a client passes to its transport. The client sets all fields.
type Env struct {
	EnvSecret    Secret // empty only if the Transport is Keyless
	Platform     string // "classic" or "featbit"
	BaseURL      string // http(s)://host[/prefix], without a trailing slash
	StreamingURL string // ws(s)://host[/prefix], without a trailing slash
	// HTTPClient sends requests through the client's connection pool, which
	// closes idle connections and replaces dead ones: a session need not close
	// any. Do not change it.
	HTTPClient *http.Client
	// Logger is for changes of state only. Never log a secret, a token or user
	// data.
	Logger *slog.Logger
	Store  Store
	// Background is true if no unit of work waits for the session's requests,
	// even if it is a Refresher, such as for the fallback of another transport.
	// The session then retries as often as background transports do.
	Background bool
}

// Stats counts what a session did so far, and a fallback that it started.
type Stats struct {
	// Connects is the number of websockets dialled and requests sent for data.
	Connects uint64
	// Failures is the number of those that brought no data, plus the number of
	// websockets that broke.
	Failures uint64
	// Fetches is the number of fetches that have ended, on demand or at an
	// interval, and FetchTime their time in all: each counts at most its timeout.
	// Data that a websocket pushes takes no fetch.
	Fetches   uint64
	FetchTime time.Duration
}
