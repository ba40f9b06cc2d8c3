package retry

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestConnTraceBegan: the time that a connection takes is not part of an attempt.
func TestConnTraceBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const connect, answer = 300 * time.Millisecond, 100 * time.Millisecond
		l := testkit.NewListener()
		server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(answer) })}
		go func() { _ = server.Serve(l) }()
		defer server.Close()
		over := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(connect)
			return l.Dial(ctx, network, address)
		}}
		defer over.CloseIdleConnections()
		for _, want := range []time.Duration{connect, 0} { // the second attempt gets the connection of the first
			var conn ConnTrace
			req, err := retryablehttp.NewRequestWithContext(t.Context(), http.MethodGet, "http://platform.test", nil)
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			resp, err := (&Loop{Client: &http.Client{Transport: over}, Conn: &conn}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := conn.Began(began).Sub(began); got != want || time.Since(began) != want+answer {
				t.Errorf("the attempt began after %v and ended after %v, want %v and %v", got, time.Since(began), want, want+answer)
			}
		}
		var none ConnTrace
		if at := time.Now(); none.Began(at) != at {
			t.Error("without a connection an attempt did not begin when it was made")
		}
	})
}
