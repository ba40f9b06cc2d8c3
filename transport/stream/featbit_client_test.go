package stream_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// recorder is a transport that notes what it puts in the store of its client:
// "patch -a b", with a minus for what is archived.
type recorder struct {
	transport.Transport
	mu       sync.Mutex
	messages []string
}

func (r *recorder) Open(env transport.Env) (transport.Session, error) {
	env.Store = recordingStore{env.Store, r}
	return r.Transport.Open(env)
}

// seen returns what has been noted since it was last called.
func (r *recorder) seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.messages
	r.messages = nil
	return seen
}

type recordingStore struct {
	transport.Store
	to *recorder
}

func (s recordingStore) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	var m struct {
		Data struct {
			EventType              string
			FeatureFlags, Segments []struct {
				ID, Key  string
				Archived bool `json:"isArchived"`
			}
		}
	}
	text := "unreadable"
	if json.Unmarshal(message, &m) == nil {
		text = m.Data.EventType
		for _, item := range slices.Concat(m.Data.FeatureFlags, m.Data.Segments) {
			key := item.Key
			if key == "" {
				key = item.ID
			}
			if item.Archived {
				key = "-" + key
			}
			text += " " + key
		}
	}
	s.to.mu.Lock()
	s.to.messages = append(s.to.messages, text)
	s.to.mu.Unlock()
	return s.Store.Apply(message, asked)
}

// TestFeatBitClientResumes: who reconnects gets what has changed meanwhile,
// archived items included, and nothing else.
func TestFeatBitClientResumes(t *testing.T) {
	t.Parallel()
	for _, onDemandToo := range []bool{false, true} {
		t.Run(fmt.Sprint("on demand ", onDemandToo), func(t *testing.T) {
			t.Parallel()
			flag := ffctest.Flag("changed").Variations("old", "new")
			srv := platforms.NewServer(t, ffctest.FeatBit, flag, ffctest.Flag("same"), ffctest.Flag("gone"), ffctest.Segment("s"), ffctest.Segment("ended"))
			settings := quick()
			settings.OnDemand, settings.MaxAge, settings.Budget = onDemandToo, 1, 20*time.Second
			record := &recorder{Transport: &settings}
			client, err := ffc.New(testkit.Within(t), ffc.Config{EnvSecret: srv.EnvSecret, BaseURL: srv.URL, Transport: record, Logger: testkit.Quiet()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close(testkit.Within(t)) })
			state := statuses(t, client)
			again := func() {
				t.Helper()
				if onDemandToo {
					refresh(t, client)
					return
				}
				srv.RejectUpgrade(0)
				until(t, "a reconnect", state, func() bool { return client.Status().State == ffc.StateOK })
			}
			away := func() {
				t.Helper()
				if onDemandToo {
					return
				}
				srv.RejectUpgrade(503)
				srv.DropConnections()
				until(t, "an interruption", state, func() bool { return client.Status().State == ffc.StateInterrupted })
			}
			if got := record.seen(); len(got) != 1 || !strings.HasPrefix(got[0], "full ") {
				t.Errorf("first got %q, want one full", got)
			}

			away()
			srv.Put(flag.Serve("new"))
			srv.Archive("gone")
			srv.ArchiveSegment("ended")
			again()
			if got, want := record.seen(), []string{"patch -gone changed -ended"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			if got := client.Variation(t.Context(), "changed", anyUser, "none"); got != "new" || client.FlagKnown("gone") || !client.FlagKnown("same") {
				t.Errorf("got %q, and gone is there: %v", got, client.FlagKnown("gone"))
			}
			if got, want := client.Status().DataVersion, srv.Version(); got != want {
				t.Errorf("got version %d, want %d", got, want)
			}

			away()
			again()
			// What changed in the last ten minutes comes again, and is nothing new.
			if got, want := record.seen(), []string{"patch -gone changed -ended"}; !slices.Equal(got, want) {
				t.Errorf("with nothing new got %q, want %q", got, want)
			}
		})
	}
}

// TestClosesAreNotFinal: whatever the platform closes with, a client whose
// secret was taken comes back. FeatBit closes with 1000 when it is deployed.
func TestClosesAreNotFinal(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testClosesAreNotFinal)
}

func testClosesAreNotFinal(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	flag := ffctest.Flag("f").Variations("0")
	srv := platforms.NewServer(t, p, flag)
	settings := quick()
	client, _ := newClient(t, srv, &settings)
	ready(t, client)
	changed := changes(t, client)
	for _, code := range []int{1000, 1001, 1005, 1011, 1012, 1013, 4003, 4999} {
		srv.CloseConnections(code, "")
		value := fmt.Sprint(code)
		srv.Put(flag.Variations(value))
		until(t, "a change after code "+value, changed, func() bool {
			return client.Variation(t.Context(), "f", anyUser, "none") == value
		})
	}
}

// TestRateLimited: the platform may limit how often one connects.
func TestRateLimited(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testRateLimited)
}

func testRateLimited(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	srv := platforms.NewServer(t, p, ffctest.Flag("f"))
	srv.FailNext(ffctest.Streaming, 2, ffctest.Failure{Status: 429})
	srv.FailNext(ffctest.Streaming, 1, ffctest.Failure{Status: 429, RetryAfter: "0"})
	settings := quick()
	client, _ := newClient(t, srv, &settings)
	ready(t, client)
	if n := len(srv.Requests(ffctest.Streaming)); n != 4 {
		t.Errorf("connected %d times, want 4", n)
	}
}

// TestFeatBitWrongSecret: a secret that the environment does not have is
// refused for good.
func TestFeatBitWrongSecret(t *testing.T) {
	t.Parallel()
	srv := platforms.NewServer(t, ffctest.FeatBit)
	settings := quick()
	client, err := ffc.New(testkit.Within(t), ffc.Config{
		EnvSecret: "Q" + srv.EnvSecret[1:], BaseURL: srv.URL, Transport: &settings, Logger: testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(testkit.Within(t)) })
	var cause *transport.Error
	if err := client.WaitReady(testkit.Within(t)); !errors.As(err, &cause) || cause.Kind != transport.KindRefused || client.Status().State != ffc.StateOff {
		t.Errorf("got %v in state %s, want kind %q", err, client.Status().State, transport.KindRefused)
	}
}
