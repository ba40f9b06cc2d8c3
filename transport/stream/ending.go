package stream

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// ending is how a connection ended.
type ending struct {
	err     error
	refused bool           // by close code 4003
	renewed bool           // by us, to ask the next question on another one
	answer  *http.Response // to a handshake that did not succeed
	opened  time.Time      // when the platform accepted the websocket; zero is never
	usable  time.Time      // when the platform first answered; zero is never
	date    string         // of the handshake, by the platform's clock
	dialled time.Time      // when that was by ours
}

// platformTime returns what the platform's clock says now, at least; zero is
// unknown.
func (e *ending) platformTime() time.Time {
	date, err := http.ParseTime(e.date)
	if err != nil {
		return time.Time{}
	}
	now := time.Now()
	return date.Add(max(0, min(now.Sub(e.dialled), now.Round(0).Sub(e.dialled.Round(0)))))
}

// clockAhead returns how far the platform's clock was ahead of ours.
func (e *ending) clockAhead() (time.Duration, bool) {
	date, err := http.ParseTime(e.date)
	if err != nil {
		return 0, false
	}
	return date.Sub(e.dialled.Round(0)), true
}

// closedWith returns the error for a close code of the platform.
func closedWith(code websocket.StatusCode) *transport.Error {
	e := &transport.Error{Kind: transport.KindUnavailable}
	reason := ""
	switch code {
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
		e.Err = fmt.Errorf("the platform closed the connection with code %d", code)
		return e
	}
	e.Err = fmt.Errorf("the platform closed the connection with code %d: %s", code, reason)
	return e
}

var (
	errSilent   = errors.New("the connection fell silent")
	errNoAnswer = errors.New("the platform did not answer the request for data")
	errTooSlow  = errors.New("a message took too long to arrive")
	errRefused  = errors.New("the platform closed the connection with code 4003: check the secret, " +
		"and that this machine's clock is right, as the platform allows no more than 30 s")
)
