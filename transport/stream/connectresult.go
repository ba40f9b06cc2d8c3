package stream

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// handshake is the result of opening a connection.
type handshake struct {
	at       time.Time      // when it ended, by this machine's clock
	date     string         // of the response, by the platform's clock
	asOf     time.Time      // when the platform had confirmed a relay's data; zero is no relay
	opened   bool           // the platform accepted the websocket
	response *http.Response // that opened no websocket; nil without such a response
}

// platformTime returns the platform's time now, or somewhat less; zero is unknown.
func (h *handshake) platformTime() time.Time {
	date, err := http.ParseTime(h.date)
	if err != nil {
		return time.Time{}
	}
	now := time.Now()
	return date.Add(max(0, min(now.Sub(h.at), now.Round(0).Sub(h.at.Round(0)))))
}

// clockAhead returns by how much the platform's clock was ahead of this machine's.
func (h *handshake) clockAhead() (ahead time.Duration, ok bool) {
	date, err := http.ParseTime(h.date)
	if err != nil {
		return 0, false
	}
	return date.Sub(h.at.Round(0)), true
}

// connectResult says how a connection, or an attempt to connect, ended.
type connectResult struct {
	handshake
	err     error
	renewed bool      // this end closed it, to send the next request on another one
	usable  time.Time // when the platform first answered; zero is never
}

// refused reports whether the platform rejected the token.
func (e *connectResult) refused() bool { return errors.Is(e.err, errRefused) }

// rejected reports whether the platform, rather than an outage, kept the client
// from connecting.
func (e *connectResult) rejected() bool {
	return e.refused() || e.response != nil && e.response.StatusCode < http.StatusInternalServerError
}

// closedWith returns the error for a close code of the platform or of a relay.
func closedWith(closed websocket.CloseError) *transport.Error {
	e := &transport.Error{Kind: transport.KindUnavailable}
	reason := ""
	switch closed.Code {
	case websocket.StatusGoingAway: // 1001
		reason = "it is shutting down"
	case websocket.StatusInternalError: // 1011
		reason = "it had an internal error, such as when FeatBit cannot reach its data store"
	case websocket.StatusServiceRestart: // 1012
		reason = "it is restarting"
	case websocket.StatusTryAgainLater: // 1013
		reason = "it is overloaded"
	case websocket.StatusBadGateway: // 1014
		reason = "a proxy cannot reach it"
	default:
		e.Kind = transport.KindClosed
		e.Err = fmt.Errorf("the platform closed the connection with code %d", closed.Code)
		return e
	}
	if httpclient.IsRelayReason(closed.Reason) {
		reason = closed.Reason
	}
	e.Err = fmt.Errorf("the platform closed the connection with code %d: %s", closed.Code, reason)
	return e
}

var (
	errSilent     = errors.New("the connection fell silent")
	errNoResponse = errors.New("the platform did not respond to the request for data")
	errTooSlow    = errors.New("a message took too long to arrive")
	errRefused    = errors.New("the platform closed the connection with code 4003: check the secret, " +
		"which must be of this platform, and that this machine's clock is right, as the platform allows no more than 30 s")
)
