package httpclient

import "io"

// What a relay says in the body of a response, why it does not do what was asked
// for.
const (
	RelayHasNoQueue    = "this relay has no queue for events: set the events URL to the platform"
	RelayQueueFails    = "the queue for events is full or does not respond"
	RelayLimitsEvents  = "too many events for this key"
	RelayHasNoData     = "there is no data of the environment yet"
	RelayIsBehind      = "the client has newer data than this relay"
	RelayHasNoEngine   = "the environment has no engine"
	RelayEngineFails   = "the engine does not respond"
	RelayLimitsSockets = "too many websockets"
	RelayLimitsInvalid = "too many invalid requests"
)

// RelayReason reads a body, at most most bytes, so that the connection can be used
// again. It returns the text if it is one of a relay, after ": ", and otherwise "":
// other texts from the network may hold a secret or what users have sent.
func RelayReason(body io.Reader, most int64) string {
	start := make([]byte, 100) // the longest reason is shorter
	n, _ := io.ReadFull(body, start)
	_, _ = io.CopyN(io.Discard, body, most-int64(n))
	for n > 0 && start[n-1] == '\n' {
		n--
	}
	switch text := string(start[:n]); text {
	case RelayHasNoQueue, RelayQueueFails, RelayLimitsEvents, RelayHasNoData, RelayIsBehind, RelayHasNoEngine, RelayEngineFails, RelayLimitsSockets, RelayLimitsInvalid:
		return ": " + text
	}
	return ""
}
