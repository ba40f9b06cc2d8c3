package fleetnats

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// script is a server in memory that responds to requests as a test says.
type script struct {
	*testkit.Listener
	opened, closed atomic.Int64
	silent         atomic.Bool // it reads, and sends nothing
	// respond returns the header of a response to a subject, and its text. ok false is
	// no response.
	respond func(subject string) (header, text string, ok bool)
}

// Dial implements nats.CustomDialer.
func (s *script) Dial(network, address string) (net.Conn, error) {
	return s.Listener.Dial(context.Background(), network, address)
}

// newScript starts a script that ends with the test.
func newScript(t *testing.T, respond func(subject string) (header, text string, ok bool)) *script {
	t.Helper()
	s := &script{Listener: testkit.NewListener(), respond: respond}
	t.Cleanup(func() { _ = s.Close() })
	go func() {
		for {
			conn, err := s.Accept()
			if err != nil {
				return
			}
			s.opened.Add(1)
			go func() {
				defer s.closed.Add(1)
				defer conn.Close()
				s.serve(conn)
			}()
		}
	}()
	return s
}

// serve speaks NATS's protocol over one connection.
func (s *script) serve(conn net.Conn) {
	in := bufio.NewReader(conn)
	out := make(chan string, 100)
	go func() {
		for text := range out {
			if _, err := io.WriteString(conn, text); err != nil {
				_ = conn.Close()
			}
		}
	}()
	defer close(out)
	send := func(text string) {
		if !s.silent.Load() {
			out <- text
		}
	}
	send("INFO {\"server_id\":\"script\",\"version\":\"2.15.0\",\"proto\":1,\"headers\":true,\"max_payload\":1048576}\r\n")
	subscriptions := make(map[string]string) // from prefix to number
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		switch words[0] {
		case "PING":
			send("PONG\r\n")
		case "SUB":
			subscriptions[strings.TrimSuffix(words[1], "*")] = words[len(words)-1]
		case "PUB", "HPUB":
			size, _ := strconv.Atoi(words[len(words)-1])
			if _, err := io.CopyN(io.Discard, in, int64(size)+2); err != nil {
				return
			}
			header, text, ok := s.respond(words[1])
			if !ok || len(words) < 4 {
				continue
			}
			for prefix, number := range subscriptions {
				if strings.HasPrefix(words[2], prefix) {
					send(fmt.Sprintf("HMSG %s %s %d %d\r\n%s%s\r\n", words[2], number, len(header), len(header)+len(text), header, text))
				}
			}
		}
	}
}

// option makes a Backend or a Queue connect to the script.
func (s *script) option() nats.Option { return nats.SetCustomDialer(s) }
