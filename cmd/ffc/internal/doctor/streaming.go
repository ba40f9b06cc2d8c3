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

// handshakes counts the requests to open a websocket, and keeps the last status.
type handshakes struct {
	base   http.RoundTripper
	count  int
	status int // of the last response; 0 without a response
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

// checkStreaming connects as the SDK does, reads the data and disconnects.
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
		obstacle = "the platform rejects the token"
	}
	e.check("data", obstacle, func(context.Context) finding {
		f := e.judgeData(s, err)
		f.took = s.arrived.Sub(began) // without the close handshake
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
		Logger:       slog.New(slog.DiscardHandler), // the error says the same
		Store:        s,
	})
	if err != nil {
		return err
	}
	refresher := session.(transport.Refresher)
	defer refresher.Close()
	done := make(chan error, 1)
	// Refresh uses at most a quarter of the time until the deadline of its context.
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
	const polls = "; if websockets are blocked, programs can use &poll.Transport{}"
	switch status := h.status; {
	case status == http.StatusSwitchingProtocols:
		return ok("opened")
	case status == 0:
		f := noAnswer(err)
		f.advice += polls
		return f
	case status == http.StatusNotFound:
		return fail("check -url and -streaming-url", "the server responds with %s: it is not the platform, or the path is incomplete", statusText(status))
	case status >= 300 && status < 400:
		return fail("pass the address of the redirect as -url or -streaming-url: websockets do not follow redirects", "the server responds with %s", statusText(status))
	case status == http.StatusTooManyRequests:
		return fail("wait a while; the SDK does so too", "the platform responds with %s: there are too many requests", statusText(status))
	case status >= 500:
		return fail("check the health of the platform, and of the gateway before it", "the platform, or a gateway before it, responds with %s", statusText(status))
	default:
		return fail("check the proxies and gateways between this machine and the platform"+polls, "the server responds with %s instead of opening a websocket", statusText(status))
	}
}

// judgeToken reports whether the platform accepts the secret.
func (e *examination) judgeToken(ctx context.Context, h *handshakes, s *countingStore, refused bool) finding {
	if refused {
		if other := e.otherPlatform(ctx); other != "" {
			return e.mismatch(other)
		}
	}
	switch {
	case refused && e.clockAhead == 0:
		return fail("check that the secret is the one of this environment, for server-side SDKs, and has not been replaced", "the platform rejects it (close code 4003)")
	case refused && h.count > 1:
		return fail("check that the secret is the one of this environment, for server-side SDKs, and has not been replaced; also set the clock by NTP",
			"the platform rejects it (close code 4003) with the platform's own time too: the secret is wrong, not only the clock")
	case refused:
		return fail("set this machine's clock by NTP; if the platform still rejects the secret then, check the secret", "the platform rejects it (close code 4003): the clock is wrong, and the response has no Date header")
	case !s.got:
		return skipped("the platform sent no data and did not reject it")
	case h.count > 1:
		return warn("set this machine's clock by NTP: each connection takes a second attempt", "accepted only with the platform's time")
	}
	return ok("accepted")
}

// judgeData judges the data from the websocket.
func (e *examination) judgeData(s *countingStore, err error) finding {
	if !s.got {
		why := "there was no response"
		if err != nil {
			why = errtext.Of(err)
		}
		return fail("check the health of the platform, and whether a proxy in between delays messages", "there is no data: %s", why)
	}
	e.streams, e.segments = true, s.segments
	return s.judge(fmt.Sprintf("%s, %s", count(s.flags, "flag"), count(s.segments, "segment")))
}

func statusText(status int) string { return fmt.Sprintf("%d %s", status, http.StatusText(status)) }

// count returns a number with a noun in the right form.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
