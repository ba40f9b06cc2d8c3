package stream

import (
	"errors"
	"net/http"
	"time"
)

// ending is how a connection ended.
type ending struct {
	err     error
	refused bool           // by close code 4003
	answer  *http.Response // to a handshake that did not succeed
	usable  time.Time      // since when the data was the platform's; zero is never
	date    string         // of the handshake, by the platform's clock
	dialled time.Time      // when that was by ours
}

// clockAhead returns how far the platform's clock was ahead of ours.
func (e *ending) clockAhead() (time.Duration, bool) {
	date, err := http.ParseTime(e.date)
	if err != nil {
		return 0, false
	}
	return date.Sub(e.dialled.Round(0)), true
}

var (
	errSilent   = errors.New("the connection fell silent")
	errNoAnswer = errors.New("the platform did not answer the request for data")
	errTooSlow  = errors.New("a message took too long to arrive")
	errRefused  = errors.New("the platform closed the connection with code 4003: check EnvSecret, " +
		"and that this machine's clock is right, as the platform allows no more than 30 s")
)
