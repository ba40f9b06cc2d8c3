package relay

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	hammerPublishers = 8
	hammerReaders    = 200
	hammerFlags      = 5
	hammerLag        = 10 * time.Minute
)

// member is one publisher of the hammer, which is started anew when it was killed.
type member struct {
	h      *hammer
	engine *link
	*started
}

// RoundTrip implements http.RoundTripper: the platform as the member reaches it.
func (m *member) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := m.engine.gate(r.Context()); err != nil {
		return nil, err
	}
	resp, err := m.h.platform.RoundTrip(r)
	if err2 := m.engine.gate(r.Context()); err2 != nil {
		return nil, err2
	}
	return resp, err
}

// hammer is a platform, an engine, and those who use them.
type hammer struct {
	t        *testing.T
	platform *featBit
	engine   *fleettest.Memory
	lagging  *fleettest.Memory // a replica of the engine that lags
	members  []*member
	random   *rand.Rand
	ended    sync.WaitGroup // members that were killed

	mu       sync.Mutex
	versions [hammerFlags][]time.Time // when each version of a flag was made
	reads    atomic.Uint64
	failed   atomic.Bool
}

func (h *hammer) errorf(format string, args ...any) {
	h.failed.Store(true)
	h.t.Errorf(format, args...)
}

// toggle gives a flag its next version. The value of the flag is the version.
func (h *hammer) toggle(flag int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.versions[flag] = append(h.versions[flag], time.Now())
	h.platform.add(fmt.Sprintf("flag-%d", flag), change{value: strconv.Itoa(len(h.versions[flag]))})
}

// least returns the version of a flag that the platform had at a time.
func (h *hammer) least(flag int, at time.Time) (version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, made := range h.versions[flag] {
		if !made.After(at) {
			version++
		}
	}
	return version
}

func (h *hammer) newest(flag int) int { return h.least(flag, time.Now()) }

// start starts a member. Clocks of members are up to 10 min apart.
func (h *hammer) start(i int) {
	m := &member{h: h, engine: &link{Backend: h.engine}}
	p := h.platform.publisher(m.engine)
	p.Config.HTTPClient = &http.Client{Transport: m}
	p.Config.Transport = &poll.Transport{Interval: 5 * time.Second, Resync: 30 * time.Second, FullResync: 5 * time.Minute}
	off := time.Duration(h.random.IntN(1200)-600) * time.Second
	p.wallClock = func() time.Time { return time.Now().Add(off) }
	m.started = start(p)
	h.members[i] = m
}

// kill ends a member without a word: what it has under way ends as it may.
func (h *hammer) kill(i int) {
	m := h.members[i]
	m.engine.setCut(true)
	m.engine.thaw()
	m.cancel()
	h.ended.Go(func() { <-m.done })
}

// leads reports whether a member leads and works.
func (h *hammer) leads() bool {
	for _, m := range h.members {
		m.engine.mu.Lock()
		well := !m.engine.cut && m.engine.frozen == nil
		m.engine.mu.Unlock()
		if well && m.Status().Leader && m.Status().Err == nil {
			return true
		}
	}
	return false
}

// fault does something bad.
func (h *hammer) fault() {
	i := h.random.IntN(len(h.members))
	m := h.members[i]
	switch n := h.random.IntN(100); {
	case n < 25:
		h.kill(i)
		h.start(i)
	case n < 35:
		m.cancel()
		h.ended.Go(func() { <-m.done })
		m.engine.thaw()
		h.start(i)
	case n < 60:
		m.engine.freeze()
	case n < 75:
		m.engine.thaw()
	case n < 80:
		m.engine.setCut(true)
	case n < 88:
		m.engine.setCut(false)
	case n < 90 && h.leads(): // somebody knows what was there
		h.engine.Wipe()
	case n < 93 && h.leads():
		h.engine.Restore(h.lagging) // the last writes are lost
	default:
		h.toggle(h.random.IntN(hammerFlags))
	}
}

// route chooses a server: the good one, one that is behind, or one that is empty.
func (h *hammer) route() server {
	switch rand.IntN(6) {
	case 0:
		return server{lag: hammerLag}
	case 1:
		return server{empty: true}
	case 2:
		return server{down: true}
	}
	return server{}
}

// read is what one reader does until ctx ends.
func (h *hammer) read(ctx context.Context, i int) {
	backends := []fleet.Backend{h.engine}
	if i%2 == 0 {
		backends = []fleet.Backend{h.lagging, h.engine}
	}
	client, err := ffc.New(ctx, ffc.Config{
		Platform:  ffc.PlatformFeatBit,
		Transport: &fleet.Transport{Environment: environment, Backends: backends, MaxAge: time.Second},
		StartWait: time.Hour,
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		h.errorf("%v", err)
		return
	}
	defer client.Close(context.Background())
	var seen [hammerFlags]int
	var asOf time.Time
	revisions := make(map[string]int64)
	for ctx.Err() == nil && !h.failed.Load() {
		_ = client.Refresh(ctx)
		h.reads.Add(1)
		status := client.Status()
		if at := time.Now().Add(-status.DataAge); at.Before(asOf.Add(-time.Millisecond)) {
			h.errorf("reader %d: the data was confirmed at %v, after %v", i, at, asOf)
		} else {
			asOf = at
		}
		if s := status.Source; s.Revision < revisions[s.Lineage] {
			h.errorf("reader %d: revision %d of %s after %d", i, s.Revision, s.Lineage, revisions[s.Lineage])
		} else {
			revisions[s.Lineage] = s.Revision
		}
		for flag := range seen {
			text := client.Variation(ctx, fmt.Sprintf("flag-%d", flag), ffc.NewUser("u"), "none")
			version, err := strconv.Atoi(text)
			switch {
			case err != nil && client.Initialized():
				h.errorf("reader %d: flag %d is %q after version %d", i, flag, text, seen[flag])
			case err != nil: // nothing was published yet
			case version < seen[flag]:
				h.errorf("reader %d: flag %d has version %d after %d", i, flag, version, seen[flag])
			case version > h.newest(flag):
				h.errorf("reader %d: flag %d has version %d, which the platform never had", i, flag, version)
			case version < h.least(flag, asOf.Add(-hammerLag-time.Second)):
				h.errorf("reader %d: flag %d has version %d, which was old when it was confirmed", i, flag, version)
			default:
				seen[flag] = version
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(1+i%30) * time.Second):
		}
	}
}

// Whatever becomes of the publishers, the platform and the engine: no reader goes
// back in revision, flag or time, or loses its flags.
func TestHammer(t *testing.T) {
	faults := 300
	if testing.Short() {
		faults = 50
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		h := &hammer{
			t: t, platform: newPlatform(), engine: new(fleettest.Memory), lagging: new(fleettest.Memory),
			members: make([]*member, hammerPublishers), random: rand.New(rand.NewPCG(seed, 0)),
		}
		for flag := range hammerFlags {
			h.toggle(flag)
		}
		time.Sleep(hammerLag + time.Minute) // all servers have the flags
		for i := range h.members {
			h.start(i)
		}
		wait(time.Minute)
		if !h.leads() {
			t.Fatal("no publisher leads")
		}
		h.platform.routed(h.route)
		ctx, cancel := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for i := range hammerReaders {
			readers.Go(func() { h.read(ctx, i) })
		}
		readers.Go(func() { // replication
			for ctx.Err() == nil {
				h.lagging.Restore(h.engine)
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Second):
				}
			}
		})
		leading, moments := 0, 0
		for range faults {
			if h.failed.Load() {
				break
			}
			h.fault()
			time.Sleep(time.Duration(h.random.IntN(8000)) * time.Millisecond)
			if moments++; h.leads() {
				leading++
			}
		}
		// Now all is well again, and everybody has everything.
		h.platform.only(server{})
		for i, m := range h.members {
			m.engine.thaw()
			m.engine.setCut(false)
			if i%2 == 0 {
				h.kill(i)
				h.start(i)
			}
		}
		time.Sleep(2 * time.Minute)
		for flag := range hammerFlags {
			h.toggle(flag)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if !h.failed.Load() {
			for flag := range hammerFlags {
				client := reader(t, h.engine)
				if got := client.Variation(ctx, fmt.Sprintf("flag-%d", flag), ffc.NewUser("u"), "none"); got != strconv.Itoa(h.newest(flag)) {
					t.Errorf("flag %d has version %s at the end, want %d", flag, got, h.newest(flag))
				}
				client.Close(context.Background())
			}
		}
		cancel()
		readers.Wait()
		for _, m := range h.members {
			m.cancel()
			<-m.done
		}
		h.ended.Wait()
		t.Logf("%d reads; a leader worked at %d of %d moments", h.reads.Load(), leading, moments)
		if !h.failed.Load() && leading < moments/4 {
			t.Error("there was hardly ever a leader: the test shows little")
		}
	})
}
