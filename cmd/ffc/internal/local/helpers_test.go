package local

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func TestMain(m *testing.M) { testkit.Main(m, 8) }

// world is a platform that runs, and its file.
type world struct {
	t    *testing.T
	p    *Platform
	path string
	url  string // also after restart, for clients
	end  func() // ends the platform, and waits for it

	mu   sync.Mutex
	log  []string
	addr string // where the platform listens now
}

// start runs a platform on a file with this text.
func start(t *testing.T, text string, cfg Config) *world {
	t.Helper()
	w := &world{t: t, path: filepath.Join(t.TempDir(), "flags.json")}
	w.write(text)
	w.run(cfg)
	w.url = "http://" + w.addr
	return w
}

// restart ends the platform, lets something happen, and runs another one.
func (w *world) restart(cfg Config, meanwhile func()) {
	w.t.Helper()
	w.end()
	meanwhile()
	w.run(cfg)
}

func (w *world) run(cfg Config) {
	t := w.t
	t.Helper()
	cfg.File = w.path
	cfg.Log = func(line string) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.log = append(w.log, line)
	}
	var err error
	if w.p, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	w.addr = listener.Addr().String()
	w.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func(p *Platform) { ended <- p.Run(ctx, listener) }(w.p)
	w.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(w.end)
}

// dial connects to the platform that runs now, whatever it was first known as.
func (w *world) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	w.mu.Lock()
	addr := w.addr
	w.mu.Unlock()
	return new(net.Dialer).DialContext(ctx, network, addr)
}

// write is an editor that truncates and writes.
func (w *world) write(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) read() string {
	w.t.Helper()
	text, err := os.ReadFile(w.path)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// client returns a client that is ready.
func (w *world) client(how transport.Transport) *ffc.Client {
	w.t.Helper()
	httpClient := &http.Client{Transport: &http.Transport{DialContext: w.dial}}
	client, err := ffc.New(testkit.Within(w.t), ffc.Config{
		EnvSecret:  w.p.EnvSecret(),
		BaseURL:    w.url,
		Transport:  how,
		HTTPClient: httpClient,
		Logger:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() {
		_ = client.Close(context.Background())
		httpClient.CloseIdleConnections()
	})
	if err := client.WaitReady(testkit.Within(w.t)); err != nil {
		w.t.Fatal(err)
	}
	return client
}

// transports are the ways to have flags.
func transports() map[string]transport.Transport {
	return map[string]transport.Transport{
		"stream": &stream.Transport{},
		"poll":   &poll.Transport{MaxAge: time.Millisecond},
	}
}

// serves waits until client serves value to a user.
func (w *world) serves(client *ffc.Client, key string, user ffc.User, value string) {
	w.t.Helper()
	testkit.Eventually(w.t, key+" to be "+value, func() bool {
		_ = client.Refresh(testkit.Within(w.t))
		return client.Variation(testkit.Within(w.t), key, user, "") == value
	})
}

// call makes a request of the page's API.
func (w *world) call(method, path, body string, header http.Header) (status int, answer string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(testkit.Within(w.t), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if header != nil {
		req.Header = header
		req.Host = header.Get("Host")
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: w.dial}
	defer transport.CloseIdleConnections()
	resp, err := transport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// change posts to a flag, which has to succeed.
func (w *world) change(key, body string) flagView {
	w.t.Helper()
	status, answer := w.call("POST", "/local/flags/"+key, body, nil)
	if status != http.StatusOK {
		w.t.Fatalf("changing %s to %s: %d %s", key, body, status, answer)
	}
	var flag flagView
	if err := json.Unmarshal([]byte(answer), &flag); err != nil {
		w.t.Fatal(err)
	}
	return flag
}

func (w *world) state() stateView {
	w.t.Helper()
	status, answer := w.call("GET", "/local/state", "", nil)
	var state stateView
	if err := json.Unmarshal([]byte(answer), &state); err != nil || status != http.StatusOK {
		w.t.Fatalf("state: %d %v", status, err)
	}
	return state
}

func (w *world) flag(key string) flagView {
	w.t.Helper()
	for _, f := range w.state().Flags {
		if f.Key == key {
			return f
		}
	}
	w.t.Fatalf("no flag %s", key)
	return flagView{}
}

// snapshotOf is a snapshot the way that people keep one.
func snapshotOf(t *testing.T, p ffctest.Platform, items ...ffctest.Item) string {
	t.Helper()
	var out bytes.Buffer
	if err := json.Indent(&out, p.Snapshot(items...), "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String() + "\n"
}

// twoFlags is a file of the simple form.
const twoFlags = `{
  "flags": {
    "a": {"on": true, "variations": ["red", "blue"], "serve": "red", "offVariation": "blue"},
    "b": {"name": "The second"}
  }
}
`

// UnmarshalJSON reads the list of texts of a response.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var list []string
	err := json.Unmarshal(raw, &list)
	*t = texts(model.Texts(list...))
	return err
}
