//go:build unix

package ffc_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	stoppedURL    = "FFC_TEST_STOPPED_URL" // of the platform; makes a test binary the server
	stoppedSecret = "FFC_TEST_STOPPED_SECRET"
)

// TestStoppedServer is the server of TestMiddlewareStopped, in a process of its
// own. It prints its address and, after SIGTERM, what became of its events.
func TestStoppedServer(t *testing.T) {
	if os.Getenv(stoppedURL) == "" {
		t.Skip("TestMiddlewareStopped starts this in another process")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: os.Getenv(stoppedSecret),
		BaseURL:   os.Getenv(stoppedURL),
		Transport: &poll.Transport{MaxAge: time.Hour},
		Events:    flush.Config{Timeout: 300 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := http.Server{Handler: client.MiddlewareWith(ffc.MiddlewareConfig{FlushEvery: 100 * time.Millisecond}, evaluating(client))}
	go func() { _ = server.Serve(listener) }()
	fmt.Println(listener.Addr())
	<-ctx.Done()
	if err := server.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := client.Close(context.Background()); err != nil {
		t.Error(err)
	}
	_ = json.NewEncoder(os.Stdout).Encode(client.Stats().Events)
}

// TestMiddlewareStopped: a process that is stopped 1 ms after each response, for
// longer than its timeouts, delivers each event once and loses none on Close.
func TestMiddlewareStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("stops a process for seconds")
	}
	t.Parallel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	slow := slowEvents(t, platform, 150*time.Millisecond)
	cmd := exec.CommandContext(testkit.Within(t), os.Args[0], "-test.run=^TestStoppedServer$")
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0", stoppedURL+"="+slow, stoppedSecret+"="+platform.EnvSecret)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Wait() }()
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the server did not start")
	}
	address := lines.Text()

	const requests = 8
	for i := range requests {
		if body, err := get(testkit.Within(t), http.DefaultClient, fmt.Sprintf("http://%s/?u%d", address, i)); body != "true" || err != nil {
			t.Fatalf("request %d: got %q, %v", i, body, err)
		}
		time.Sleep(time.Millisecond)
		signalTo(t, cmd.Process, syscall.SIGSTOP)
		time.Sleep(500 * time.Millisecond)
		signalTo(t, cmd.Process, syscall.SIGCONT)
	}
	if n := len(platform.Events()); n < requests/2 { // a busy machine may leave the process no time in 1 ms
		t.Errorf("%d of %d events arrived before the end", n, requests)
	}
	signalTo(t, cmd.Process, syscall.SIGTERM)
	var stats flush.Stats
	if !lines.Scan() {
		t.Fatal("the server did not end well")
	}
	if err := json.Unmarshal(lines.Bytes(), &stats); err != nil {
		t.Fatalf("%v: %s", err, lines.Bytes())
	}
	if stats.Delivered != requests || stats.Resent != 0 || len(platform.Events()) != requests {
		t.Errorf("%d events arrived, and the books say %+v; want %d once each", len(platform.Events()), stats, requests)
	}
}

func signalTo(t *testing.T, p *os.Process, s os.Signal) {
	t.Helper()
	if err := p.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// slowEvents returns the address of a platform that accepts events only after
// a delay.
func slowEvents(t *testing.T, platform *ffctest.Server, delay time.Duration) string {
	t.Helper()
	s, _ := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			time.Sleep(delay)
		}
		platform.ServeHTTP(w, r)
	}), false)
	return s.URL
}
