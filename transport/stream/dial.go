package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// dial opens a websocket with a new token.
func (s *session) dial(ctx context.Context) (*wsConn, handshake, error) {
	s.connects.Add(1)
	ctx, cancel := context.WithTimeout(ctx, s.ConnectTimeout)
	defer cancel()
	client := *s.http
	l := &wsConn{}
	stop := func() bool { return true }
	client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		response, err := s.http.Transport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		if socket := socketOf(response); socket != nil {
			l.socket = socket
			// If the upgrade fails, websocket.Dial keeps reading the body for seconds.
			stop = context.AfterFunc(ctx, func() { _ = socket.Close() })
		}
		return response, nil
	})
	address := s.protocol.StreamURL(s.env.StreamingURL, s.env.EnvSecret.Reveal(), time.Now().Add(time.Duration(s.offset.Load())))
	ws, response, err := openWebsocket(ctx, address, websocket.DialOptions{
		HTTPClient: &client,
		HTTPHeader: http.Header{"User-Agent": {httpclient.UserAgent()}},
	})
	stop()
	h := handshake{at: time.Now(), opened: err == nil}
	if response != nil {
		h.date, h.asOf = response.Header.Get("Date"), httpclient.AsOf(response.Header)
	}
	switch {
	case err == nil:
		l.ws = ws
		return l, h, nil
	case response == nil:
		return nil, h, &transport.Error{Kind: transport.KindNetwork, Err: s.clean(err)}
	}
	h.response = response
	if status := response.StatusCode; status != http.StatusSwitchingProtocols {
		advice := ""
		if status == http.StatusNotFound {
			advice = ": check the URL"
		}
		return nil, h, &transport.Error{Kind: transport.KindWebSocket, Err: fmt.Errorf(
			"the platform, or a proxy before it, responded with %d %s instead of opening a websocket%s%s",
			status, http.StatusText(status), httpclient.RelayReason(response.Body, 1<<10), advice)}
	}
	return nil, h, &transport.Error{Kind: transport.KindWebSocket, Err: s.clean(err)}
}

// clean removes the URL, which contains the token, and what came from the network
// from an error.
func (s *session) clean(err error) error {
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = withURL.Err
	}
	return safelog.Error(err, s.env.EnvSecret.Reveal())
}
