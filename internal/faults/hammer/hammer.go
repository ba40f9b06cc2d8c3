// Package hammer tests a fleet under faults. Its publishers are stopped, killed,
// frozen and cut off at random, and their clocks differ. Its engine is wiped and
// restored. Of its platform's servers one lags, one is empty and one is down. Many
// readers check their data against the platform's history: no reader may go back
// to an earlier revision, flag or time, or lose its flags.
package hammer

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// Engine is a backend that can lose everything at once.
type Engine interface {
	fleet.Backend
	Wipe()
}

// Config configures a Hammer. All durations scale with Beat.
type Config struct {
	Engine Engine
	// Connect returns the engine as one publisher or reader reaches it; nil is
	// Engine for all.
	Connect    func() fleet.Backend
	Publishers int
	Readers    int
	// Beat is relay.Publisher.Beat of the publishers, in whole seconds.
	Beat time.Duration
	// Lag is the age of the data of the server that lags.
	Lag  time.Duration
	Seed uint64
}

const (
	flags = 5
	// clocks is how far the clocks of publishers are off, at most.
	clocks = 10 * time.Minute
)

// Hammer is a platform and an engine, with their publishers and readers. Make one
// with New, then call Start.
type Hammer struct {
	Config
	platform *fleetkit.Platform
	lagging  *fleettest.Memory // a replica of the engine that lags
	// replicating is held while lagging is replaced.
	replicating sync.Mutex
	members     []*member
	random      *rand.Rand
	ended       sync.WaitGroup // members that were killed
	gaps        gaps
	mixed       atomic.Bool // bad servers respond, too
	hurry       atomic.Bool // readers read all the time

	mu       sync.Mutex
	versions [flags][]time.Time // when each version of a flag was made
	undo     undo
	errs     []error

	stop    context.CancelFunc
	running sync.WaitGroup // readers and replication
	reads   atomic.Uint64
	failed  atomic.Bool
	leading int // faults at which a leader worked
	faults  int
}

// New returns a hammer that runs nothing yet. The platform has its flags.
func New(config Config) *Hammer {
	h := &Hammer{
		Config: config, platform: fleetkit.NewPlatform(), lagging: new(fleettest.Memory),
		random: rand.New(rand.NewPCG(config.Seed, 0)),
	}
	for flag := range flags {
		h.toggle(flag)
	}
	return h
}

// unit is the time that pauses are multiples of: 1 s with the default Beat.
func (h *Hammer) unit() time.Duration { return h.Beat / 5 }

func (h *Hammer) maxAge() time.Duration { return h.unit() }

// lease is that of the publishers, and of heads, whose beats are whole seconds.
func (h *Hammer) lease() time.Duration { return 3 * h.Beat }

// connect returns the engine as a publisher or a reader reaches it.
func (h *Hammer) connect() fleet.Backend {
	if h.Connect == nil {
		return h.Engine
	}
	return h.Connect()
}

// Start starts publishers, waits until one leads, and starts readers.
func (h *Hammer) Start() error {
	time.Sleep(h.Lag + time.Second) // all servers have the flags
	for i := range h.Publishers {
		h.members = append(h.members, nil)
		h.start(i)
	}
	if !h.within(2*time.Minute, h.leads) {
		return errors.New("no publisher leads")
	}
	h.mixed.Store(true)
	h.platform.Routed(h.route)
	ctx, cancel := context.WithCancel(context.Background())
	h.stop = cancel
	for i := range h.Readers {
		h.running.Go(func() { h.read(ctx, i) })
	}
	h.running.Go(func() {
		for ctx.Err() == nil {
			h.replicate(ctx)
			sleep(ctx, 10*h.unit())
		}
	})
	return nil
}

// Disturb causes a random fault and then waits for a random time. It returns
// false once a check has failed.
func (h *Hammer) Disturb() bool {
	h.fault()
	time.Sleep(time.Duration(h.random.Int64N(int64(8 * h.unit()))))
	h.faults++
	if h.leads() {
		h.leading++
	}
	return !h.failed.Load()
}

// Heal ends all faults, and waits until readers have everything.
func (h *Hammer) Heal() {
	h.platform.Only(fleetkit.Server{})
	for i, m := range h.members {
		m.engine.Thaw()
		m.engine.SetCut(false)
		if i%2 == 0 {
			h.kill(i)
			h.start(i)
		}
	}
	if !h.within(2*time.Minute, h.leads) {
		h.errorf("no publisher leads after all faults have ended")
	}
	for flag := range flags {
		h.toggle(flag)
	}
	if !h.within(2*time.Minute, h.current) {
		h.errorf("the engine does not have the newest flags after all faults have ended")
	}
}

// current reports whether the engine has the newest version of all flags.
func (h *Hammer) current() bool {
	client, err := h.client(context.Background(), h.Engine)
	if err != nil {
		h.errorf("%v", err)
		return true
	}
	defer client.Close(context.Background())
	for flag := range flags {
		if version(client, flag) != strconv.Itoa(h.newest(flag)) {
			return false
		}
	}
	return true
}

// Report has the results of a Hammer.
type Report struct {
	Faults, Leading int // at how many faults a leader worked
	Reads           uint64
	Wrong           int // what readers have found, 20 at most
	// Gaps is the number of times that a leader was lost while another publisher
	// and the platform worked. GapP50, GapP99 and GapMax are the times without a
	// write of the head then. GapLimit is the maximum of GapP99.
	Gaps                             int
	GapP50, GapP99, GapMax, GapLimit time.Duration
	// UndoReaders is the number of readers that got the body of an undo, and
	// UndoLatest the time after which the last of them had it. UndoLimit is the
	// maximum of UndoLatest.
	UndoReaders           int
	UndoLatest, UndoLimit time.Duration
}

// Stop ends all publishers and readers, and returns all errors.
func (h *Hammer) Stop() (Report, error) {
	if h.stop != nil {
		h.stop()
	}
	h.running.Wait()
	for _, m := range h.members {
		m.cancel()
		m.engine.Thaw()
		<-m.done
	}
	h.ended.Wait()
	r := Report{Faults: h.faults, Leading: h.leading, Reads: h.reads.Load(), GapLimit: h.lease() + h.Beat + time.Second, UndoLimit: h.Beat + h.maxAge()}
	h.gaps.report(&r)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.undo.report(&r)
	r.Wrong = len(h.errs)
	return r, errors.Join(h.errs...)
}

// errorf notes that something is wrong.
func (h *Hammer) errorf(format string, args ...any) {
	h.failed.Store(true)
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.errs) < 20 {
		h.errs = append(h.errs, fmt.Errorf(format, args...))
	}
}

// within waits until a condition holds, at most for d.
func (h *Hammer) within(d time.Duration, holds func() bool) bool {
	for began := time.Now(); !holds(); time.Sleep(h.unit() / 10) {
		if time.Since(began) > d {
			return false
		}
	}
	return true
}

// sleep waits until d has passed or ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
