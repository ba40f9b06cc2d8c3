package fleetredis

import (
	"bufio"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Froze makes the connection look as one does in a process that has been frozen
// for d: the monotonic clock has stopped meanwhile.
func (b *Backend) Froze(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current != nil {
		b.current.last = b.current.last.Round(0).Add(-d)
	}
}

// silent starts a server without data that counts its connections.
func silent(t *testing.T) (address string, opened, closed *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	opened, closed = new(atomic.Int64), new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			opened.Add(1)
			go func() {
				defer closed.Add(1)
				defer conn.Close()
				for in := bufio.NewReader(conn); ; {
					line, err := in.ReadString('\n')
					switch word := strings.TrimSpace(line); {
					case err != nil:
						return
					case word == "HELLO":
						_, err = io.WriteString(conn, "%1\r\n+proto\r\n:3\r\n")
					case word == "GET":
						_, err = io.WriteString(conn, "_\r\n")
					case word == "PING":
						_, err = io.WriteString(conn, "+PONG\r\n")
					}
					if err != nil {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String(), opened, closed
}

func TestIdleConnectionsAreReplacedAtTheNextCall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		idle time.Duration
		wall bool  // by the wall clock only, as the process was frozen
		want int64 // connections
	}{
		"20 s":                        {20 * time.Second, false, 1},
		"61 s":                        {61 * time.Second, false, 2},
		"frozen for 20 s":             {20 * time.Second, true, 1},
		"frozen for 10 min":           {10 * time.Minute, true, 2},
		"the wall clock was set back": {-10 * time.Minute, true, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, opened, closed := silent(t)
			b, err := New(Config{Addresses: []string{address}})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			get := func() {
				if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
					t.Fatalf("error %v, want ErrNotFound", err)
				}
			}
			get()
			b.mu.Lock()
			b.current.last = time.Now().Add(-test.idle)
			if test.wall {
				b.current.last = b.current.last.Round(0)
			}
			b.mu.Unlock()
			get()
			if got := opened.Load(); got != test.want {
				t.Errorf("%d connections, want %d", got, test.want)
			}
			testkit.Eventually(t, "the idle connection is closed", func() bool { return closed.Load() == test.want-1 })
			get()
			if got := opened.Load(); got != test.want {
				t.Errorf("%d connections after one more call, want %d", got, test.want)
			}
		})
	}
}
