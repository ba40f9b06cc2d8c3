package ffc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// save writes a snapshot of the platform's data. The guides show it.
func save(ctx context.Context, cfg ffc.Config, w io.Writer) error {
	client, err := ffc.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))
	if err := client.WaitReady(ctx); err != nil {
		return err // no data: keep the snapshot of the last build
	}
	return client.WriteSnapshot(w)
}

// A build takes a snapshot of the platform, to be embedded.
func ExampleClient_WriteSnapshot_build() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	err := save(context.Background(), ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{OnDemand: true},
		Logger:    slog.New(slog.DiscardHandler),
	}, io.Discard)
	fmt.Println(err)
	// Output: <nil>
}

// serveUntil ends in good order when ctx does. The guides show it.
func serveUntil(ctx context.Context, client *ffc.Client, mux http.Handler, address string) error {
	server := &http.Server{Addr: address, Handler: client.Middleware(mux), ReadHeaderTimeout: 5 * time.Second}
	drained := make(chan error, 1)
	context.AfterFunc(ctx, func() { // SIGTERM, where ctx is from signal.NotifyContext
		draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), 6*time.Second)
		defer cancel()
		drained <- server.Shutdown(draining)
	})
	err := server.ListenAndServe()
	if errors.Is(err, http.ErrServerClosed) {
		err = <-drained // requests under way have ended
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	return errors.Join(err, client.Close(closing)) // delivers the last events
}

func ExampleClient_Middleware_shutdown() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	fmt.Println(serveUntil(ctx, localClient(), http.NewServeMux(), "127.0.0.1:0"))
	// Output: <nil>
}

// With HoldResponse a request waits for its own events, where they must not wait
// for the next request.
func ExampleClient_MiddlewareWith() {
	client := localClient(ffctest.Flag("a"))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /purchase", func(w http.ResponseWriter, r *http.Request) {
		_ = client.Track(r.Context(), ffc.NewUser("ann"), "purchase")
		w.WriteHeader(http.StatusNoContent)
	})
	handler := client.MiddlewareWith(ffc.MiddlewareConfig{
		FlushEvery:   10 * time.Second, // instead of 3 s
		FlushEvents:  2000,             // instead of 500
		HoldResponse: time.Second,      // instead of never
	}, mux)

	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequest(http.MethodPost, "/purchase", nil))
	fmt.Println(response.Code)
	// Output: 204
}

// A push subscription of Pub/Sub posts messages to a server: each is a request
// through the middleware.
func ExampleClient_Middleware_pubSub() {
	client := localClient(ffctest.Flag("new-parser"))
	handle := func(_ context.Context, data []byte, anew bool) error {
		fmt.Printf("%s, anew: %v\n", data, anew)
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages", func(w http.ResponseWriter, r *http.Request) {
		var push struct {
			Message struct {
				Data       []byte
				Attributes map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&push); err != nil {
			http.Error(w, "expected a message of Pub/Sub", http.StatusBadRequest)
			return
		}
		anew := client.IsEnabled(r.Context(), "new-parser", ffc.NewUser(push.Message.Attributes["tenant"]))
		if err := handle(r.Context(), push.Message.Data, anew); err != nil {
			http.Error(w, "try again", http.StatusInternalServerError) // Pub/Sub sends the message again
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	server := client.Middleware(mux)

	message := strings.NewReader(`{"message":{"data":"aGVsbG8=","attributes":{"tenant":"t1"}}}`)
	response := httptest.NewRecorder()
	server.ServeHTTP(response, httptest.NewRequest(http.MethodPost, "/messages", message))
	fmt.Println(response.Code)
	// Output:
	// hello, anew: true
	// 204
}

// Readiness: an outage of the platform is no reason to stop traffic, an instance
// without any data may be.
func ExampleClient_Status_probe() {
	client := localClient(ffctest.Flag("a"))
	probe := func(w http.ResponseWriter, _ *http.Request) {
		s := client.Status()
		if !client.Initialized() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintf(w, "flags: %s, version %d", s.State, s.DataVersion)
	}
	response := httptest.NewRecorder()
	probe(response, nil)
	fmt.Println(response.Code, response.Body)
	// Output: 200 flags: OK, version 1
}

// Why a value is a fallback. The log says so once an hour for each flag and
// reason; the hook sees every evaluation.
func ExampleConfig_fallbacks() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("discount").Variations("ten", "five")))
	defer platform.Close()
	ctx, envSecret, baseURL := context.Background(), platform.EnvSecret, platform.URL
	logger := slog.New(slog.DiscardHandler)

	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: envSecret,
		BaseURL:   baseURL,
		Transport: &stream.Transport{},
		Logger:    logger,
		Fallbacks: map[string]string{"new-checkout": "false"}, // used before the fallback of a call
		OnEvaluation: func(ctx context.Context, e ffc.Evaluation) {
			if e.Err != nil {
				fmt.Println(e.FlagKey, "returned the fallback:", e.Err)
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	user := ffc.NewUser("u-42")
	fmt.Println(client.BoolVariation(ctx, "new-checkout", user, true))
	fmt.Println(client.IntVariation(ctx, "discount", user, 0))
	// Output:
	// new-checkout returned the fallback: ffc: the environment has no such flag
	// false
	// discount returned the fallback: ffc: the flag's value is of another type: expected a whole number that an int holds
	// 0
}

// Why the data may be old.
func ExampleClient_Status_cause() {
	platform := ffctest.NewServer(nil)
	defer platform.Close()
	platform.RejectUpgrade(4003) // as with a wrong secret
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)

	s := client.Status()
	var why *transport.Error
	if errors.As(s.Err, &why) && why.Kind == transport.KindRefused {
		fmt.Println(s.State, "because of", why.Kind)
	}
	// Output: OFF because of Request invalid
}

// What a Flush that fails can be told apart by.
func ExampleClient_Flush_causes() {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	defer platform.Fail(ffctest.Events, ffctest.Failure{Status: 401})()
	ctx := context.Background()
	client, _ := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Events:    flush.Config{Interval: -1},
		Logger:    slog.New(slog.DiscardHandler),
	})
	defer client.Close(ctx)
	client.IsEnabled(ctx, "a", ffc.NewUser("u1"))

	err := client.Flush(ctx)
	switch {
	case err == nil:
		fmt.Println("everything has arrived")
	case errors.Is(err, flush.ErrRefused):
		fmt.Println("the platform refuses the secret: events wait until it accepts them")
	case errors.Is(err, flush.ErrQueueFull):
		fmt.Println("some events found no room")
	case errors.Is(err, ffc.ErrClosed):
		fmt.Println("too late")
	default: // an outage, or ctx has ended: what is queued waits for the next Flush
		fmt.Println(err)
	}
	// Output: the platform refuses the secret: events wait until it accepts them
}

// gate is what the code under test needs of a client.
type gate interface {
	BoolVariation(ctx context.Context, key string, user ffc.User, fallback bool) bool
}

var _ gate = (*ffc.Client)(nil)
