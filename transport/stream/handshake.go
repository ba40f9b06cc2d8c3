package stream

import (
	"context"
	"crypto/fips140"
	"net/http"

	"github.com/coder/websocket"
)

// handshake is websocket.Dial, also where FIPS 140-3 is enforced.
//
// The library checks the answer with SHA-1, as RFC 6455 has it, and where FIPS
// is enforced that panics, although nothing is kept secret by it. So the
// library is let off, but not what it calls: enforcement belongs to a goroutine
// and is handed on to those that it starts, so the library gets one of its own
// and this one sends the request, with TLS and all.
func handshake(ctx context.Context, address string, options websocket.DialOptions) (ws *websocket.Conn, answer *http.Response, err error) {
	if !fips140.Enforced() {
		return websocket.Dial(ctx, address, &options)
	}
	requests := make(chan func())
	client := *options.HTTPClient
	client.Transport = roundTripper(func(r *http.Request) (answer *http.Response, err error) {
		sent := make(chan struct{})
		requests <- func() {
			defer close(sent)
			answer, err = options.HTTPClient.Transport.RoundTrip(r)
		}
		<-sent
		return answer, err
	})
	go fips140.WithoutEnforcement(func() {
		defer close(requests)
		unenforced := options
		unenforced.HTTPClient = &client
		ws, answer, err = websocket.Dial(ctx, address, &unenforced)
	})
	for send := range requests {
		send()
	}
	return ws, answer, err
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
