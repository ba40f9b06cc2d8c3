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
