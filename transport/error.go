package transport

import "time"

// Kind groups the reasons for which data may be getting old. The texts are the
// platform's (protocol reference, section 7.3).
type Kind string

// The kinds of errors.
const (
	// KindNetwork: no connection, or one that broke.
	KindNetwork Kind = "Network error"
	// KindWebSocket: something answered, but not with a websocket.
	KindWebSocket Kind = "WebSocket error"
	// KindClosed: the platform closed the connection, and did not say that it
	// is unavailable.
	KindClosed Kind = "Unknown close code"
	// KindUnavailable: the platform closed the connection because it shuts
	// down, restarts, is overloaded or cannot reach its data store.
	KindUnavailable Kind = "Service unavailable"
	// KindRefused: the platform does not take the secret, or the clock.
	KindRefused Kind = "Request invalid"
	// KindData: a message could not be understood.
	KindData Kind = "Received Data invalid"
)

// Error says why data may be getting old. It never holds a secret, a token or
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
