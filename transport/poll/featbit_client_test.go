package poll_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// queries notes what requests ask for.
type queries struct {
	next http.RoundTripper
	mu   sync.Mutex
	list []string
}

func (q *queries) RoundTrip(r *http.Request) (*http.Response, error) {
	q.mu.Lock()
	q.list = append(q.list, r.URL.RawQuery)
	q.mu.Unlock()
	return q.next.RoundTrip(r)
}

// TestFeatBitClient asks for what is newer than it has. That there is nothing is
// good news, and no update.
func TestFeatBitClient(t *testing.T) {
	t.Parallel()
	server := platforms.NewServer(t, ffctest.FeatBit, ffctest.Flag("f").Variations("old", "new"), ffctest.Flag("gone"),
		ffctest.Flag("by-segment").Rule("true", ffctest.InSegment("s")).Serve("false"), ffctest.Segment("s").Include("u"))
	rt := &http.Transport{}
	t.Cleanup(rt.CloseIdleConnections)
	asked := &queries{next: rt}
	client := newClientOf(t, server, &poll.Transport{}, func(c *ffc.Config) { c.HTTPClient = &http.Client{Transport: asked} })
	checkFlag(t, client, "by-segment", "true") // polling brings segments
	first := server.Version()

	updates := client.Stats().Updates
	for range 3 {
		refresh(t, client)
	}
	if n := client.Stats().Updates - updates; n != 0 {
		t.Errorf("%d updates of nothing new", n)
	}

	server.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"))
	server.Archive("gone")
	server.Put(ffctest.Segment("s").Exclude("u"))
	refresh(t, client)
	checkFlag(t, client, "f", "new")
	checkFlag(t, client, "gone", "none")
	checkFlag(t, client, "by-segment", "false")
	if got, want := client.Status().DataVersion, server.Version(); got != want {
		t.Errorf("got version %d, want %d", got, want)
	}
	refresh(t, client)

	// The platform tells its time in whole seconds, and a cursor is not ahead of it.
	since := func(version int64) string { return "timestamp=" + strconv.FormatInt(version, 10) }
	last, _ := strconv.ParseInt(strings.TrimPrefix(asked.list[len(asked.list)-1], "timestamp="), 10, 64)
	want := []string{"", since(first), since(last)}
	if got := slices.Compact(asked.list); !slices.Equal(got, want) || last > server.Version() || last < server.Version()-2000 {
		t.Errorf("asked %q, want %q with the last near %d", got, want, server.Version())
	}
}

// TestFeatBitUnknownEnvironment: FeatBit has an empty answer for a secret that
// it does not know, so nothing but the log can tell of it.
func TestFeatBitUnknownEnvironment(t *testing.T) {
	t.Parallel()
	server := platforms.NewServer(t, ffctest.FeatBit, ffctest.Flag("f"))
	var log bytes.Buffer
	client := newClientOf(t, server, &poll.Transport{}, func(c *ffc.Config) {
		c.EnvSecret = server.EnvSecret[:22] + "qqqqqru7zMzd3e7u7u7u7g"
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	if status := client.Status(); status.State != ffc.StateOK || client.FlagKnown("f") {
		t.Errorf("got %+v", status)
	}
	refresh(t, client)
	client.Close(testkit.Within(t)) // no more is logged
	if n := strings.Count(log.String(), "no flags and no segments"); n != 1 {
		t.Errorf("warned %d times, want once:\n%s", n, &log)
	}
}
