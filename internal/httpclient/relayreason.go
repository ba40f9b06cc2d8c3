package httpclient

import "io"

// The reasons that a relay gives, in the body of a response or with a close code, for
// not doing what was requested.
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

// RelayReason reads at most limit bytes of a body, so that the connection can be used
// again. If the text is a reason of a relay, RelayReason returns ": " and the reason,
// otherwise "": other texts from the network may hold a secret or what users have sent.
func RelayReason(body io.Reader, limit int64) string {
	start := make([]byte, 100) // the longest reason is shorter
	n, _ := io.ReadFull(body, start)
	_, _ = io.CopyN(io.Discard, body, limit-int64(n))
	for n > 0 && start[n-1] == '\n' {
		n--
	}
	if text := string(start[:n]); IsRelayReason(text) {
		return ": " + text
	}
	return ""
}

// IsRelayReason reports whether a text is a reason of a relay, and so safe to show.
func IsRelayReason(text string) bool {
	switch text {
	case RelayHasNoQueue, RelayQueueFails, RelayLimitsEvents, RelayHasNoData, RelayIsBehind, RelayHasNoEngine, RelayEngineFails, RelayLimitsSockets, RelayLimitsInvalid:
		return true
	}
	return false
}
