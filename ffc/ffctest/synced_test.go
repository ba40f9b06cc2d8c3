package ffctest_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// sdk returns a client of the server.
func sdk(t *testing.T, srv *ffctest.Server, how transport.Transport) *ffc.Client {
	t.Helper()
	c, err := ffc.New(testkit.Within(t), ffc.Config{
		EnvSecret: srv.EnvSecret, BaseURL: srv.URL, Transport: how, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

func TestWaitSynced(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		g        ffctest.Platform
		how      transport.Transport
		segments bool
	}{
		{"stream", ffctest.Classic, &stream.Transport{FirstRetry: time.Millisecond}, true},
		{"stream on demand", ffctest.Classic, &stream.Transport{OnDemand: true, MaxAge: time.Millisecond, Resync: time.Millisecond}, true},
		{"poll on demand", ffctest.Classic, &poll.Transport{MaxAge: time.Millisecond, Resync: time.Millisecond}, false},
		{"poll at an interval", ffctest.Classic, &poll.Transport{Interval: time.Millisecond, Resync: time.Millisecond}, false},
		{"featbit, stream", ffctest.FeatBit, &stream.Transport{FirstRetry: time.Millisecond}, true},
		{"featbit, stream on demand", ffctest.FeatBit, &stream.Transport{OnDemand: true, MaxAge: time.Millisecond, Resync: time.Millisecond}, true},
		{"featbit, poll on demand", ffctest.FeatBit, &poll.Transport{MaxAge: time.Millisecond, Resync: time.Millisecond}, true},
		{"featbit, poll at an interval", ffctest.FeatBit, &poll.Transport{Interval: time.Millisecond, Resync: time.Millisecond}, true},
	}
	withoutSegment := map[ffctest.Platform]string{ffctest.Classic: "true", ffctest.FeatBit: "fallback"}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := platforms.NewServer(t, tt.g, ffctest.Segment("unused"))
			c := sdk(t, srv, tt.how)
			synced := func() {
				t.Helper()
				if err := srv.WaitSynced(testkit.Within(t), c); err != nil {
					t.Fatal(err)
				}
			}
			value := func(key, user string) string {
				return c.Variation(t.Context(), key, ffc.NewUser(user), "fallback")
			}
			for range 10 {
				srv.Put(ffctest.Flag("f").Variations("old", "new"))
				synced()
				if got := value("f", "u"); got != "old" {
					t.Fatalf("after Put: got %q", got)
				}
				srv.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"), ffctest.Flag("g"))
				synced()
				if f, g := value("f", "u"), value("g", "u"); f != "new" || g != "true" {
					t.Fatalf("after another Put: got %q and %q", f, g)
				}
				srv.Archive("f")
				synced()
				if got := value("f", "u"); got != "fallback" {
					t.Fatalf("after Archive: got %q", got)
				}
				if !tt.segments {
					continue
				}
				srv.Put(ffctest.Flag("g").Rule("false", ffctest.InSegment("s")), ffctest.Segment("s").Include("u"))
				synced()
				if got := value("g", "u"); got != "false" {
					t.Fatalf("after Put of a segment: got %q", got)
				}
				srv.ArchiveSegment("s")
				synced()
				if got := value("g", "u"); got != withoutSegment[tt.g] {
					t.Fatalf("after ArchiveSegment: got %q", got)
				}
			}
			// What clients ignore is not waited for.
			srv.Put(ffctest.Flag("g").Version(1))
			synced()
		})
	}
}

func TestWaitSyncedFails(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("f"))
	c := sdk(t, srv, &stream.Transport{})
	if err := srv.WaitSynced(testkit.Within(t), c); err != nil {
		t.Fatal(err)
	}
	resume := srv.Stall(ffctest.Streaming)
	ended, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	check := func(want string) {
		t.Helper()
		err := srv.WaitSynced(ended, c)
		if !errors.Is(err, cause) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	srv.Put(ffctest.Flag("new").Version(1 << 50))
	check(`it lacks version 1125899906842624 of "FF__11__22__33__new"`)
	resume()
	if err := srv.WaitSynced(testkit.Within(t), c); err != nil {
		t.Fatal(err)
	}
	defer srv.Stall(ffctest.Streaming)()
	srv.Archive("new")
	check(`it still has "FF__11__22__33__new"`)
	if err := srv.WaitSynced(ended, stranger{}); !errors.Is(err, cause) || !strings.Contains(err.Error(), "it has no data") {
		t.Errorf("got %v", err)
	}
	srv.Close()
	if err := srv.WaitSynced(testkit.Within(t), c); err == nil || !strings.Contains(err.Error(), "server closed") {
		t.Errorf("got %v", err)
	}
}

// stranger is a client without data.
type stranger struct{}

func (stranger) Refresh(context.Context) error { return errors.New("no") }
func (stranger) WriteSnapshot(io.Writer) error { return errors.New("no") }
