package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// demo runs the server with a platform in this process, sends it requests and
// then the signal that Cloud Run sends.
func demo(ctx context.Context, cfg ffc.Config) error {
	fmt.Println("FFC_ENV_SECRET is not set: this is a demonstration with a platform in this process.")
	banner := ffctest.Flag("banner").Variations("summer", "winter").Target("winter", "ann")
	platform := ffctest.NewServer(ffctest.Snapshot(banner))
	defer platform.Close()
	cfg.EnvSecret, cfg.BaseURL = platform.EnvSecret, platform.URL
	cfg.Transport = &stream.Transport{OnDemand: true, MaxAge: time.Nanosecond} // so that each request fetches the flags

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	visited := make(chan error, 1)
	err := serve(ctx, cfg, "127.0.0.1:0", func(at net.Addr) {
		go func() {
			defer terminate(cancel)
			visited <- visit(ctx, "http://"+at.String(), platform, banner)
		}()
	})
	if err != nil {
		return err
	}
	fmt.Printf("\nThe server has closed. The platform has received %d events, the last ones on Close.\n", len(platform.Events()))
	return <-visited
}

// visit sends the server requests.
func visit(ctx context.Context, server string, platform *ffctest.Server, banner *ffctest.FlagBuilder) error {
	fmt.Printf("\nThe server listens at %s.\n", server)
	for _, path := range []string{"/ann", "/bob"} {
		if err := get(ctx, server+path); err != nil {
			return err
		}
	}
	if _, err := platform.WaitEvents(ctx, 1); err != nil {
		return err
	}
	fmt.Println("The event of the first request was delivered while the second request was handled.")

	fmt.Println("\nThe flag changes on the platform; the next request uses the new value.")
	platform.Put(banner.Serve("winter"))
	return get(ctx, server+"/bob")
}

func get(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("  GET %s: %s\n", req.URL.Path, body)
	return err
}

// terminate sends this process SIGTERM, or calls cancel on systems without SIGTERM.
func terminate(cancel func()) {
	fmt.Println("\nSIGTERM: Cloud Run ends the instance.")
	self, err := os.FindProcess(os.Getpid())
	if err != nil || self.Signal(syscall.SIGTERM) != nil {
		cancel()
	}
}
