package platformserver

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// queue is an owner that writes what was pushed, and echoes versions.
type queue struct {
	socket *Socket

	mu      sync.Mutex
	waiting [][]byte
	end     *Close
}

func (q *queue) push(message string) {
	q.mu.Lock()
	q.waiting = append(q.waiting, []byte(message))
	q.mu.Unlock()
	q.socket.Poke()
}

// Received implements Owner.
func (q *queue) Received(r Request) { q.push(fmt.Sprint("since ", r.Since, " ", r.Ping)) }

// Next implements Owner.
func (q *queue) Next() ([]byte, *Close) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, q.end
	}
	message := q.waiting[0]
	q.waiting = q.waiting[1:]
	return message, nil
}

// serve serves one socket and returns a client of it.
func serve(t *testing.T, before func(*queue)) (*queue, *websocket.Conn) {
	t.Helper()
	q := new(queue)
	q.socket = NewSocket(FeatBit(), q, Limits{})
	if before != nil {
		before(q)
	}
	server := httptest.NewServer(http.HandlerFunc(q.socket.Serve))
	t.Cleanup(server.Close)
	ws, _, err := websocket.Dial(testkit.Within(t), server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return q, ws
}

func read(t *testing.T, ws *websocket.Conn) string {
	t.Helper()
	_, text, err := ws.Read(testkit.Within(t))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSocketLosesNoMessage: what is pushed from many goroutines arrives, in the order
// of each, whenever the goroutine that writes has just ended.
func TestSocketLosesNoMessage(t *testing.T) {
	t.Parallel()
	q, ws := serve(t, nil)
	const pushers, each = 8, 200
	for i := range pushers {
		go func() {
			for j := range each {
				q.push(fmt.Sprint(i, " ", j))
			}
		}()
	}
	var next [pushers]int
	for range pushers * each {
		var i, j int
		text := read(t, ws)
		if _, err := fmt.Sscan(text, &i, &j); err != nil || next[i] != j {
			t.Fatalf("got %q, want number %d of it", text, next[i])
		}
		next[i]++
	}
}

// TestSocketBeforeItsUpgrade: what is pushed before the upgrade arrives after it, and a
// socket that was cut before ends at once.
func TestSocketBeforeItsUpgrade(t *testing.T) {
	t.Parallel()
	_, ws := serve(t, func(q *queue) { q.push("early") })
	if got := read(t, ws); got != "early" {
		t.Errorf("got %q", got)
	}
	_, ws = serve(t, func(q *queue) { q.socket.Cut() })
	if _, _, err := ws.Read(testkit.Within(t)); err == nil || websocket.CloseStatus(err) != -1 {
		t.Errorf("error %v, want that the connection was cut", err)
	}
}

// TestSocketAnswersAndEnds: requests reach the owner; a Close ends the websocket after
// what waits.
func TestSocketAnswersAndEnds(t *testing.T) {
	t.Parallel()
	q, ws := serve(t, nil)
	for _, message := range []string{`{`, `{"messageType":"data-sync","data":{"timestamp":7}}`, `{"messageType":"ping","data":{}}`} {
		if err := ws.Write(context.Background(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, ws) + ", " + read(t, ws); got != "since 7 false, since 0 true" {
		t.Errorf("got %q", got)
	}
	q.mu.Lock()
	q.end = &Close{Code: 1013, Reason: "later"}
	q.mu.Unlock()
	q.push("last")
	if got := read(t, ws); got != "last" {
		t.Errorf("got %q", got)
	}
	if _, _, err := ws.Read(testkit.Within(t)); websocket.CloseStatus(err) != websocket.StatusTryAgainLater {
		t.Errorf("error %v, want code 1013", err)
	}
}

// FuzzRequest looks for messages and tokens of clients that panic, or that are read as
// what they are not.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		`{"messageType":"data-sync","data":{"timestamp":1662595200123}}`, `{"messageType":"ping","data":null}`, `{"messageType":"data-sync","data":{}}`,
		"QBXBSZDJmLTQxYWEtNCUyMBDDWHUHWQQBWSDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ", "QQWQQZZ", "[]", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, w := range []*Wire{Classic(), FeatBit()} {
			r, ok := w.Request([]byte(text))
			if ok && (r.Since < 0 || r.Ping && r.Since != 0 || !strings.Contains(text, "messageType")) {
				t.Errorf("%s reads %q as %+v", w.Name, text, r)
			}
			_, _ = w.CheckEvents([]byte(text))
		}
		if secret, issued, err := SplitToken(text); err == nil && (issued < 0 || len(secret) >= len(text)) {
			t.Errorf("the token %q is read as %q, %d", text, secret, issued)
		}
	})
}
