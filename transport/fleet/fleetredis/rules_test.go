package fleetredis_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// script responds to a command on a connection, which are counted from 1. ""
// breaks the connection, and so does end after the rest of a response.
type script func(connection int, words []string) (reply string)

// end is no part of what a script sends.
const end = "\x00"

// scripted starts a server that follows a script, once clients have connected.
func scripted(t *testing.T, respond script) (address string, connections *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	connections = new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			n := int(connections.Add(1))
			go func() {
				defer conn.Close()
				in := bufio.NewReader(conn)
				for {
					words, err := readCommand(in)
					if err != nil {
						return
					}
					reply := "%1\r\n+proto\r\n:3\r\n"
					switch words[0] {
					case "HELLO":
					case "PING":
						reply = "+PONG\r\n"
					default:
						reply = respond(n, words)
					}
					reply, ends := strings.CutSuffix(reply, end)
					if _, err := io.WriteString(conn, reply); err != nil || ends || reply == "" {
						return
					}
				}
			}()
		}
	}()
	return listener.Addr().String(), connections
}

// readCommand reads an array of bulk strings.
func readCommand(in *bufio.Reader) (words []string, err error) {
	count, err := readNumber(in)
	for range count {
		var size int
		if size, err = readNumber(in); err != nil {
			return nil, err
		}
		word := make([]byte, size+2)
		if _, err = io.ReadFull(in, word); err != nil {
			return nil, err
		}
		words = append(words, string(word[:size]))
	}
	return words, err
}

// readNumber reads a line with a type and a number.
func readNumber(in *bufio.Reader) (int, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(line[1:]))
}

func TestErrorsOfServers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reply string
		again bool
	}{
		{"READONLY You can't write against a read only replica.", true},
		{"LOADING Redis is loading the dataset in memory", true},
		{"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", true},
		{"CLUSTERDOWN The cluster is down", true},
		{"TRYAGAIN Multiple keys request during rehashing of slot", true},
		{"NOAUTH Authentication required.", true},
		{"WRONGPASS invalid username-password pair or user is disabled.", true},
		{"", true},
		{"NOPERM this user has no permissions to run the 'get' command", false},
		{"OOM command not allowed when used memory > 'maxmemory'.", false},
		{"WRONGTYPE Operation against a key holding the wrong kind of value", false},
	}
	for _, test := range tests {
		code, _, _ := strings.Cut(test.reply, " ")
		t.Run("once "+code, func(t *testing.T) {
			t.Parallel()
			address, connections := scripted(t, func(connection int, _ []string) string {
				if connection > 1 {
					return "$4\r\nhead\r\n"
				}
				return failing(test.reply)
			})
			b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} })
			value, _, err := b.Get(testkit.Within(t), "env/head")
			if test.again && (err != nil || string(value) != "head") {
				t.Errorf("Get returned %q, error %v, want what another connection responds", value, err)
			}
			if !test.again && (err == nil || !strings.Contains(err.Error(), test.reply)) {
				t.Errorf("error %v, want what the server responds", err)
			}
			if got, want := connections.Load(), map[bool]int64{true: 2, false: 1}[test.again]; got != want {
				t.Errorf("%d connections, want %d", got, want)
			}
		})
		says := test.reply
		switch code {
		case "NOAUTH":
			says = "the server requires a password (NOAUTH): set the user and the password"
		case "WRONGPASS":
			says = "the server rejected the user or the password (WRONGPASS): check both"
		}
		t.Run("always "+code, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			address, _ := scripted(t, func(int, []string) string { calls.Add(1); return failing(test.reply) })
			b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} })
			_, _, err := b.Get(testkit.Within(t), "env/head")
			if err == nil || errors.Is(err, fleet.ErrNotFound) || !strings.Contains(err.Error(), says) {
				t.Errorf("error %v, want what the server responds", err)
			}
			if got, want := calls.Load(), map[bool]int64{true: 2, false: 1}[test.again]; got != want {
				t.Errorf("%d commands, want %d", got, want)
			}
		})
	}
}

// Before version 7, the error of a command in a script is inside that of the script. A
// publisher leaves a server that became a replica, and a queue is full.
func TestErrorsInScriptsOfOldServers(t *testing.T) {
	t.Parallel()
	const around = "ERR Error running script (call to f_9f31ba25c8b4a5b1a4d1e7a4f6d4a3cf7c4e5d8e): @user_script:3: @user_script: 3: -"
	address, connections := scripted(t, func(connection int, _ []string) string {
		if connection > 1 {
			return ":1\r\n"
		}
		return failing(around + "READONLY You can't write against a read only replica. ")
	})
	b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} })
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("x"), ""); err != nil || connections.Load() != 2 {
		t.Errorf("error %v over %d connections, want another connection", err, connections.Load())
	}
	address, _ = scripted(t, func(_ int, args []string) string {
		switch args[0] {
		case "EVAL":
			return failing(around + "OOM command not allowed when used memory > 'maxmemory'. ")
		case "SMEMBERS":
			return "*0\r\n"
		case "INFO":
			return "$0\r\n\r\n"
		}
		return ":1\r\n"
	})
	q := newQueue(t, open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} }))
	if err := q.Put(testkit.Within(t), flush.Batch{Environment: "e", Body: []byte("[]")}); !errors.Is(err, flush.ErrFull) || strings.Contains(err.Error(), "script") {
		t.Errorf("error %v, want that the queue is full", err)
	}
}

// failing returns an error as the server sends it.
func failing(text string) string {
	if text == "" {
		return ""
	}
	return "-" + text + "\r\n"
}

// Only a response that says so means that a value is missing: a reader that misses the
// body of its head starts over, and a publisher writes the body again.
func TestGetTellsBrokenResponsesFromMissingValues(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		reply   string
		missing bool
	}{
		"null":                {"_\r\n", true},
		"null of RESP2":       {"$-1\r\n", true},
		"empty":               {"$0\r\n\r\n", true},
		"cut in the size":     {"$10", false},
		"cut after the size":  {"$100\r\n", false},
		"cut in the body":     {"$100\r\nhead", false},
		"cut in the last end": {"$4\r\nhead\r", false},
		"a number":            {":0\r\n", false},
		"a list":              {"*1\r\n$4\r\nhead\r\n", false},
		"an empty list":       {"*0\r\n", false},
		"false":               {"#f\r\n", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _ := scripted(t, func(int, []string) string { return test.reply + end })
			b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} })
			value, tag, err := b.Get(testkit.Within(t), "env/body")
			if err == nil || errors.Is(err, fleet.ErrNotFound) != test.missing {
				t.Errorf("Get returned %q, tag %q, error %v, want ErrNotFound: %t", value, tag, err, test.missing)
			}
		})
	}
}

// If the connection breaks during a Swap, the second attempt may find the value of
// the first: that is no conflict, as something was written.
func TestSwapWhoseConnectionBreaks(t *testing.T) {
	t.Parallel()
	for first, reply := range map[string]string{"written": ":0\r\n", "not written": ":1\r\n"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			address, _ := scripted(t, func(connection int, _ []string) string {
				if connection == 1 {
					return ""
				}
				return reply
			})
			b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} })
			tag, err := b.Swap(testkit.Within(t), "env/head", []byte("next"), "head")
			if first == "not written" {
				if err != nil || tag != "next" {
					t.Errorf("Swap returned %q, error %v", tag, err)
				}
				return
			}
			if err == nil || errors.Is(err, fleet.ErrConflict) || !strings.Contains(err.Error(), "the connection broke") {
				t.Errorf("error %v, want that the connection broke", err)
			}
		})
	}
}

// After an error of the server nothing was written: a conflict is one.
func TestSwapConflictsAfterAnotherServerFailed(t *testing.T) {
	t.Parallel()
	address, _ := scripted(t, func(connection int, _ []string) string {
		if connection == 1 {
			return failing("READONLY You can't write against a read only replica.")
		}
		return ":0\r\n"
	})
	b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} })
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("next"), "head"); !errors.Is(err, fleet.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
}

// Calls that share a connection which breaks share the next one, too.
func TestCallsReconnectTogether(t *testing.T) {
	t.Parallel()
	const calls = 20
	var waiting atomic.Int64
	all := make(chan struct{})
	address, connections := scripted(t, func(connection int, words []string) string {
		if connection > 1 {
			return fmt.Sprintf("$%d\r\n%s\r\n", len(words[1]), words[1])
		}
		<-all
		return ""
	})
	b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{address} })
	ended := make(chan error, calls)
	for i := range calls {
		go func() {
			name := fmt.Sprint("env/body", i)
			if waiting.Add(1) == calls {
				close(all)
			}
			value, _, err := b.Get(testkit.Within(t), name)
			if err == nil && string(value) != "{ffc:env}/body"+strconv.Itoa(i) {
				err = fmt.Errorf("Get of %s returned %q", name, value)
			}
			ended <- err
		}()
	}
	for range calls {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}
