package transport

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
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

// Holder is a Session that says for how long the store holds back answers with
// older data than its own (see Applied.Held).
type Holder interface {
	Session
	// HoldFor returns over how long answers must agree before the store follows
	// them. The client calls it once, after Open.
	HoldFor() time.Duration
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
//
// A session that gets data at second hand, from an engine that a publisher
// writes to, calls ApplyAsOf and ConfirmAsOf in place of Apply and Confirm.
//
// A session asks the platform, applies each message that comes, and confirms
// once when the answer is complete:
//
//	asked := store.Mark()               // before the request is sent
//	applied, err := store.Apply(message, asked)
//	if err == nil && applied.Held == 0 { // and the answer is complete
//		store.Confirm()
//	}
type Store interface {
	// Version returns the newest version of any item, in Unix milliseconds, when
	// the store was last confirmed. Messages that have come since may not be all
	// there was. 0 means that the platform has to be asked for everything.
	Version() int64
	// Mark returns a mark: this moment on the timeline of the store, which is
	// after 0. Take one for each request, before it is sent.
	Mark() Mark
	// Apply stores a data-sync message, or the answer of a polling request,
	// and publishes it. asked is the mark that was taken before the message was
	// asked for, or 0 for what nobody asked for, and for an answer that may come
	// from a cache. The store keeps message: its bytes must not change any more.
	//
	// After an error the store is as before. The error is an *Error of
	// KindData, or says that the client is closed. Apply never confirms.
	Apply(message []byte, asked Mark) (Applied, error)
	// Confirm notes that the store has what the platform has now. Call it once
	// after each complete answer that held nothing back, with or without new
	// data, and with each sign of life of a connection that pushes and has
	// brought such an answer.
	Confirm()
	// ApplyAsOf stores data that another process got from the platform, which
	// confirmed the data at asOf, and publishes it. message is a whole data-sync
	// message; ApplyAsOf rejects a patch. It replaces everything that the store
	// had at the mark asked, whatever the versions, and holds nothing back. The
	// store keeps message. From then on DataAge counts from asOf, unless the
	// store was confirmed later than that: DataAge never goes back. An asOf
	// after the present counts as the present.
	//
	// Version returns 0 until the next Confirm: the platform itself has to be
	// asked for everything. ApplyAsOf does not change the state: call ConfirmAsOf
	// or Interrupted next. Errors are those of Apply.
	ApplyAsOf(message []byte, asked Mark, asOf time.Time) (Applied, error)
	// ConfirmAsOf notes that the store has what the platform had at asOf. The
	// state becomes OK. DataAge counts from asOf as with ApplyAsOf. Call it once
	// after ApplyAsOf, and each time that the same data is confirmed again.
	ConfirmAsOf(asOf time.Time)
	// Interrupted notes that the data may be getting old, and why: an *Error.
	// The session goes on trying. After ApplyAsOf the client is initialized all
	// the same.
	Interrupted(error)
	// Off notes that the session has given up for good, and why: an *Error.
	Off(error)
	// Fallback notes that the data comes from a second transport because the
	// first cannot work, or does so no longer.
	Fallback(active bool)
}

// Applied says what became of a message.
type Applied struct {
	// Full: the message was everything, rather than changes.
	Full bool
	// Held is how many flags and segments the store keeps although the message
	// has them in an older version, or, being everything, lacks too many of them
	// or ones that are newer than itself. An answer that held something back
	// must not be confirmed. The store follows the platform when three answers
	// in a row agree about an item, over at least 5 min, or what the session
	// says as a Holder.
	Held int
	// Answers is how many answers in a row agree so far, and For is over how
	// long, about the item that most agree about.
	Answers int
	For     time.Duration
	// HeldVersion is the newest version that the store has of what is held. A
	// question for what is newer than the version before it shows at little cost
	// whether another server of the platform has it, too.
	HeldVersion int64
}

// Mark is a moment on the timeline of a Store. What arrived before the mark was
// taken was known when the platform was asked, what arrived later was not:
//
//	a=1 arrives    mark taken    a=2 is pushed    the answer arrives
//	----------------- asked -------------------------------------->
//
// If the answer to that request has a=1, or no a, it is just older than the
// push, and a=2 stays without further ado. But if a=2 had arrived before the
// mark, then the platform would have gone back, and the answer is held (see
// Applied.Held).
//
// The zero Mark is the beginning: everything arrived later. A message that is
// applied with it replaces nothing that is newer.
type Mark uint64

// Secret is the environment secret. It prints as a placeholder, whatever the
// verb. Reveal returns the text. The zero Secret is empty. Secrets cannot be
// compared with ==.
type Secret struct{ text *string } // a pointer, as fmt calls no method for %p

// NewSecret returns a Secret with a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text of the secret. Do not log it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

const redacted = "[secret]"

// String implements fmt.Stringer without telling the secret.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter without telling the secret, also for verbs
// that are not meant for strings.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler without telling the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
