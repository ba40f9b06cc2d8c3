package ffc_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestHTTPClientThatIgnoresItsContext: calls return with their context all the
// same, and 8 calls that do not return are the most there are.
func TestHTTPClientThatIgnoresItsContext(t *testing.T) {
	for name, transport := range map[string]transport.Transport{
		"poll on demand":      &poll.Transport{MaxAge: 1, Timeout: time.Second, FirstRetry: 1, MaxRetry: 1},
		"poll at an interval": &poll.Transport{Interval: time.Second, Timeout: time.Second, FirstRetry: 1, MaxRetry: 1},
		"push":                &stream.Transport{ConnectTimeout: time.Second, FirstRetry: time.Second, MaxRetry: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log testkit.Log
				client, err := ffc.New(t.Context(), ffc.Config{
					EnvSecret: ffctest.EnvSecret, Transport: transport, StartWait: -1,
					Bootstrap: ffctest.Snapshot(ffctest.Flag("a")),
					Events:    flush.Config{Interval: -1},
					Logger:    slog.New(slog.NewTextHandler(&log, nil)),
					HTTPClient: &http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
						time.Sleep(time.Hour)
						return nil, io.EOF
					})},
				})
				if err != nil {
					t.Fatal(err)
				}
				bounded := func(what string, call func(context.Context) error) {
					t.Helper()
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					defer cancel()
					began := time.Now()
					err := call(ctx)
					if took := time.Since(began); took > 1100*time.Millisecond {
						t.Errorf("%s took %v: %v", what, took, err)
					}
				}
				for range 20 {
					client.Variation(t.Context(), "a", ffc.NewUser("u"), "")
					bounded("Flush", client.Flush)
					bounded("Refresh", client.Refresh)
				}
				if n := client.Stats().Abandoned; n < 1 || n > 10 {
					t.Errorf("%d calls were abandoned", n)
				}
				bounded("Close", client.Close)
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if n := client.Stats().Abandoned; n != 0 {
					t.Errorf("%d calls are abandoned after all have returned", n)
				}
				if n := strings.Count(log.String(), "ignores its context and was abandoned\" function="); n != 1 {
					t.Errorf("%d lines about it: %s", n, log.String())
				}
			})
		})
	}
}

// reflector is a server that answers requests with bytes made of the request.
type reflector struct {
	net.Listener
	answer func(request string) string
}

func newReflector(t *testing.T, answer func(request string) string) *reflector {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	r := &reflector{listener, answer}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go r.serve(conn)
		}
	}()
	return r
}

func (r *reflector) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	var head bytes.Buffer
	req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &head)))
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, req.Body)
	_, _ = io.WriteString(conn, r.answer(head.String()))
}

// TestNothingIsReflected: whatever a server or a proxy says, no secret, token or
// user data gets from there into an error or the log, and nothing long.
func TestNothingIsReflected(t *testing.T) {
	t.Parallel()
	const userKey, userMail = "user-key-5d0e", "mail-5d0e@example.com"
	flat := func(request string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(request) }
	data := strings.Repeat(`{"keyId":"`+userKey+`","email":"`+userMail+`"}`, 100)
	answers := map[string]func(string) string{
		"malformed Location": func(r string) string {
			return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: http://[" + flat(r) + "\r\n\r\n"
		},
		"Location with the secret": func(r string) string {
			return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ftp://h/" + strings.ReplaceAll(flat(r), " ", "") + "\r\n\r\n"
		},
		"not HTTP":              func(r string) string { return data + flat(r) },
		"status text":           func(r string) string { return "HTTP/1.1 500 " + flat(r) + data + "\r\nContent-Length: 0\r\n\r\n" },
		"malformed header":      func(r string) string { return "HTTP/1.1 200 OK\r\n" + flat(r) + data + "\r\n\r\n" },
		"malformed header name": func(r string) string { return "HTTP/1.1 200 OK\r\n" + data + ": x\r\n\r\n" },
		"Content-Length":        func(r string) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + flat(r) + "\r\n\r\n" },
		"Transfer-Encoding":     func(r string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + flat(r) + data + "\r\n\r\n" },
		"Content-Encoding": func(r string) string {
			return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Encoding: " + flat(r) + "\r\n\r\nx"
		},
		"body": func(r string) string {
			return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(r)+len(data), r+data)
		},
		"upgrade to nonsense": func(r string) string {
			return "HTTP/1.1 101 Switching Protocols\r\nConnection: " + flat(r) + "\r\nUpgrade: " + flat(r) + "\r\nSec-WebSocket-Accept: " + flat(r) + "\r\n\r\n" + data
		},
	}
	transports := map[string]func() transport.Transport{
		"poll": func() transport.Transport {
			return &poll.Transport{MaxAge: 1, FirstRetry: 1, MaxRetry: 1, Budget: 20 * time.Second}
		},
		"stream": func() transport.Transport {
			return &stream.Transport{OnDemand: true, MaxAge: 1, FirstRetry: 1, MaxRetry: 1, Budget: 20 * time.Second}
		},
	}
	for name, answer := range answers {
		for kind, open := range transports {
			for _, p := range platforms.All() {
				t.Run(fmt.Sprintf("%s, %s, %v", name, kind, p), func(t *testing.T) {
					t.Parallel()
					platform := p.NewServer(p.Snapshot(ffctest.Flag("a")))
					t.Cleanup(platform.Close)
					front := newReflector(t, answer)
					var log testkit.Log
					client, err := ffc.New(t.Context(), ffc.Config{
						EnvSecret: platform.EnvSecret, BaseURL: "http://" + front.Addr().String(), Transport: open(), StartWait: -1,
						Bootstrap: platform.Snapshot(), Events: flush.Config{Retries: -1}, QuietFallbacks: true,
						Logger: slog.New(slog.NewTextHandler(&log, nil)),
					})
					if err != nil {
						t.Fatal(err)
					}
					_ = client.Track(t.Context(), ffc.NewUser(userKey, ffc.Email(userMail)), "m")
					var said []error
					for range 3 {
						said = append(said, client.Refresh(t.Context()), client.Status().Err, client.Flush(t.Context()))
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
					defer cancel()
					said = append(said, client.Close(ctx))
					if said[0] == nil || said[1] == nil {
						t.Errorf("no error: %v", said)
					}
					var lines []string
					for _, err := range said {
						for ; err != nil; err = errors.Unwrap(err) {
							lines = append(lines, err.Error())
						}
					}
					lines = append(lines, strings.Split(log.String(), "\n")...)
					for _, line := range lines {
						for _, private := range []string{platform.EnvSecret[:8], platform.EnvSecret[20:28], "token=", userKey, userMail} {
							if strings.Contains(line, private) {
								t.Errorf("%q is told: %s", private, line)
							}
						}
						if len(line) > 700 {
							t.Errorf("a line of %d bytes: %s", len(line), line)
						}
					}
				})
			}
		}
	}
}
