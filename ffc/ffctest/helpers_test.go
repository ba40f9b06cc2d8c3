package ffctest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

func newServer(t *testing.T, items ...ffctest.Item) *ffctest.Server {
	t.Helper()
	return platforms.NewServer(t, ffctest.Classic, items...)
}

// onBoth runs a test for both.
func onBoth(t *testing.T, name string, test func(t *testing.T, p ffctest.Platform)) {
	t.Helper()
	for _, p := range platforms.All() {
		t.Run(name+"/"+p.String(), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// token builds a token at position 17, as the protocol says.
func token(secret string, at time.Time) string {
	digits := func(format string, n int64) string {
		return strings.NewReplacer("0", "Q", "1", "B", "2", "W", "3", "S", "4", "P",
			"5", "H", "6", "D", "7", "X", "8", "Z", "9", "U").Replace(fmt.Sprintf(format, n))
	}
	text := strings.TrimRight(secret, "=")
	stamp := digits("%d", at.UnixMilli())
	return digits("%03d", 17) + digits("%02d", int64(len(stamp))) + text[:17] + stamp + text[17:]
}

// query is what a proper client puts in the URL.
func query(srv *ffctest.Server, at time.Time) url.Values {
	return url.Values{"token": {token(srv.EnvSecret, at)}, "type": {"server"}, "version": {"2"}}
}

// tryDial opens a websocket with a query. The response may be nil.
func tryDial(t *testing.T, srv *ffctest.Server, q url.Values) (*client, *http.Response, error) {
	t.Helper()
	httpClient := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(httpClient.CloseIdleConnections)
	ws, resp, err := websocket.Dial(testkit.Within(t), srv.URL+"/streaming?"+q.Encode(), &websocket.DialOptions{HTTPClient: httpClient})
	if err != nil {
		return nil, resp, err
	}
	ws.SetReadLimit(-1)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{t: t, ws: ws}, resp, nil
}

func dial(t *testing.T, srv *ffctest.Server) *client {
	t.Helper()
	c, _, err := tryDial(t, srv, query(srv, time.Now()))
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	return c
}

// client is the far end of a websocket.
type client struct {
	t  *testing.T
	ws *websocket.Conn
}

func (c *client) send(frame string) {
	c.t.Helper()
	if err := c.ws.Write(testkit.Within(c.t), websocket.MessageText, []byte(frame)); err != nil {
		c.t.Fatalf("send %s: %v", frame, err)
	}
}

func (c *client) sync(timestamp int64) {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"messageType":"data-sync","data":{"timestamp":%d}}`, timestamp))
}

func (c *client) ping() {
	c.t.Helper()
	c.send(`{"messageType":"ping","data":null}`)
}

func (c *client) read() []byte {
	c.t.Helper()
	_, frame, err := c.ws.Read(testkit.Within(c.t))
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return frame
}

// readAsync reads one message in the background and returns its summary, or
// the error.
func (c *client) readAsync() <-chan string {
	first := make(chan string, 1)
	ctx := testkit.Within(c.t)
	go func() {
		_, frame, err := c.ws.Read(ctx)
		if err != nil {
			first <- err.Error()
			return
		}
		first <- summary(frame)
	}()
	return first
}

// expect reads one message and compares its summary.
func (c *client) expect(want string) {
	c.t.Helper()
	if got := summary(c.read()); got != want {
		c.t.Errorf("got message %q, want %q", got, want)
	}
}

// expectEnd reads to the end, which must have a close code, or -1 for none.
func (c *client) expectEnd(code websocket.StatusCode, reason string) {
	c.t.Helper()
	_, frame, err := c.ws.Read(testkit.Within(c.t))
	if err == nil {
		c.t.Fatalf("got message %s, want the end", frame)
	}
	if got := websocket.CloseStatus(err); got != code {
		c.t.Errorf("got close code %d, want %d: %v", got, code, err)
	}
	if code >= 0 && !strings.Contains(err.Error(), reason) {
		c.t.Errorf("got %q, want reason %q", err, reason)
	}
}

// summary is "full a -b | s1": flags and segments in order, archived ones with
// a minus. Anything but a data-sync is returned as it is.
func summary(frame []byte) string {
	type items []struct {
		Key      string `json:"key"` // on FeatBit, of a flag
		ID       string `json:"id"`
		Archived bool   `json:"isArchived"`
	}
	var message struct {
		Type string `json:"messageType"`
		Data *struct {
			EventType string `json:"eventType"`
			Flags     items  `json:"featureFlags"`
			Segments  items  `json:"segments"`
		} `json:"data"`
	}
	if json.Unmarshal(frame, &message) != nil || message.Type != "data-sync" || message.Data == nil {
		return string(frame)
	}
	out := message.Data.EventType
	add := func(list items) {
		for _, item := range list {
			out += " "
			if item.Archived {
				out += "-"
			}
			out += cmp.Or(item.Key, item.ID[strings.LastIndex(item.ID, "_")+1:])
		}
	}
	add(message.Data.Flags)
	out += " |"
	add(message.Data.Segments)
	return out
}

const pong = `{"messageType":"pong","data":null}`

// answer is an HTTP answer that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// try makes one HTTP request on a connection of its own.
func try(ctx context.Context, method, url, body string, header http.Header) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if header != nil {
		req.Header = header
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{status: resp.StatusCode, header: resp.Header, body: string(text)}, err
}

func post(t *testing.T, srv *ffctest.Server, body string) answer {
	t.Helper()
	a, err := try(testkit.Within(t), http.MethodPost, srv.URL+"/api/public/track", body, trackHeader(srv.EnvSecret))
	if err != nil {
		t.Fatalf("post: %v", err)
	}
	return a
}

func trackHeader(secret string) http.Header {
	return http.Header{"Envsecret": {secret}, "Content-Type": {"application/json"}}
}

// expectPanic calls f, which must panic with a message that holds text.
func expectPanic(t *testing.T, text string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		got, _ := recover().(string)
		if !strings.HasPrefix(got, "ffctest: ") || !strings.Contains(got, text) {
			t.Errorf("got panic %q, want %q in it", got, text)
		}
	}()
	f()
}
