package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// handshakes notes what becomes of the requests to open a websocket.
type handshakes struct {
	base   http.RoundTripper
	count  int
	status int // of the last answer; 0 is none
	took   time.Duration
}

// RoundTrip implements http.RoundTripper.
func (h *handshakes) RoundTrip(r *http.Request) (*http.Response, error) {
	h.count++
	began := time.Now()
	resp, err := h.base.RoundTrip(r)
	h.took, h.status = time.Since(began), 0
	if err == nil {
		h.status = resp.StatusCode
	}
	return resp, err
}

// checkStreaming connects as the SDK does, takes the data and disconnects.
func (e *examination) checkStreaming() {
	obstacle := e.obstacle(e.streaming)
	h := &handshakes{base: httpclient.Sockets(e.http).Transport}
	s := &countingStore{}
	var err error
	var began time.Time
	e.check("websocket", obstacle, func(context.Context) finding {
		began = time.Now()
		s.codec = e.codec
		err = e.fetch(&stream.Transport{OnDemand: true, Budget: 2 * e.Timeout, ConnectTimeout: e.Timeout}, s, h)
		f := judgeHandshake(h, err)
		f.took = h.took
		return f
	})
	if obstacle == "" && h.status != http.StatusSwitchingProtocols {
		obstacle = "there is no websocket"
	}
	var why *transport.Error
	refused := errors.As(err, &why) && why.Kind == transport.KindRefused
	e.check("token", obstacle, func(ctx context.Context) finding { return e.judgeToken(ctx, h, s, refused).atOnce() })
	if refused {
		obstacle = "the platform refuses the token"
	}
	e.check("data", obstacle, func(context.Context) finding {
		f := e.judgeData(s, err)
		f.took = s.arrived.Sub(began) // without the good-byes
		if !s.got {
			f.took = time.Since(began)
		}
		return f
	})
}

// fetch gets data once, in the time that the transport allows itself.
func (e *examination) fetch(t transport.Transport, s *countingStore, through http.RoundTripper) error {
	session, err := t.Open(transport.Env{
		EnvSecret:    transport.NewSecret(e.secret),
		Platform:     e.codec.Name,
		BaseURL:      e.base.url,
		StreamingURL: e.streaming.url,
		HTTPClient:   &http.Client{Transport: through},
		Logger:       slog.New(slog.DiscardHandler), // what it would say is in the error
		Store:        s,
	})
	if err != nil {
		return err
	}
	refresher := session.(transport.Refresher)
	defer refresher.Close()
	done := make(chan error, 1)
	// Of a context with a deadline it would take no more than a quarter.
	go func() { done <- refresher.Refresh(context.WithoutCancel(e.ctx)) }()
	select {
	case err := <-done:
		return err
	case <-e.ctx.Done():
		refresher.Close()
		return <-done
	}
}

// judgeHandshake judges the opening of the websocket.
func judgeHandshake(h *handshakes, err error) finding {
	const polls = "; where websockets cannot pass, programs can use &poll.Transport{}"
	switch status := h.status; {
	case status == http.StatusSwitchingProtocols:
		return ok("opened")
	case status == 0:
		f := noAnswer(err)
		f.advice += polls
		return f
	case status == http.StatusNotFound:
		return fail("check -url and -streaming-url", "the server answers %s: it is not the platform, or not all of its address", statusText(status))
	case status >= 300 && status < 400:
		return fail("give the address that it leads to as -url or -streaming-url: sockets follow no redirects", "the server answers %s", statusText(status))
	case status == http.StatusTooManyRequests:
		return fail("wait a while; the SDK does so too", "the platform answers %s: it is asked too often", statusText(status))
	case status >= 500:
		return fail("look at the platform's own health, and at the gateway before it", "the platform, or a gateway before it, answers %s", statusText(status))
	default:
		return fail("look at proxies and gateways between here and the platform"+polls, "the server answers %s instead of opening a websocket", statusText(status))
	}
}

// judgeToken judges whether the platform takes the secret.
func (e *examination) judgeToken(ctx context.Context, h *handshakes, s *countingStore, refused bool) finding {
	if refused {
		if other := e.otherPlatform(ctx); other != "" {
			return e.mismatch(other)
		}
	}
	switch {
	case refused && e.clockAhead == 0:
		return fail("check that the secret is the one of this environment, for server-side SDKs, and has not been replaced", "the platform refuses it (close code 4003)")
	case refused && h.count > 1:
		return fail("check that the secret is the one of this environment, for server-side SDKs, and has not been replaced; let the clock be set by NTP as well",
			"the platform refuses it (close code 4003) with the platform's own time too: the secret is wrong, not only the clock")
	case refused:
		return fail("let this machine's clock be set by NTP; if the platform still refuses the secret then, check that", "the platform refuses it (close code 4003): the clock is wrong, and it does not say what time it has")
	case !s.got:
		return skipped("the platform has not said whether it takes it")
	case h.count > 1:
		return warn("let this machine's clock be set by NTP: each connection costs a second attempt", "taken only with the platform's time")
	}
	return ok("taken")
}

// judgeData judges what came through the websocket.
func (e *examination) judgeData(s *countingStore, err error) finding {
	if !s.got {
		why := "there was no answer"
		if err != nil {
			why = errtext.Of(err)
		}
		return fail("look at the platform's own health, and whether something between holds messages back", "none came: %s", why)
	}
	e.streams, e.segments = true, s.segments
	return s.judge(fmt.Sprintf("%s, %s", count(s.flags, "flag"), count(s.segments, "segment")))
}

func statusText(status int) string { return fmt.Sprintf("%d %s", status, http.StatusText(status)) }

// count is a number of things.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
