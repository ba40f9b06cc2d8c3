package poll_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// On demand: one request when a unit of work begins and the data is too old.
func ExampleTransport() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &poll.Transport{MaxAge: 30 * time.Second, Budget: 300 * time.Millisecond},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	_ = client.Refresh(ctx) // the data is young: does nothing
	fmt.Println(client.IsEnabled(ctx, "a", ffc.NewUser("u1")), len(platform.Requests(ffctest.Polling)))
	// Output: true 1
}

// In the background, for a service that cannot use websockets.
func ExampleTransport_interval() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &poll.Transport{Interval: 30 * time.Second},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	fmt.Println(client.Status().State)
	// Output: OK
}

// From a snapshot in an object store or behind a cache, with segments. The
// secret does not go there.
func ExampleTransport_url() {
	snapshot := ffctest.Snapshot(
		ffctest.Segment("testers").Include("u1"),
		ffctest.Flag("beta").Rule("true", ffctest.InSegment("testers")).Serve("false"))
	bucket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("with the secret:", r.Header.Get("envSecret") != "")
		_, _ = w.Write(snapshot)
	}))
	defer bucket.Close()
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: ffctest.EnvSecret,
		Transport: &poll.Transport{URL: bucket.URL + "/flags.json"},
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	fmt.Println(client.IsEnabled(ctx, "beta", ffc.NewUser("u1")))
	// Output:
	// with the secret: false
	// true
}
