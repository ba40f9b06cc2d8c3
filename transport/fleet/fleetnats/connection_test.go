package fleetnats

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// missing is the response of a bucket that is empty.
func missing(string) (header, text string, ok bool) {
	return "NATS/1.0 404 Message Not Found\r\n\r\n", "", true
}

// backend returns a Backend of a script, for a reader unless it is configured.
func (s *script) backend(t *testing.T, configure ...func(*Config)) *Backend {
	t.Helper()
	config := Config{Servers: []string{"127.0.0.1"}, Options: []nats.Option{s.option()}, EventuallyConsistent: true}
	for _, set := range configure {
		set(&config)
	}
	b, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

func TestIdleConnectionsAreReplacedAtTheNextCall(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		idle time.Duration
		wall time.Duration // by the wall clock only, as the process was frozen
		want int64         // connections
	}{
		"59 s":                        {59 * time.Second, 0, 1},
		"61 s":                        {61 * time.Second, 0, 2},
		"frozen for 20 s":             {0, 20 * time.Second, 1},
		"frozen for 10 min":           {0, 10 * time.Minute, 2},
		"the wall clock was set back": {0, -10 * time.Minute, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := newScript(t, missing)
				b := s.backend(t)
				get := func() {
					if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
						t.Fatalf("error %v, want ErrNotFound", err)
					}
				}
				get()
				if test.wall != 0 {
					b.mu.Lock()
					b.current.last = b.current.last.Round(0).Add(-test.wall)
					b.mu.Unlock()
				}
				time.Sleep(test.idle)
				get()
				synctest.Wait()
				if opened, closed := s.opened.Load(), s.closed.Load(); opened != test.want || closed != test.want-1 {
					t.Errorf("%d connections, %d of them closed, want %d and %d", opened, closed, test.want, test.want-1)
				}
				get()
				if got := s.opened.Load(); got != test.want {
					t.Errorf("%d connections after one more call, want %d", got, test.want)
				}
			})
		})
	}
}

// A response that is no message is an error, and not an empty value.
func TestResponsesThatAreNotMessages(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                              "expected a sequence number",
		`{"message":{"data":"aGVhZA=="}}`: "expected a sequence number",
		`{"message":{"seq":7,"da`:         "invalid",
	} {
		t.Run(text, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := newScript(t, func(string) (string, string, bool) { return "NATS/1.0\r\n\r\n", text, true })
				b := s.backend(t, func(c *Config) { c.EventuallyConsistent = false })
				value, tag, err := b.Get(testkit.Within(t), "env/head")
				if err == nil || errors.Is(err, fleet.ErrNotFound) || !strings.Contains(err.Error(), want) {
					t.Errorf("Get returned %q, tag %q, error %v, want %q", value, tag, err, want)
				}
			})
		})
	}
}

// A connection with a Watch is not idle. The Watch notices within 13 s that the server
// does not respond any more.
func TestWatchNoticesASilentServer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newScript(t, missing)
		b := s.backend(t)
		watching, ended := make(chan struct{}, 10), make(chan error, 1)
		go func() { ended <- b.Watch(t.Context(), "env/head", func() { watching <- struct{}{} }) }()
		<-watching
		time.Sleep(10 * time.Minute)
		if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
		if got := s.opened.Load(); got != 1 {
			t.Errorf("%d connections, want 1", got)
		}
		s.silent.Store(true)
		began := time.Now()
		if err := <-ended; !errors.Is(err, errSilent) {
			t.Errorf("error %v, want that the server did not respond", err)
		}
		if took := time.Since(began); took > 13*time.Second {
			t.Errorf("it took %v, want at most 13 s", took)
		}
		s.silent.Store(false)
		if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.Is(err, fleet.ErrNotFound) || s.opened.Load() != 2 {
			t.Errorf("error %v with %d connections, want ErrNotFound and a second connection", err, s.opened.Load())
		}
	})
}

// A server that accepts connections and does not speak is an error after a time.
func TestServerThatDoesNotSpeak(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newScript(t, missing)
		s.silent.Store(true)
		began := time.Now()
		_, _, err := s.backend(t).Get(t.Context(), "env/head")
		if !errors.Is(err, errConnect) || !strings.Contains(err.Error(), "127.0.0.1: ") {
			t.Errorf("error %v, want that connecting failed", err)
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v, want at most 3 s", took)
		}
	})
}

// queue returns a Queue of a script.
func (s *script) queue(t *testing.T) *Queue {
	t.Helper()
	q, err := NewQueue(QueueConfig{Servers: []string{"127.0.0.1"}, Options: []nats.Option{s.option()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

// Take requests batches again when the server has none, and fails if it does not say
// so in time.
func TestTakeFromASilentServer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		var requests atomic.Int64
		s := newScript(t, func(string) (header, text string, ok bool) {
			number := requests.Add(1)
			time.Sleep(pullTime)
			return "NATS/1.0 408 Request Timeout\r\n\r\n", "", number < 4
		})
		began := time.Now()
		_, err := s.queue(t).Take(t.Context(), 1)
		if err == nil || !strings.Contains(err.Error(), "the server did not respond within 25s") {
			t.Errorf("error %v, want that the server did not respond", err)
		}
		if took := time.Since(began); requests.Load() != 4 || took != 3*pullTime+pullTime+pullGrace {
			t.Errorf("%d requests in %v, want 4 in 85 s", requests.Load(), took)
		}
	})
}

func TestTakeReportsWhatTheServerSays(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"NATS/1.0 409 Consumer Deleted\r\n\r\n": "the server responded 409 Consumer Deleted",
		"NATS/1.0 503\r\n\r\n":                  "no server responds for the stream ffc_events or its consumer",
		"NATS/1.0\r\nFfc-Batch: {}\r\n\r\n":     "invalid",
	} {
		bubble(t, header, func(t *testing.T) {
			s := newScript(t, func(string) (string, string, bool) { return header, "", true })
			if _, err := s.queue(t).Take(t.Context(), 1); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %s", err, want)
			}
		})
	}
}

// bubble runs a test in a bubble of its own.
func bubble(t *testing.T, name string, test func(t *testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) { testkit.Bubble(t, test) })
}

// What JetStream responds to Put decides what a sender does.
func TestErrorsOfPut(t *testing.T) {
	t.Parallel()
	const headers = "NATS/1.0\r\n\r\n"
	failure := func(code, description string) string {
		return `{"error":{"code":503,"err_code":` + code + `,"description":"` + description + `"}}`
	}
	for text, want := range map[string]error{
		failure("10077", "maximum bytes exceeded"):            flush.ErrFull,
		failure("10047", "insufficient storage resources"):    flush.ErrFull,
		failure("10002", "resource limits exceeded"):          flush.ErrFull,
		failure("10054", "message size exceeds maximum"):      flush.ErrTooLarge,
		failure("10008", "JetStream temporarily unavailable"): nil,
		`{"stream":"ffc_events"}`:                             nil,
		`<html>`:                                              nil,
	} {
		bubble(t, text, func(t *testing.T) {
			s := newScript(t, func(string) (string, string, bool) { return headers, text, true })
			err := s.queue(t).Put(testkit.Within(t), flush.Batch{Body: []byte("[]")})
			full, large := errors.Is(err, flush.ErrFull), errors.Is(err, flush.ErrTooLarge)
			if err == nil || full != (want == flush.ErrFull) || large != (want == flush.ErrTooLarge) {
				t.Errorf("error %v, want %v", err, want)
			}
		})
	}
}

func TestConstructorsReportAllProblems(t *testing.T) {
	t.Parallel()
	failing := func(*nats.Options) error { return errors.New("no such file") }
	servers := []string{"nats://reader:sesame@example.com", "https://example.com", ":4222", "tls://example.com:4222"}
	_, err := New(Config{Servers: servers, Bucket: "a.b", Options: []nats.Option{nil, failing}})
	for _, want := range []string{"server with a user", `"https://example.com"`, `":4222"`, `Bucket "a.b"`, "no such file"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want that it has %s", err, want)
		}
	}
	if err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "tls://")) {
		t.Errorf("error %v has the password, or what is right", err)
	}
	if _, err := NewQueue(QueueConfig{Name: "a b"}); err == nil || !strings.Contains(err.Error(), "missing Servers") || !strings.Contains(err.Error(), `Name "a b"`) {
		t.Errorf("error %v, want that Servers are missing and the Name is unusable", err)
	}
}

// The functions of the application are called beside those of the package.
func TestHandlersOfTheApplication(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := newScript(t, missing)
		closed := make(chan struct{})
		b, err := New(Config{Servers: []string{"127.0.0.1"}, Options: []nats.Option{
			s.option(), nats.ClosedHandler(func(*nats.Conn) { close(closed) }),
		}, EventuallyConsistent: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Get(context.Background(), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
		b.Close()
		<-closed
	})
}
