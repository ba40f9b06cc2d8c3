package poll_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// counted counts the bytes of answers.
type counted struct {
	http.RoundTripper
	bytes int64
}

func (c *counted) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(resp.Body, c), resp.Body}
	}
	return resp, err
}

func (c *counted) Write(p []byte) (int, error) {
	c.bytes += int64(len(p))
	return len(p), nil
}

// BenchmarkResync is what a request of a client costs that has everything
// already, the test server's part included: with a cursor, with a cursor that
// goes back while all flags were changed in the last minute, as after an import,
// and for everything.
func BenchmarkResync(b *testing.B) {
	for _, flags := range []int{150, 1000} {
		for _, test := range []struct {
			name     string
			changed  time.Duration // how long ago all flags were
			settings poll.Transport
		}{
			{"ask=cursor", 24 * time.Hour, poll.Transport{Resync: 1, FullResync: -1}},
			{"ask=cursor/changed=all", 30 * time.Second, poll.Transport{Resync: 1, FullResync: -1}},
			{"ask=everything", 24 * time.Hour, poll.Transport{Resync: -1, FullResync: 1}},
		} {
			b.Run(fmt.Sprintf("flags=%d/%s", flags, test.name), func(b *testing.B) {
				var items []ffctest.Item
				for i := range flags {
					at := time.Now().Add(-test.changed).Add(-time.Duration(i) * 60 * time.Second / time.Duration(flags))
					items = append(items, ffctest.Flag(fmt.Sprint("flag-", i)).Rule("true", ffctest.Attr("plan").IsOneOf("pro", "team")).Version(at.UnixMilli()))
				}
				server := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(items...))
				defer server.Close()
				connections := &http.Transport{DisableCompression: true}
				defer connections.CloseIdleConnections()
				wire := &counted{RoundTripper: connections}
				test.settings.MaxAge = 1
				client, err := ffc.New(b.Context(), ffc.Config{
					EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &test.settings,
					HTTPClient: &http.Client{Transport: wire}, Events: flush.Config{Disabled: true},
				})
				if err != nil {
					b.Fatal(err)
				}
				defer client.Close(b.Context())
				wire.bytes = 0
				b.ReportAllocs()
				for b.Loop() {
					if err := client.Refresh(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(wire.bytes)/float64(b.N), "wire-B/op")
			})
		}
	}
}
