package stream_test

import (
	"bufio"
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// Some tests need a process of their own: this binary, started with these
// variables, is a client that says what a flag is when it is asked.
const (
	childMode = "FFC_TEST_CHILD"      // push or onDemand
	childURL  = "FFC_TEST_CHILD_URL"  // of the platform
	childCert = "FFC_TEST_CHILD_CERT" // of the platform, in PEM; "" for http
)

// The ways in which a child can work.
const (
	push         = "push"
	onDemandMode = "on demand"
)

func TestMain(m *testing.M) {
	if os.Getenv(childMode) == "" {
		testkit.Main(m, 8)
	}
	if err := runChild(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// runChild answers each line of its input with the value of flag f, refreshed,
// until the input ends.
func runChild() error {
	ctx := context.Background()
	settings := childSettings
	settings.OnDemand = os.Getenv(childMode) == onDemandMode
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret:  ffctest.EnvSecret,
		BaseURL:    os.Getenv(childURL),
		Transport:  &settings,
		HTTPClient: childHTTP(os.Getenv(childCert)),
		Logger:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
	})
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		err := client.Refresh(ctx)
		fmt.Printf("%s\t%v\n", client.Variation(ctx, "f", anyUser, "none"), err)
	}
	return client.Close(ctx)
}

// childSettings are those of a child, each as short as a busy machine allows.
var childSettings = stream.Transport{
	MaxAge:         1, // none: each request is a fetch
	PingInterval:   200 * time.Millisecond,
	ConnectTimeout: time.Second,
	SilenceTimeout: time.Second,
	FirstRetry:     time.Millisecond,
	MaxRetry:       10 * time.Millisecond,
}

// childHTTP returns an HTTP client that fails where FIPS 140-3 should be
// enforced and is not.
func childHTTP(cert string) *http.Client {
	enforced := fips140.Enforced() // in the whole process
	check := func() error {
		if fips140.Enforced() != enforced {
			return errors.New("FIPS 140-3 is not enforced")
		}
		return nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(cert))
	rt := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if err := check(); err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	return &http.Client{Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
		if err := check(); err != nil {
			return nil, err
		}
		return rt.RoundTrip(r)
	})}
}

// child is a client in another process.
type child struct {
	t       *testing.T
	ctx     context.Context
	process *os.Process
	in      io.WriteCloser
	out     *bufio.Reader
	log     *testkit.Log
}

// startChild starts a child with more environment variables. It must end well
// with the test.
func startChild(t *testing.T, mode, url string, env ...string) *child {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	c := &child{t: t, ctx: ctx, log: &testkit.Log{}}
	cmd := exec.CommandContext(ctx, os.Args[0])
	// The race detector would take a second to end.
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0", childMode+"="+mode, childURL+"="+url), env...)
	cmd.Stderr = c.log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c.process, c.in, c.out = cmd.Process, in, bufio.NewReader(out)
	t.Cleanup(func() {
		_ = c.in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the child ended with %v; its log:\n%s", err, c.log)
		}
		cancel()
	})
	return c
}

// ask has the child refresh its data.
func (c *child) ask() {
	c.t.Helper()
	if _, err := io.WriteString(c.in, "\n"); err != nil {
		c.t.Fatalf("the child does not read: %v; its log:\n%s", err, c.log)
	}
}

// answer returns the flag's value and the error of Refresh.
func (c *child) answer() (value, err string) {
	c.t.Helper()
	line, failed := c.out.ReadString('\n')
	if failed != nil {
		c.t.Fatalf("the child does not answer: %v; its log:\n%s", failed, c.log)
	}
	value, err, _ = strings.Cut(strings.TrimSpace(line), "\t")
	return value, err
}

// await waits until the child has a value for the flag.
func (c *child) await(want string) {
	c.t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		c.ask()
		value, err := c.answer()
		if value == want && err == "<nil>" {
			return
		}
		select {
		case <-look.C:
		case <-c.ctx.Done():
			c.t.Fatalf("the child has %q (%s), want %q; its log:\n%s", value, err, want, c.log)
		}
	}
}
