package servertest

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

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// Token builds a token at position 17, as the protocol says.
func Token(secret string, at time.Time) string {
	digits := func(format string, n int64) string {
		return strings.NewReplacer("0", "Q", "1", "B", "2", "W", "3", "S", "4", "P",
			"5", "H", "6", "D", "7", "X", "8", "Z", "9", "U").Replace(fmt.Sprintf(format, n))
	}
	text := strings.TrimRight(secret, "=")
	stamp := digits("%d", at.UnixMilli())
	return digits("%03d", 17) + digits("%02d", int64(len(stamp))) + text[:17] + stamp + text[17:]
}

// Query is what a proper client puts in the URL of a websocket.
func (s *Server) Query(at time.Time) url.Values {
	return url.Values{"token": {Token(s.Secret, at)}, "type": {"server"}, "version": {"2"}}
}

// TryDial opens a websocket with a query. The response may be nil.
func (s *Server) TryDial(t *testing.T, q url.Values) (*Client, *http.Response, error) {
	t.Helper()
	httpClient := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(httpClient.CloseIdleConnections)
	ws, resp, err := websocket.Dial(testkit.Within(t), s.URL+"/streaming?"+q.Encode(), &websocket.DialOptions{HTTPClient: httpClient})
	if err != nil {
		return nil, resp, err
	}
	ws.SetReadLimit(-1)
	t.Cleanup(func() { _ = ws.CloseNow() })
	return &Client{t: t, WS: ws}, resp, nil
}

// Dial opens a websocket as a proper client does.
func (s *Server) Dial(t *testing.T) *Client {
	t.Helper()
	c, _, err := s.TryDial(t, s.Query(time.Now()))
	if err != nil {
		t.Fatalf("dial: %v", err)
	}
	return c
}

// Client is the far end of a websocket. Its methods end the test if they fail.
type Client struct {
	t  *testing.T
	WS *websocket.Conn
}

// Send sends a message.
func (c *Client) Send(frame string) {
	c.t.Helper()
	if err := c.WS.Write(testkit.Within(c.t), websocket.MessageText, []byte(frame)); err != nil {
		c.t.Fatalf("send %s: %v", frame, err)
	}
}

// Sync requests what is newer than a version; 0 is all data.
func (c *Client) Sync(timestamp int64) {
	c.t.Helper()
	c.Send(fmt.Sprintf(`{"messageType":"data-sync","data":{"timestamp":%d}}`, timestamp))
}

// Ping sends the ping of SDKs of featureflag.co.
func (c *Client) Ping() {
	c.t.Helper()
	c.Send(`{"messageType":"ping","data":null}`)
}

// Read reads one message.
func (c *Client) Read() []byte {
	c.t.Helper()
	_, frame, err := c.WS.Read(testkit.Within(c.t))
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return frame
}

// ReadAsync reads one message in the background and returns its summary, or
// the error.
func (c *Client) ReadAsync() <-chan string {
	first := make(chan string, 1)
	ctx := testkit.Within(c.t)
	go func() {
		_, frame, err := c.WS.Read(ctx)
		if err != nil {
			first <- err.Error()
			return
		}
		first <- Summary(frame)
	}()
	return first
}

// Expect reads one message and compares its summary.
func (c *Client) Expect(want string) {
	c.t.Helper()
	if got := Summary(c.Read()); got != want {
		c.t.Errorf("got message %q, want %q", got, want)
	}
}

// ExpectEnd reads to the end, which must have a close code, or -1 for none.
func (c *Client) ExpectEnd(code websocket.StatusCode, reason string) {
	c.t.Helper()
	_, frame, err := c.WS.Read(testkit.Within(c.t))
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

// Summary is "full a -b | s1": flags and segments in order, archived ones with
// a minus. Anything but a data-sync is returned as it is.
func Summary(frame []byte) string {
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

// Answer is an HTTP response that has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Try makes one HTTP request on a connection of its own.
func Try(ctx context.Context, method, url, body string, header http.Header) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if header != nil {
		req.Header = header
	}
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}, err
}
