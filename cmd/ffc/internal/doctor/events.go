package doctor

import (
	"context"
	"net/http"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
)

// checkEvents sends an empty list of events, which changes nothing on the
// platform.
func (e *examination) checkEvents(ctx context.Context) finding {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.events.url+e.codec.EventsPath, strings.NewReader("[]"))
	if err != nil {
		return fail("", "the URL cannot be requested")
	}
	req.Header.Set("Content-Type", e.codec.EventsType)
	req.Header.Set(e.codec.SecretHeader, e.secret)
	req.Header.Set("User-Agent", httpclient.UserAgent())
	resp, err := e.http.Do(req)
	if err != nil {
		return noAnswer(err)
	}
	reason := httpclient.RelayReason(resp.Body, 64<<10)
	_ = resp.Body.Close()
	switch status := resp.StatusCode; {
	case reason == ": "+httpclient.RelayHasNoQueue:
		return fail("set -events-url to the platform, and Config.EventsURL in programs; or start the relay with a queue", "the server is a relay without a queue for events (%s)", statusText(status))
	case status >= 200 && status < 300:
		return ok("the platform accepts events")
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fail("check the secret", "the platform responds with %s", statusText(status))
	case status == http.StatusBadRequest:
		return warn("nothing, if events arrive: the platform may reject an empty list only", "the platform responds with %s to an empty list of events", statusText(status))
	case status == http.StatusTooManyRequests:
		return warn("wait a while; the SDK does so too", "the platform responds with %s: there are too many requests%s", statusText(status), reason)
	case status == http.StatusNotFound && e.otherPlatform(ctx) != "":
		return e.mismatch(e.otherPlatform(ctx))
	case status >= 300 && status < 500:
		return fail("check -url and -events-url", "the server responds with %s: it does not accept events there", statusText(status))
	default:
		return fail("check the health of the platform, and of the gateway before it; events stay queued, and are dropped once the queue is full", "the platform responds with %s%s", statusText(status), reason)
	}
}
