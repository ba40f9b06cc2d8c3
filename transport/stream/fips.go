package stream

import (
	"context"
	"crypto/fips140"
	"net/http"

	"github.com/coder/websocket"
)

// openWebsocket is websocket.Dial, also where FIPS 140-3 is enforced.
//
// The library checks the response with SHA-1, as RFC 6455 demands. Where FIPS is
// enforced that panics, although SHA-1 protects no secret here. So the library
// runs without enforcement, but not the request, with TLS, that it sends:
// enforcement belongs to a goroutine and those that it starts, so the library
// gets a goroutine of its own, and this one sends the request.
func openWebsocket(ctx context.Context, address string, options websocket.DialOptions) (ws *websocket.Conn, response *http.Response, err error) {
	if !fips140.Enforced() {
		return websocket.Dial(ctx, address, &options)
	}
	requests := make(chan func())
	client := *options.HTTPClient
	client.Transport = roundTripper(func(r *http.Request) (response *http.Response, err error) {
		sent := make(chan struct{})
		requests <- func() {
			defer close(sent)
			response, err = options.HTTPClient.Transport.RoundTrip(r)
		}
		<-sent
		return response, err
	})
	go fips140.WithoutEnforcement(func() {
		defer close(requests)
		unenforced := options
		unenforced.HTTPClient = &client
		ws, response, err = websocket.Dial(ctx, address, &unenforced)
	})
	for send := range requests {
		send()
	}
	return ws, response, err
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
