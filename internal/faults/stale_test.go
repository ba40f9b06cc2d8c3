package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// site is an address behind which there are two servers of one platform, and a
// client with default settings, in the fake time of a bubble.
type site struct {
	*testing.T
	on       *platformCase
	servers  [2]*ffctest.Server
	client   *ffc.Client
	log      logs
	onDemand bool
	posted   func(http.ResponseWriter, *http.Request, http.Handler) // takes events, if set

	mu     sync.Mutex
	behind int // which server answers
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.posted != nil && r.Method == http.MethodPost {
		s.posted(w, r, s.servers[0])
		return
	}
	s.mu.Lock()
	server := s.servers[s.behind]
	s.mu.Unlock()
	server.ServeHTTP(w, r)
}

// answers chooses the server that answers from now on.
func (s *site) answers(which int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behind = which
}

// siteModes are the ways to get data, with default settings.
var siteModes = []struct {
	name      string
	onDemand  bool
	pushes    bool // and so asks for everything on a connection
	transport func() transport.Transport
}{
	{"stream", false, true, func() transport.Transport { return &stream.Transport{} }},
	{"stream on demand", true, false, func() transport.Transport { return &stream.Transport{OnDemand: true} }},
	{"poll on demand", true, false, func() transport.Transport { return &poll.Transport{} }},
	{"poll at an interval", false, false, func() transport.Transport { return &poll.Transport{Interval: 30 * time.Second} }},
	{"fallback", false, false, func() transport.Transport {
		return &stream.Transport{Fallback: &poll.Transport{Interval: 30 * time.Second}, MaxRetry: time.Hour}
	}},
}

// onSites plays a scenario on both platforms and every way.
func onSites(t *testing.T, items func() []ffctest.Item, play func(s *site, pushes bool)) {
	for i := range allPlatforms {
		for _, way := range siteModes {
			t.Run(allPlatforms[i].name+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &site{T: t, on: &allPlatforms[i], onDemand: way.onDemand}
					s.open(items(), way.name == "fallback", way.transport())
					play(s, way.pushes)
				})
			})
		}
	}
}

func (s *site) open(items []ffctest.Item, noSockets bool, tr transport.Transport) (stop func()) {
	s.Helper()
	platform := ffctest.Classic
	if s.on.changes {
		platform = ffctest.FeatBit
	}
	for i := range s.servers {
		server, err := ffctest.NewHandler(ffctest.HandlerConfig{Platform: platform})
		if err != nil {
			s.Fatal(err)
		}
		s.servers[i] = server
		s.hold(i, items...)
		if noSockets {
			server.RejectUpgrade(http.StatusNotFound)
		}
	}
	listener := testkit.NewListener()
	web := &http.Server{Handler: s}
	var serving sync.WaitGroup
	serving.Go(func() { _ = web.Serve(listener) })
	connections := &http.Transport{DialContext: listener.Dial}
	client, err := ffc.New(s.Context(), ffc.Config{
		Platform: s.on.platform, EnvSecret: s.servers[0].EnvSecret, BaseURL: "http://platform.test",
		HTTPClient: &http.Client{Transport: connections}, Transport: tr, Events: flush.Config{Disabled: s.posted == nil},
		Logger: slog.New(slog.NewTextHandler(&s.log, nil)), QuietFallbacks: true,
	})
	if err != nil {
		s.Fatal(err)
	}
	s.client = client
	if !client.Initialized() {
		s.Fatalf("not initialized: %+v", client.Status())
	}
	stop = sync.OnceFunc(func() {
		_ = client.Close(context.Background())
		for _, server := range s.servers {
			server.Close()
		}
		_ = web.Close()
		serving.Wait()
		connections.CloseIdleConnections()
	})
	s.Cleanup(stop)
	return stop
}

// hold makes a server hold exactly these items, in their versions. No client
// gets a notification.
func (s *site) hold(server int, items ...ffctest.Item) {
	s.Helper()
	if err := s.servers[server].Restore(s.on.snapshot(items...)); err != nil {
		s.Fatal(err)
	}
}

// ago is the version of a change some time ago.
func ago(d time.Duration) int64 { return time.Now().Add(-d).UnixMilli() }

// flag is a flag that serves a value, changed at a version.
func flag(key, value string, version int64) *ffctest.FlagBuilder {
	return ffctest.Flag(key).Variations(value).Version(version)
}

// others are nineteen flags that do not change.
func others() (items []ffctest.Item) {
	for i := range 19 {
		items = append(items, flag(fmt.Sprint("other-", i), "same", ago(24*time.Hour)))
	}
	return items
}

func (s *site) value(key string) string {
	return s.client.Variation(s.Context(), key, worldUser, "none")
}

// runs lets time pass, with units of work if the client works on demand, and
// looks at the flags all the time.
func (s *site) runs(d time.Duration, look func()) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(10*time.Second, time.Until(end)))
		if s.onDemand {
			_ = s.client.Refresh(s.Context())
		}
		synctest.Wait()
		look()
	}
}

// sees lets time pass until a flag has a value, which must take no longer than
// most and no less than least.
func (s *site) sees(key, value string, least, most time.Duration) {
	s.Helper()
	began, was := time.Now(), s.value(key)
	for s.value(key) != value {
		if got := s.value(key); got != was {
			s.Fatalf("%s is %q, expected %q or %q", key, got, was, value)
		}
		if time.Since(began) > most {
			s.Fatalf("%s is still %q after %v. Status %+v\n%s", key, was, most, s.client.Status(), s.log.String())
		}
		s.runs(10*time.Second, func() {})
	}
	if d := time.Since(began); d < least {
		s.Errorf("%s is %q after %v, expected at least %v", key, value, d, least)
	}
}

// warned checks how many warnings there are about answers that are held back.
func (s *site) warned(want int) {
	s.Helper()
	if n := strings.Count(s.log.String(), "older data than the client has"); n != want {
		s.Errorf("%d warnings, want %d:\n%s", n, want, s.log.String())
	}
}

const (
	resyncTime = 5*time.Minute + 40*time.Second // and a poll more
	fullTime   = time.Hour + 40*time.Second
)

// TestLostNotification: what the platform does not tell is seen within Resync.
func TestLostNotification(t *testing.T) {
	onSites(t, func() []ffctest.Item { return append(others(), flag("a", "old", ago(time.Hour))) }, func(s *site, _ bool) {
		s.runs(2*time.Hour, func() {})
		s.hold(0, append(others(), flag("a", "new", ago(0)))...)
		s.sees("a", "new", 0, resyncTime)
		s.warned(0)
		if status := s.client.Status(); status.State != ffc.StateOK || status.DataAge > time.Minute {
			s.Errorf("status %+v", status)
		}
	})
}

// TestBehindTheCursor: a change is stamped behind the newest version that the
// client has, by a server whose clock is behind or because it took long.
func TestBehindTheCursor(t *testing.T) {
	for _, behind := range []time.Duration{0, 4 * time.Second, 2 * time.Minute} {
		t.Run(behind.String(), func(t *testing.T) {
			onSites(t, func() []ffctest.Item {
				return append(others(), flag("a", "on", ago(time.Hour)), flag("kill-switch", "on", ago(time.Hour)))
			}, func(s *site, _ bool) {
				newest := ago(-behind)
				s.servers[0].Put(flag("a", "off", newest))
				s.sees("a", "off", 0, resyncTime)
				s.hold(0, append(others(), flag("a", "off", newest), flag("kill-switch", "off", newest-behind.Milliseconds()))...)
				s.sees("kill-switch", "off", 0, resyncTime)
				s.warned(0)
			})
		})
	}
}

// TestTwiceInOneMillisecond: the second of two changes in one millisecond has
// the version of the first.
func TestTwiceInOneMillisecond(t *testing.T) {
	onSites(t, func() []ffctest.Item { return append(others(), flag("a", "old", ago(time.Hour))) }, func(s *site, _ bool) {
		at := ago(0)
		s.servers[0].Put(flag("a", "first", at))
		s.sees("a", "first", 0, resyncTime)
		s.hold(0, append(others(), flag("a", "second", at))...)
		s.sees("a", "second", 0, resyncTime)
		s.warned(0)
	})
}

// TestPurged: a flag that is gone without a trace goes with the next answer with
// everything.
func TestPurged(t *testing.T) {
	onSites(t, func() []ffctest.Item { return append(others(), flag("gone", "there", ago(48*time.Hour))) }, func(s *site, _ bool) {
		s.hold(0, others()...)
		s.sees("gone", "none", 0, fullTime)
		s.warned(0)
	})
}

// TestMuchPurged: an answer that lacks more than a tenth of the flags is
// followed when three agree.
func TestMuchPurged(t *testing.T) {
	onSites(t, func() []ffctest.Item { return append(others(), flag("a", "on", ago(time.Hour))) }, func(s *site, _ bool) {
		s.hold(0, append(others()[:16], flag("a", "off", ago(0)))...)
		s.sees("a", "off", 0, fullTime)
		s.sees("other-18", "none", 0, fullTime+resyncTime)
		s.warned(1)
	})
}

// TestEmptyAnswers: answers without anything do not count while they are few.
func TestEmptyAnswers(t *testing.T) {
	onSites(t, others, func(s *site, _ bool) {
		look := func() {
			if got := s.value("other-3"); got != "same" {
				s.Fatalf("other-3 is %q", got)
			}
		}
		s.hold(1)
		s.answers(1)
		s.servers[0].DropConnections()
		s.runs(3*time.Minute, look)
		s.answers(0)
		s.servers[1].DropConnections()
		s.runs(3*time.Hour, look)
		if status := s.client.Status(); status.State != ffc.StateOK || status.DataAge > time.Minute {
			s.Errorf("status %+v", status)
		}
	})
}

// TestFlagsComeBack: flags that were gone for so long that the client followed,
// and then come back in the versions that they had, are followed within Resync:
// the client cannot tell them from those of a server that is stuck.
func TestFlagsComeBack(t *testing.T) {
	onSites(t, others, func(s *site, pushes bool) {
		items := others()
		s.hold(0)
		s.sees("other-3", "none", 5*time.Minute, fullTime+resyncTime)
		s.runs(time.Minute, func() {})
		s.hold(0, items...)
		most := resyncTime
		if pushes { // what was restored shows with the next answer with everything
			most += fullTime
		}
		s.sees("other-3", "same", 0, most)
		if status := s.client.Status(); status.State != ffc.StateOK || status.Err != nil || status.DataAge > time.Minute {
			s.Errorf("status %+v", status)
		}
	})
}

// TestRestored: a platform that was restored from a backup is followed after
// three answers that agree, over Resync, counted from the first answer with
// everything.
func TestRestored(t *testing.T) {
	onSites(t, func() []ffctest.Item { return append(others(), flag("a", "on", ago(0))) }, func(s *site, _ bool) {
		s.runs(time.Minute, func() {})
		s.hold(0, append(others(), flag("a", "off", ago(time.Hour)))...)
		s.servers[0].DropConnections()
		s.sees("a", "off", 5*time.Minute, fullTime+resyncTime)
		s.warned(1)
		s.runs(10*time.Minute, func() {})
		if status := s.client.Status(); status.State != ffc.StateOK || status.Err != nil || status.DataAge > time.Minute {
			s.Errorf("status %+v", status)
		}
	})
}

// TestVersionFromTheFuture: a flag that is stamped in 2255 and then mended does
// not hold up the others, and is followed in the end.
func TestVersionFromTheFuture(t *testing.T) {
	onSites(t, func() []ffctest.Item {
		return append(others(), flag("f", "a", ago(time.Hour)), flag("g", "a", ago(time.Hour)))
	}, func(s *site, _ bool) {
		s.servers[0].Put(flag("f", "b", 9_000_000_000_000))
		s.sees("f", "b", 0, resyncTime)
		s.hold(0, append(others(), flag("f", "c", ago(0)), flag("g", "c", ago(0)))...)
		s.sees("g", "c", 0, resyncTime)
		s.sees("f", "c", 0, fullTime+resyncTime)
		s.warned(1)
	})
}

// TestLaggingServer: two servers behind one address, of which the second lags by
// 5 s: no flag flaps, however the client comes upon them.
func TestLaggingServer(t *testing.T) {
	onSites(t, func() []ffctest.Item { return append(others(), flag("a", "0", ago(time.Minute))) }, func(s *site, _ bool) {
		random := rand.New(rand.NewPCG(4, 31))
		last, changes := 0, 0
		look := func() {
			var got int
			if _, err := fmt.Sscan(s.value("a"), &got); err != nil || got < last {
				s.Fatalf("a is %q after %d: %v", s.value("a"), last, err)
			}
			if last = got; s.value("other-7") != "same" {
				s.Fatalf("other-7 is %q", s.value("other-7"))
			}
			if created := s.value("new"); last > 20 && created != "there" && changes > 21 {
				s.Fatalf("a new flag is %q after %d changes", created, changes)
			}
		}
		state := func(n int, at int64, created int64) []ffctest.Item {
			items := append(others(), flag("a", fmt.Sprint(n), at))
			if created > 0 {
				items = append(items, flag("new", "there", created))
			}
			return items
		}
		created := int64(0)
		for changes = 1; changes <= 60; changes++ {
			at := ago(0)
			if changes == 20 {
				created = at
			}
			items := state(changes, at, created)
			s.hold(0, items...)
			wait := time.Duration(random.IntN(40)) * time.Second
			for _, d := range []time.Duration{5 * time.Second, wait} {
				s.answers(random.IntN(2))
				s.servers[random.IntN(2)].DropConnections()
				s.runs(d, look)
				s.hold(1, items...)
			}
		}
		s.answers(0)
		s.sees("a", "60", 0, resyncTime)
	})
}

// TestStuckServer: a server that is stuck in an old state for an hour, behind
// one that is not, makes no flag flap for a client that polls.
func TestStuckServer(t *testing.T) {
	for i := range allPlatforms {
		for _, way := range siteModes[2:4] {
			t.Run(allPlatforms[i].name+"/"+way.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := &site{T: t, on: &allPlatforms[i], onDemand: way.onDemand}
					stop := s.open(append(others(), flag("a", "old", ago(time.Hour))), false, way.transport())
					s.hold(0, append(others(), flag("a", "new", ago(0)))...)
					s.sees("a", "new", 0, resyncTime)
					random := rand.New(rand.NewPCG(4, 1))
					for range 240 {
						s.answers(random.IntN(2))
						s.runs(15*time.Second, func() {
							if got := s.value("a"); got != "new" {
								t.Fatalf("a is %q", got)
							}
						})
					}
					stop()
					if n := bytes.Count([]byte(s.log.String()), []byte("level=WARN")); n > 2 {
						t.Errorf("%d warnings in an hour:\n%s", n, s.log.String())
					}
				})
			})
		}
	}
}

// TestReconnectToLaggingServer: the first answer of a new connection is held
// back. Until an answer confirms the data, the status says why.
func TestReconnectToLaggingServer(t *testing.T) {
	for i := range allPlatforms {
		t.Run(allPlatforms[i].name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &site{T: t, on: &allPlatforms[i]}
				s.open(append(others(), flag("a", "old", ago(time.Minute))), false, &stream.Transport{})
				s.servers[0].Put(flag("a", "new", ago(0)))
				s.sees("a", "new", 0, time.Second)
				s.answers(1)
				s.servers[0].DropConnections()
				s.runs(5*time.Second, func() {})
				status := s.client.Status()
				if status.State != ffc.StateInterrupted || kindOf(status.Err) != transport.KindData || s.value("a") != "new" || status.DataAge < 4*time.Second {
					t.Errorf("a is %q, status %+v", s.value("a"), status)
				}
				s.warned(1)
				s.hold(1, append(others(), flag("a", "new", ago(5*time.Second)))...)
				s.runs(20*time.Second, func() {})
				if status := s.client.Status(); status.State != ffc.StateOK || status.Err != nil || status.DataAge > 20*time.Second {
					t.Errorf("status %+v", status)
				}
				s.warned(1)
				if n := s.client.Stats().Transport.Connects; n != 2 {
					t.Errorf("%d connections, want 2", n)
				}
			})
		})
	}
}
