package transport

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
)

// Transport is a way to get data. It is configuration only: Open may be called
// for several clients, and they share nothing.
type Transport interface {
	// Open checks the configuration and returns the session of one client. It
	// does no I/O and starts nothing. Its error says which setting is wrong. A
	// session that is nil, or neither a Runner nor a Refresher, makes ffc.New
	// fail.
	Open(Env) (Session, error)
}

// Session keeps the data of one client current. It is a Runner, which does so
// all the time, or a Refresher, which does so when asked.
type Session interface {
	// Stats returns what the session has done so far. It may be called
	// concurrently.
	Stats() Stats
}

// Runner is a Session that works in the background.
type Runner interface {
	Session
	// Run keeps the data current until ctx ends or the platform refuses for
	// good. It is called once. When it returns, nothing of the session runs.
	Run(ctx context.Context)
}

// Refresher is a Session that works on demand. Between calls nothing of it
// runs, except to take an answer that comes late. All methods may be called
// concurrently.
type Refresher interface {
	Session
	// Load gets the platform's data, however old what is there, and goes on
	// trying until it has it, the platform refuses for good, or ctx ends.
	Load(ctx context.Context) error
	// Refresh gets the platform's data if what is there is too old, and
	// returns when it has it or the session's budget of time is used up. Its
	// error is for information: what is there goes on serving.
	Refresh(ctx context.Context) error
	// Close ends what is under way and waits for it. Later calls of Load and
	// Refresh fail.
	Close()
}

// Env is what a client tells a transport. All of it is set.
type Env struct {
	EnvSecret    Secret
	Platform     string // "classic" or "featbit"
	BaseURL      string // http(s)://host[/prefix], without a trailing slash
	StreamingURL string // ws(s)://host[/prefix], without a trailing slash
	// HTTPClient sends requests through the client's pool of connections, which
	// looks after idle and dead ones. It must not be changed.
	HTTPClient *http.Client
	Logger     *slog.Logger // for changes of state only, never for a secret, a token or user data
	Store      Store
	// Background is true if no unit of work waits for the session's requests,
	// even if it is a Refresher, such as for the fallback of another transport.
	// The session then retries as often as background transports do.
	Background bool
}

// Store is the client's end. All methods may be called concurrently; none does
// I/O or waits for the application.
type Store interface {
	// Version is what the platform has to be asked for changes since: the newest
	// version of any item, in Unix milliseconds, when the store was last what the
	// platform had (see Confirm). What has come after that may not be all there
	// was. 0 is everything.
	Version() int64
	// Mark returns a mark of what the store has now. Take one before each
	// request.
	Mark() Mark
	// Apply stores a data-sync message, or the answer of a polling request,
	// and publishes it. The mark was taken before the message was asked for.
	// The store keeps message: its bytes must not change any more.
	//
	// After an error the store is as before. The error is an *Error of
	// KindData, or says that the client is closed.
	Apply(message []byte, asked Mark) (Applied, error)
	// Confirm notes that the store is what the platform has now. Apply does so
	// itself when a message is everything, but not when it is changes: they may
	// have been pushed before the answer to a request.
	Confirm()
	// Interrupted notes that the data may be getting old, and why: an *Error.
	// The session goes on trying.
	Interrupted(error)
	// Off notes that the session has given up for good, and why: an *Error.
	Off(error)
	// Fallback notes that the data comes from a second transport because the
	// first cannot work, or does so no longer.
	Fallback(active bool)
}

// Applied says what a message was.
type Applied struct {
	Full bool // everything, rather than changes
}

// Mark says what a Store had at some time. The zero Mark is nothing: a message
// applied with it may be old, such as one from a cache, and replaces nothing
// that is newer.
type Mark uint64

// Secret is the environment secret. It prints as a placeholder; convert it to
// a string to use it.
type Secret string

const redacted = "[secret]"

// String implements fmt.Stringer without telling the secret.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter without telling the secret, also for verbs
// that are not meant for strings.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler without telling the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
