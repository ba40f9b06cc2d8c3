package retry

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAfter bounds what a server can ask for: a mistake of the server must not
// silence a client for longer.
const maxAfter = 10 * time.Minute

// After reads the Retry-After header, in seconds or as a date. A date is
// compared with the Date header, so that this machine's clock does not matter,
// and with now if there is none. The result is at most 10 min. It reports false
// if the header is missing or invalid.
func After(h http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if text == "" {
		return 0, false
	}
	var wait time.Duration
	if seconds, err := strconv.ParseUint(text, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		wait = time.Duration(min(seconds, uint64(maxAfter/time.Second))) * time.Second
	} else if date, err := http.ParseTime(text); err == nil {
		if sent, err := http.ParseTime(h.Get("Date")); err == nil {
			now = sent
		}
		wait = date.Sub(now)
	} else {
		return 0, false
	}
	return min(max(wait, 0), maxAfter), true
}

// Class groups status codes by what they say about a retry.
type Class uint8

// The classes.
const (
	Success   Class = iota // 2xx and 304
	Transient              // the same request may succeed soon
	Refused                // 401 and 403: the platform, or a firewall, rejects the credentials
	Permanent              // not likely to change soon
)

// Classify returns the class of a status code.
func Classify(status int) Class {
	switch status {
	case http.StatusNotModified:
		return Success
	case http.StatusUnauthorized, http.StatusForbidden:
		return Refused
	case http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests:
		return Transient
	}
	switch {
	case status >= 200 && status < 300:
		return Success
	case status >= 500:
		return Transient
	}
	return Permanent
}
