package hammer

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// client returns a reader of backends.
func (h *Hammer) client(ctx context.Context, backends ...fleet.Backend) (*ffc.Client, error) {
	return fleetkit.NewReader(ctx, &fleet.Transport{
		Backends: backends, MaxAge: h.maxAge(), FirstRetry: h.unit(), Budget: 10 * time.Second,
	}, time.Hour)
}

func key(flag int) string { return fmt.Sprintf("flag-%d", flag) }

// version returns the value of a flag, which is its version.
func version(client *ffc.Client, flag int) string {
	return client.Variation(context.Background(), key(flag), ffc.NewUser("u"), "none")
}

// toggle gives a flag its next version.
func (h *Hammer) toggle(flag int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.versions[flag] = append(h.versions[flag], time.Now())
	h.platform.Add(key(flag), fleetkit.Change{Value: strconv.Itoa(len(h.versions[flag]))})
}

// least returns the version of a flag that the platform had at a time.
func (h *Hammer) least(flag int, at time.Time) (version int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, made := range h.versions[flag] {
		if !made.After(at) {
			version++
		}
	}
	return version
}

func (h *Hammer) newest(flag int) int { return h.least(flag, time.Now()) }

// oracle is what one reader has seen.
type oracle struct {
	h         *Hammer
	reader    int
	seen      [flags]int
	asOf      time.Time
	revisions map[string]int64
	undone    bool
}

// read is what one reader does until ctx ends.
func (h *Hammer) read(ctx context.Context, i int) {
	engine := h.connect()
	var backends []fleet.Backend
	switch i % 3 {
	case 0:
		backends = []fleet.Backend{engine}
	case 1:
		backends = []fleet.Backend{h.lagging, engine}
	case 2: // the replica counts when the engine is empty
		backends = []fleet.Backend{engine, h.lagging}
	}
	client, err := h.client(ctx, backends...)
	if err != nil {
		h.errorf("%v", err)
		return
	}
	defer client.Close(context.Background())
	o := &oracle{h: h, reader: i, revisions: make(map[string]int64)}
	for ctx.Err() == nil && !h.failed.Load() {
		_ = client.Refresh(ctx)
		h.reads.Add(1)
		o.check(client)
		pause := h.unit()
		if !h.hurry.Load() {
			pause *= time.Duration(1 + i%30)
		}
		sleep(ctx, pause)
	}
}

// check compares what the reader has with what it had and with the platform's
// history.
func (o *oracle) check(client *ffc.Client) {
	h, began := o.h, time.Now()
	status := client.Status()
	// The age counts to a time between these two.
	from, to := began.Add(-status.DataAge), time.Now().Add(-status.DataAge)
	if to.Before(o.asOf.Add(-time.Millisecond)) {
		h.errorf("reader %d: the data was confirmed at %v, after %v", o.reader, to, o.asOf)
	} else {
		o.asOf = from
	}
	if s := status.Source; s.Revision < o.revisions[s.Lineage] {
		h.errorf("reader %d: revision %d of %s after %d", o.reader, s.Revision, s.Lineage, o.revisions[s.Lineage])
	} else {
		o.revisions[s.Lineage] = s.Revision
	}
	pinned := o.pinned(status)
	for flag := range o.seen {
		text := version(client, flag)
		version, err := strconv.Atoi(text)
		switch {
		case err != nil && client.Initialized():
			h.errorf("reader %d: flag %d is %q after version %d", o.reader, flag, text, o.seen[flag])
		case err != nil: // nothing was published yet
		case version < o.seen[flag]:
			h.errorf("reader %d: flag %d has version %d after %d", o.reader, flag, version, o.seen[flag])
		case version > h.newest(flag):
			h.errorf("reader %d: flag %d has version %d, which the platform never had", o.reader, flag, version)
		case !pinned && version < h.least(flag, o.asOf.Add(-h.Lag-time.Second)):
			h.errorf("reader %d: flag %d has version %d, which was old when it was confirmed", o.reader, flag, version)
		default:
			o.seen[flag] = version
		}
	}
}

// pinned reports whether the reader has the body of an undo, and notes when it had
// that first.
func (o *oracle) pinned(status ffc.Status) bool {
	h := o.h
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.undo.revision == 0 || status.Source.Revision < h.undo.revision {
		return false
	}
	if !o.undone {
		o.undone, o.seen = true, [flags]int{}
		h.undo.readers[o.reader] = time.Since(h.undo.at)
	}
	return !status.Source.PinnedUntil.IsZero()
}
