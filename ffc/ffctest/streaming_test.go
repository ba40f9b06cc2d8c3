package ffctest_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/servertest"
)

func TestDataSync(t *testing.T) {
	t.Parallel()
	srv := newServer(t,
		ffctest.Flag("a").Version(10), ffctest.Flag("b").Version(30), ffctest.Flag("c").Version(20),
		ffctest.Segment("s").Version(25), ffctest.Segment("t").Version(35), ffctest.Flag("gone"))
	srv.Archive("gone")
	tests := []struct{ name, request, want string }{
		{"zero", `{"messageType":"data-sync","data":{"timestamp":0}}`, "full b c a | t s"},
		{"older than all", `{"messageType":"data-sync","data":{"timestamp":1}}`, "patch b c a | t s"},
		{"one newer", `{"messageType":"data-sync","data":{"timestamp":30}}`, "patch | t"},
		{"from the future", `{"messageType":"data-sync","data":{"timestamp":9223372036854775807}}`, "patch |"},
	}
	c := dial(t, srv) // one connection: a data-sync may be repeated
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.Send(tt.request)
			c.Expect(tt.want)
		})
	}
}

func TestPushes(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("a").Version(1))
	early, late := dial(t, srv), dial(t, srv)
	late.Sync(0)
	late.Expect("full a |")

	// A client is registered before it asks for anything.
	srv.Put(ffctest.Flag("b"), ffctest.Segment("s"))
	for _, c := range []*client{early, late} {
		c.Expect("patch b |") // one message for each change
		c.Expect("patch | s")
	}
	early.Sync(0)
	early.Expect("full b a | s")

	seen := srv.Version()
	srv.Archive("b")
	srv.ArchiveSegment("s")
	for _, c := range []*client{early, late} {
		c.Expect("patch -b |")
		c.Expect("patch | -s")
		// A client that was away does not learn of it.
		c.Sync(1)
		c.Expect("patch |")
		c.Sync(0)
		c.Expect("full a |")
	}

	srv.Put(ffctest.Flag("b").Off())
	early.Expect("patch b |")
	early.Sync(seen)
	early.Expect("patch b |")
}

func TestArchivedFlagIsWhole(t *testing.T) {
	t.Parallel()
	flag := `"ff":{"id":"FF__11__22__33__a","keyName":"a","status":"Enabled","lastUpdatedTime":"2022-09-08T00:00:00.001Z","extra":1.50}`
	srv := ffctest.NewServer([]byte(`{"featureFlags":[{"_id":"m","id":"FF__11__22__33__a","timestamp":5,` + flag + `}]}`))
	defer srv.Close()
	srv.Skew(time.Until(time.UnixMilli(1700000000000)) - time.Hour)
	c := dial(t, srv)
	srv.Archive("a")
	got := string(c.Read())
	for _, part := range []string{
		`"_id":"m"`, `"isArchived":true`, `"status":"Disabled"`, `"extra":1.50`, `"timestamp":16999964`, `"lastUpdatedTime":"2023-11-14T21:13:2`,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("no %s in the push: %s", part, got)
		}
	}
}

func TestRefusedClientsDoNotCount(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	c, _, err := tryDial(t, srv, query(srv, time.Now().Add(-time.Minute)))
	if err != nil {
		t.Fatal(err)
	}
	if n := srv.Connections(); n != 0 {
		t.Errorf("%d connections, want 0", n)
	}
	srv.Put(ffctest.Flag("a"))
	c.ExpectEnd(4003, "")
}

func TestSkew(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.Skew(time.Hour)
	c, resp, err := tryDial(t, srv, query(srv, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	c.ExpectEnd(4003, "")

	date, err := http.ParseTime(resp.Header.Get("Date"))
	if ahead := time.Until(date); err != nil || ahead < 59*time.Minute || ahead > time.Hour {
		t.Errorf("the handshake's Date is %v ahead, %v; want an hour", ahead, err)
	}
	if len(resp.Header.Values("Date")) != 1 {
		t.Errorf("got Date headers %q", resp.Header.Values("Date"))
	}
	if date, err = http.ParseTime(post(t, srv, "[]").Header.Get("Date")); err != nil || time.Until(date) < 59*time.Minute {
		t.Errorf("the Date of an answer is %v, %v; want an hour ahead", date, err)
	}
	c, _, err = tryDial(t, srv, query(srv, time.Now().Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	c.Ping()
	c.Expect(pong)
	srv.Put(ffctest.Flag("a"))
	if ahead := time.Until(time.UnixMilli(srv.Version())); ahead < 59*time.Minute {
		t.Errorf("the version is %v ahead, want an hour", ahead)
	}

	srv.Skew(-time.Hour)
	c, _, err = tryDial(t, srv, query(srv, time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	c.Ping()
	c.Expect(pong)
}

func TestClientSocketsGetNoFlags(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("a"))
	q := query(srv, time.Now())
	q.Set("type", "client")
	c, _, err := tryDial(t, srv, q)
	if err != nil {
		t.Fatal(err)
	}
	if n := srv.Connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	c.Sync(0)
	srv.Put(ffctest.Flag("b"))
	c.Ping()
	c.Expect(pong)
}

func TestConnections(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	ctx := testkit.Within(t)
	first := dial(t, srv)
	dial(t, srv)
	if n := srv.Connections(); n != 2 {
		t.Errorf("%d connections once dialled, want 2", n)
	}
	if err := first.WS.Close(websocket.StatusNormalClosure, "done"); err != nil {
		t.Errorf("the server does not answer a close frame: %v", err)
	}
	if err := srv.WaitConnections(ctx, 1); err != nil {
		t.Error(err)
	}

	// A state that lasts only a moment is noticed.
	seen := make(chan error, 1)
	waiting := make(chan struct{})
	go func() {
		close(waiting)
		seen <- srv.WaitConnections(ctx, 2)
	}()
	<-waiting
	dial(t, srv)
	if err := <-seen; err != nil {
		t.Error(err)
	}
	srv.DropConnections()
	if n := srv.Connections(); n != 0 {
		t.Errorf("%d connections once dropped, want 0", n)
	}

	cause := errors.New("enough")
	cancelled, cancel := context.WithCancelCause(ctx)
	cancel(cause)
	if err := srv.WaitConnections(cancelled, 7); !errors.Is(err, cause) || !strings.Contains(err.Error(), "waited for 7 connections, have 0") {
		t.Errorf("got %v", err)
	}
}

func TestDropConnections(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	c := dial(t, srv)
	srv.DropConnections()
	c.ExpectEnd(-1, "")
	dial(t, srv).Ping() // only those of the moment
}

func TestCloseConnections(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	t.Run("after what is queued", func(t *testing.T) {
		c := dial(t, srv)
		srv.Put(ffctest.Flag("a"))
		srv.CloseConnections(1001, "bye")
		if n := srv.Connections(); n != 0 {
			t.Errorf("%d connections, want 0", n)
		}
		srv.Put(ffctest.Flag("b")) // not for those who leave
		c.Expect("patch a |")
		c.ExpectEnd(1001, "bye")
	})
	t.Run("without a code", func(t *testing.T) {
		c := dial(t, srv)
		srv.CloseConnections(1005, "")
		c.ExpectEnd(websocket.StatusNoStatusRcvd, "")
	})
	t.Run("stalled", func(t *testing.T) {
		c := dial(t, srv)
		resume := srv.Stall(ffctest.Streaming)
		defer resume()
		srv.Put(ffctest.Flag("a"))
		srv.CloseConnections(4999, "")
		c.ExpectEnd(4999, "")
	})
	for _, code := range []int{0, 999, 1004, 1006, 1015, 2999, 5000} {
		expectPanic(t, "close frame", func() { srv.CloseConnections(code, "") })
	}
	expectPanic(t, "123 bytes", func() { srv.CloseConnections(1000, strings.Repeat("x", 124)) })
}

func TestRejectUpgrade(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	open := dial(t, srv)
	for _, status := range []int{503, 401} {
		srv.RejectUpgrade(status)
		for range 2 {
			if _, resp, err := tryDial(t, srv, query(srv, time.Now())); err == nil || resp.StatusCode != status {
				t.Errorf("got %v, want status %d", err, status)
			}
		}
	}
	srv.RejectUpgrade(4003)
	dial(t, srv).ExpectEnd(4003, "invalid request, close by server")
	srv.RejectUpgrade(1011)
	dial(t, srv).ExpectEnd(1011, "")
	srv.RejectUpgrade(0)
	for _, c := range []*client{open, dial(t, srv)} {
		c.Ping()
		c.Expect(pong)
	}
	for _, status := range []int{-1, 101, 199, 600, 1006} {
		expectPanic(t, "", func() { srv.RejectUpgrade(status) })
	}
}

func TestFailNextStreaming(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	srv.FailNext(ffctest.Streaming, 2, ffctest.Failure{Status: 429, RetryAfter: "7", Body: "slow down"})
	srv.FailNext(ffctest.Streaming, 1, ffctest.Failure{})
	srv.FailNext(ffctest.Streaming, 1, ffctest.Failure{Reset: true})
	srv.FailNext(ffctest.Streaming, 1, ffctest.Failure{Status: 1011, Body: "service unavailable, close by server"})
	srv.FailNext(ffctest.Streaming, 0, ffctest.Failure{Status: 500})

	if a, err := servertest.Try(testkit.Within(t), "GET", srv.URL+"/streaming", "", nil); err != nil || a.Status != 404 {
		t.Errorf("got %d, %v: what is no upgrade uses no failure up", a.Status, err)
	}
	for range 2 {
		_, resp, err := tryDial(t, srv, query(srv, time.Now()))
		if err == nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "7" {
			t.Errorf("got %v, want 429 and Retry-After", err)
		}
	}
	if _, resp, err := tryDial(t, srv, query(srv, time.Now())); err == nil || resp.StatusCode != 503 {
		t.Errorf("got %v, want 503", err)
	}
	if _, resp, err := tryDial(t, srv, query(srv, time.Now())); err == nil || resp != nil {
		t.Errorf("got %v with an answer, want a reset", err)
	}
	dial(t, srv).ExpectEnd(1011, "service unavailable, close by server")
	c := dial(t, srv)
	c.Ping()
	c.Expect(pong)
	for _, f := range []ffctest.Failure{{Status: 100}, {Status: 4003, Reset: true}, {Status: 1006}, {Status: 1000, Body: strings.Repeat("x", 124)}} {
		expectPanic(t, "", func() { srv.FailNext(ffctest.Streaming, 1, f) })
	}
}

func TestStallStreaming(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("a").Version(1))
	before := dial(t, srv)
	resume1, resume2 := srv.Stall(ffctest.Streaming), srv.Stall(ffctest.Streaming)
	during := dial(t, srv) // sockets still open
	clients := []*client{before, during}
	var firsts []<-chan string
	for _, c := range clients {
		first := c.ReadAsync()
		firsts = append(firsts, first)
		c.Sync(0)
		c.Ping()
		// Control frames are answered below the stall. Once this one is, the
		// server has read the two requests.
		if err := c.WS.Ping(testkit.Within(t)); err != nil {
			t.Errorf("no pong frame from a stalled server: %v", err)
		}
	}
	resume1()
	resume1() // the same again is nothing
	srv.Put(ffctest.Flag("b"))
	srv.Send([]byte("hello"))
	for i, c := range clients {
		if err := c.WS.Ping(testkit.Within(t)); err != nil {
			t.Errorf("no pong frame from a stalled server: %v", err)
		}
		select {
		case frame := <-firsts[i]:
			t.Errorf("a stalled server sent %q", frame)
		default:
		}
	}
	if n := srv.Connections(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
	resume2()
	for i, c := range clients {
		if got := <-firsts[i]; got != "patch b |" {
			t.Errorf("got %q first, want the patch", got)
		}
		c.Expect("hello")
		c.Expect("full b a |")
		c.Expect(pong)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	c := dial(t, srv)
	frame := []byte(`{"messageType":"data-sync","data":[[[`)
	want := string(frame)
	srv.Send(frame)
	frame[0] = 'x'
	srv.Send(nil)
	c.Expect(want)
	c.Expect("")
	c.Ping()
	c.Expect(pong)
}

func TestClientThatDoesNotReadIsCut(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	deaf, good := dial(t, srv), dial(t, srv)
	frame := []byte(strings.Repeat("x", 8<<20))
	for i := 0; srv.Connections() == 2; i++ {
		if i == 100 {
			t.Fatal("800 MB wait for a client that does not read")
		}
		srv.Send(frame) // never blocks
		if n := len(good.Read()); n != len(frame) {
			t.Errorf("got %d bytes, want %d", n, len(frame))
		}
	}
	good.Ping()
	good.Expect(pong)
	_ = deaf
}

func TestClientThatOnlyAsksIsCut(t *testing.T) {
	t.Parallel()
	srv := newServer(t)
	c := dial(t, srv)
	defer srv.Stall(ffctest.Streaming)()
	for range 1025 {
		c.Ping()
	}
	if err := srv.WaitConnections(testkit.Within(t), 0); err != nil {
		t.Error(err)
	}
	c.ExpectEnd(-1, "")
}
