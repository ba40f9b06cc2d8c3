package doctor

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// checkPolling gets the data by a request, as the SDK does.
func (e *examination) checkPolling(ctx context.Context) finding {
	s := &countingStore{codec: e.codec}
	err := e.fetch(&poll.Transport{Budget: 2 * e.Timeout, Timeout: e.Timeout}, s, e.http.Transport)
	switch {
	case s.got && (e.codec.PollHasSegments || s.segments > 0): // a relay has them on every platform
		return s.judge(count(s.flags, "flag") + ", " + count(s.segments, "segment"))
	case s.got && e.segments > 0:
		return s.judge(count(s.flags, "flag") + "; segments come by websocket only")
	case s.got:
		return s.judge(count(s.flags, "flag"))
	}
	if other := e.otherPlatform(ctx); other != "" {
		return e.mismatch(other)
	}
	why := "there was no response"
	if err != nil {
		why = errtext.Of(err)
	}
	if e.streams {
		return warn("nothing, unless programs use &poll.Transport{}: the websocket works", "no data: %s", why)
	}
	return fail("check that -url is that of the platform and the secret that of its environment", "no data: %s", why)
}
