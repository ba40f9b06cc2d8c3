package doctor

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
)

const (
	// tolerance is the age from which the platform rejects tokens.
	tolerance = 30 * time.Second
	// notable is the difference of clocks from which there is a warning.
	notable = 5 * time.Second
)

// checkClock compares this machine's clock with the Date header of a response of
// any status.
func (e *examination) checkClock(ctx context.Context) finding {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, e.base.url+"/", nil)
	if err != nil {
		return fail("", "the URL cannot be requested")
	}
	req.Header.Set("User-Agent", httpclient.UserAgent())
	began := time.Now()
	resp, err := e.http.Do(req)
	if err != nil {
		return noAnswer(err)
	}
	_ = resp.Body.Close()
	middle := began.Add(time.Since(began) / 2)
	if resp.StatusCode == http.StatusProxyAuthRequired {
		return proxyFailure(resp.StatusCode)
	}
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return skipped("the response has no Date header")
	}
	if age, err := strconv.Atoi(resp.Header.Get("Age")); err == nil && age > 0 {
		date = date.Add(time.Duration(age) * time.Second) // the response comes from a cache
	}
	// The date is cut to seconds.
	ahead := date.Add(time.Second / 2).Sub(middle.Round(0))
	const advice = "set this machine's clock by NTP; until then the SDK corrects rejected tokens, but experiments have wrong times"
	seconds := int(ahead.Abs().Round(time.Second).Seconds())
	which := "behind"
	if ahead < 0 {
		which = "ahead of"
	}
	switch {
	case ahead.Abs() <= notable:
		return ok("this machine's clock agrees with the platform's")
	case ahead.Abs() <= tolerance:
		return warn(advice, "this machine's clock is %d s %s the platform's", seconds, which)
	}
	e.clockAhead = ahead
	if ahead < 0 && e.codec.AcceptsOldTokens {
		return warn(advice, "this machine's clock is %d s %s the platform's", seconds, which)
	}
	return fail(advice, "this machine's clock is %d s %s the platform's, which rejects tokens that are %.0f s off", seconds, which, tolerance.Seconds())
}

// proxyFailure describes a proxy that rejects the connection.
func proxyFailure(status int) finding {
	if status == http.StatusProxyAuthRequired {
		return fail("give the proxy's user name and password in HTTPS_PROXY or HTTP_PROXY", "the proxy responds with %s", statusText(status))
	}
	return fail("check that the proxy may connect to the platform's host and port", "the proxy responds with %s", statusText(status))
}

// noAnswer describes a request without a response.
func noAnswer(err error) finding {
	const advice = "check that the URL is that of the platform, and the proxies and firewalls in between"
	var proxy *httpclient.ProxyError
	if errors.As(err, &proxy) {
		return proxyFailure(proxy.Status)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fail(advice, "the server accepts the connection, but does not respond")
	}
	if withURL := (*url.Error)(nil); errors.As(err, &withURL) {
		err = withURL.Err
	}
	return fail(advice, "there is no HTTP response: %s", errtext.Of(err))
}
