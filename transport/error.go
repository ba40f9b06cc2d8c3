package transport

import "time"

// Kind groups the reasons for which the data may be stale. The texts are the
// platform's (protocol reference, section 7.3).
type Kind string

// The kinds of errors.
const (
	// KindNetwork: the connection failed, or a response was an error.
	KindNetwork Kind = "Network error"
	// KindWebSocket: the server responded, but did not open a websocket.
	KindWebSocket Kind = "WebSocket error"
	// KindClosed: the platform closed the connection with a code that does not
	// say that it is unavailable.
	KindClosed Kind = "Unknown close code"
	// KindUnavailable: the platform closed the connection because it shuts
	// down, restarts, is overloaded or cannot reach its data store.
	KindUnavailable Kind = "Service unavailable"
	// KindRefused: the platform rejected the secret, or the time of the token.
	KindRefused Kind = "Request invalid"
	// KindData: the data is invalid, or goes back to older data.
	KindData Kind = "Received Data invalid"
)

// Error says why the data may be stale. It never holds a secret, a token or
// user data. Use errors.As to find it in ffc.Status.Err.
type Error struct {
	Kind Kind
	Err  error
	// AsOf is when the platform confirmed the data, if the session knows that
	// from another process; ffc.Status.DataAge counts from then, as after
	// Store.ConfirmAsOf. Zero leaves DataAge as it is.
	AsOf time.Time
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return string(e.Kind)
	}
	return string(e.Kind) + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
