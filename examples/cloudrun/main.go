// Command cloudrun is an HTTP server for Cloud Run with request-based CPU, where
// nothing runs between requests. Flags are refreshed when a request begins. Events
// are delivered while a later request is handled, or on SIGTERM.
//
// It reads FFC_ENV_SECRET, FFC_BASE_URL and PORT. Without a secret it is a
// demonstration on one machine: see demo.go.
package main

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// snapshot lets a new instance evaluate flags before it has fetched them. A snapshot
// belongs to one environment: docs/lambda.md has the command that creates yours.
//
//go:embed snapshot.json
var snapshot []byte

// Cloud Run kills an instance 10 s after SIGTERM.
const (
	drainTime = 6 * time.Second // for requests that are under way
	closeTime = 3 * time.Second // for the last events
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		slog.Error("server failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg := ffc.Config{
		EnvSecret: os.Getenv("FFC_ENV_SECRET"),
		BaseURL:   os.Getenv("FFC_BASE_URL"),
		Transport: &stream.Transport{OnDemand: true, MaxAge: 30 * time.Second},
		Bootstrap: snapshot,
		StartWait: time.Second, // an instance should start soon; it has the snapshot
		// With the secret of another environment, start without the snapshot.
		IgnoreForeignBootstrap: true,
	}
	if cfg.EnvSecret == "" {
		return demo(ctx, cfg)
	}
	return serve(ctx, cfg, ":"+cmp.Or(os.Getenv("PORT"), "8080"), func(at net.Addr) {
		slog.Info("listening", "address", at.String())
	})
}

// serve serves requests until ctx ends. Then it waits for the requests under way and
// closes the client. It calls listening when the server accepts connections.
func serve(ctx context.Context, cfg ffc.Config, address string, listening func(net.Addr)) (err error) {
	client, err := ffc.New(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTime)
		defer cancel()
		err = errors.Join(err, client.Close(ending))
	}()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: client.Middleware(routes(client)), ReadHeaderTimeout: 5 * time.Second}
	drained := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
		defer cancel()
		drained <- server.Shutdown(draining)
	})()
	listening(listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-drained
}

func routes(client *ffc.Client) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{user}", func(w http.ResponseWriter, r *http.Request) {
		user := ffc.NewUser(r.PathValue("user"))
		fmt.Fprintf(w, "the %s banner for %s", client.Variation(r.Context(), "banner", user, "plain"), user.Key())
	})
	return mux
}
