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
	// does no I/O and starts nothing. Its error says which setting is wrong.
	Open(Env) (Session, error)
}

// Session keeps the data of one client current. A session that does so in the
// background is also a Runner.
type Session interface {
	// Refresh brings the data up to date if the session works on demand, and
	// returns nil at once if it works in the background. It returns when the
	// data is recent enough or it cannot be had in the time there is; the
	// error is then for information, as the data the client has goes on
	// serving. It may be called concurrently.
	Refresh(context.Context) error
}

// Runner is a Session with a background part.
type Runner interface {
	Session
	// Run keeps the data current until ctx ends or the platform refuses for
	// good. It is called once. When it returns, nothing of the session runs.
	Run(ctx context.Context)
}

// Env is what a client tells a transport. All of it is set.
type Env struct {
	EnvSecret    Secret
	Platform     string       // "classic"
	BaseURL      string       // http(s)://host[/prefix], without a trailing slash
	StreamingURL string       // ws(s)://host[/prefix], without a trailing slash
	HTTPClient   *http.Client // can be the application's: it must not be changed
	Logger       *slog.Logger // for changes of state only, never for a secret, a token or user data
	Store        Store
}

// Store is the client's end. All methods may be called concurrently; none does
// I/O or waits for the application.
type Store interface {
	// Version is the newest version of any item in the store, in Unix
	// milliseconds; 0 if the platform has to be asked for everything.
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
}

// Applied says what a message was.
type Applied struct {
	Full bool // everything, rather than changes
}

// Mark says what a Store had at some time. The zero Mark is nothing.
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
