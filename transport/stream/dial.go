package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// dial opens the websocket with a fresh token.
func (c *connection) dial(ctx context.Context) error {
	s := c.s
	s.connects.Add(1)
	ctx, cancel := context.WithTimeout(ctx, s.ConnectTimeout)
	defer cancel()
	client := *s.http
	stop := func() bool { return true }
	client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		answer, err := s.http.Transport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		if c.socket = socketOf(answer, c.signOfLife); c.socket != nil {
			// Of an upgrade that is none the library reads on, for seconds.
			stop = context.AfterFunc(ctx, func() { _ = c.socket.Close() })
		}
		return answer, nil
	})
	address := s.dialect.StreamURL(s.env.StreamingURL, s.env.EnvSecret.Reveal(), time.Now().Add(time.Duration(s.offset.Load())))
	ws, answer, err := handshake(ctx, address, websocket.DialOptions{
		HTTPClient: &client,
		HTTPHeader: http.Header{"User-Agent": {wire.UserAgent()}},
	})
	stop()
	c.end.dialled = time.Now()
	if answer != nil {
		c.end.date = answer.Header.Get("Date")
	}
	switch {
	case err == nil:
		c.ws = ws
		c.end.opened = c.end.dialled
		return nil
	case answer == nil:
		return &transport.Error{Kind: transport.KindNetwork, Err: s.clean(err)}
	}
	c.end.answer = answer
	if status := answer.StatusCode; status != http.StatusSwitchingProtocols {
		return &transport.Error{Kind: transport.KindWebSocket, Err: fmt.Errorf(
			"the platform, or a proxy before it, answered %d %s instead of opening a websocket", status, http.StatusText(status))}
	}
	return &transport.Error{Kind: transport.KindWebSocket, Err: s.clean(err)}
}

// clean takes the URL, which holds the token, and what came from the network
// out of an error.
func (s *session) clean(err error) error {
	var withURL *url.Error
	if errors.As(err, &withURL) {
		err = withURL.Err
	}
	return safelog.Error(err, s.env.EnvSecret.Reveal())
}
