package relay

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// sweepEvery is how often websockets are checked: whether their key is valid and
	// whether their client lives.
	sweepEvery = 5 * time.Second
	// lateBy is how long a change may be known to one server of the platform only.
	lateBy = 10 * time.Minute
	// readTries and readPause are how often, and with which pauses, a client is
	// refreshed so that it reads the engine.
	readTries = 20
	readPause = 2 * time.Millisecond
	// behindWait is how long a client that has newer data than the relay waits for
	// the relay to get it.
	behindWait = 3 * time.Second
	// lookTime is how long a client that seems to have newer data waits.
	lookTime = time.Second
)

// room is an environment as it is served. Its clients may have data from the
// platform or from another relay.
//
// Versions: SDKs accept an item only if its version is higher than that of the item
// they have, some only if it is higher than all that they have, and they request what
// is newer than that. A rollback or an override brings an item with the same or a lower
// version, as does a change that arrives after a newer one of another item. The room
// serves such an item with a new version, see next.
type room struct {
	h           *Handler
	environment string
	ctx         context.Context // ends with the room
	cancel      context.CancelFunc
	nudge       chan struct{} // capacity 1: refresh and check now
	now         atomic.Pointer[edition]
	following   atomic.Pointer[ffc.Client]
	confirmed   atomic.Pointer[time.Time] // when the data of the client before was confirmed
	lag         lagMeter
	panicked    bool // a function of the application has panicked; only watch uses it

	mu      sync.Mutex // guards what follows
	members map[*member]struct{}
	changed chan struct{} // closed with each edition
	ended   bool

	reading  chan struct{} // has an element while clients make the room read; guards what follows
	readAt   time.Time     // when the last read began that was asked for by clients
	verified bool          // its result

	// updating is held while an edition is made. It guards what follows.
	updating sync.Mutex
	stop     func() // of OnChange
	updates  uint64 // Stats.Updates of the last edition
	wire     *platformserver.Wire
	items    [3]map[string]*served // by array and key
	gone     int                   // items of which only the room knows that they were removed
	top      int64                 // the highest version that was ever served
	proven   int64                 // of clients at or above it the room knows what they lack
	stamp    int64                 // the lowest version for the next item that needs one
	past     []int64               // versions of items that were replaced, at most maxPast
}

func newRoom(h *Handler, environment string) *room {
	r := &room{
		h: h, environment: environment, nudge: make(chan struct{}, 1), members: make(map[*member]struct{}), changed: make(chan struct{}),
		reading: make(chan struct{}, 1),
	}
	r.ctx, r.cancel = context.WithCancel(h.ctx)
	return r
}

// refresh refreshes the client of the room until the room ends.
func (r *room) refresh() {
	tick := time.NewTicker(r.h.Interval)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		case <-r.nudge:
		}
		r.look(r.ctx, refreshTime)
	}
}

// watch checks the websockets of the room until the room ends. It waits for no engine.
func (r *room) watch() {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-sweep.C:
			r.sweep()
		}
	}
}

// sweep closes websockets whose key has ended or is of another environment now, or that
// have waited too long for data, and probes silent ones. It ends the room if the
// environment is not served any more.
func (r *room) sweep() {
	var client *ffc.Client
	ok := false
	if r.contain("Reader", func() { client, ok = r.h.Reader(r.environment) }) {
		return
	}
	if !ok || client == nil {
		for _, m := range r.end() {
			m.end(closeNoData)
		}
		return
	}
	if client != r.following.Load() {
		r.follow(client)
	}
	if e := r.now.Load(); e != nil {
		e.dropUnused()
	}
	for _, m := range r.appendMembers(nil) {
		environment := ""
		if r.contain("Keys", func() { environment, ok = r.h.Keys(m.key) }) {
			return
		}
		if !ok || environment != r.environment { // the SDK would mix the flags of both
			m.end(closeInvalid)
			continue
		}
		m.mu.Lock()
		late := m.waiting && time.Since(m.since) >= dataWait
		probe := !m.probing && m.socket.Silent() >= silentFor
		m.probing = m.probing || probe
		m.mu.Unlock()
		if late {
			m.end(closeNoData)
		}
		if probe && r.h.begin() {
			go func() {
				defer r.h.running.Done()
				m.socket.Probe(probeTime)
				m.mu.Lock()
				defer m.mu.Unlock()
				m.probing = false
			}()
		}
	}
	r.panicked = false
}

// contain calls a function of the application, and reports whether it panicked: then
// everything stays as it is, until the next sweep.
func (r *room) contain(name string, call func()) (panicked bool) {
	err := safelog.Contain("relay: Handler."+name, func() error { call(); return nil })
	if err != nil && !r.panicked {
		r.panicked = true
		r.h.log.Error("ffc: a function of the application panicked; websockets are not checked until it returns again", "environment", r.environment, "error", err)
	}
	return err != nil
}

// end ends the room: it follows nothing, and no further websocket enters it. The caller
// closes or cuts those that are returned.
func (r *room) end() []*member {
	r.h.mu.Lock()
	if r.h.rooms[r.environment] == r {
		delete(r.h.rooms, r.environment)
	}
	r.h.mu.Unlock()
	r.cancel()
	r.mu.Lock()
	r.ended = true
	r.mu.Unlock()
	r.updating.Lock()
	defer r.updating.Unlock()
	r.following.Store(nil)
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
	return r.appendMembers(nil)
}

// follow makes the room serve the data of a client.
func (r *room) follow(client *ffc.Client) {
	if r.following.Load() == client && r.now.Load() != nil {
		return
	}
	r.updating.Lock()
	defer r.updating.Unlock()
	if r.following.Load() != client {
		if r.stop != nil {
			r.stop()
		}
		r.mu.Lock()
		ended := r.ended
		r.mu.Unlock()
		if ended {
			return
		}
		if at, ok := r.confirmedAt(); ok {
			r.confirmed.Store(&at)
		}
		r.following.Store(client)
		r.updates = 0
		r.stop = client.OnChange(func([]string) { r.update() })
	}
	r.updateLocked()
}

// source returns where the data is from.
func (r *room) source() transport.Source {
	if client := r.following.Load(); client != nil {
		return client.Status().Source
	}
	return transport.Source{}
}

// update makes a new edition if the data has changed.
func (r *room) update() {
	r.updating.Lock()
	defer r.updating.Unlock()
	r.updateLocked()
}

// updateLocked is update. updating is held.
func (r *room) updateLocked() {
	client := r.following.Load()
	if client == nil {
		return
	}
	before := r.now.Load()
	updates := client.Stats().Updates
	if before != nil && r.updates == updates && updates > 0 {
		return
	}
	var whole platform.Whole
	if client.WriteSnapshot(&whole) != nil {
		return // there is no data yet, or the client is closed
	}
	r.updates = updates
	if r.wire == nil {
		for _, w := range wires() {
			if w.Name == whole.Codec.Name {
				r.wire = w
			}
		}
		if r.wire == nil {
			return
		}
	}
	pushes, changed := r.merge(&whole)
	if !changed && before != nil {
		r.now.Store(before.with(r.lists(), r.proven, slices.Clone(r.past)))
		return
	}
	if before == nil {
		r.proven = r.top
		if s := client.Status().Source; !s.PinnedUntil.IsZero() {
			r.rebase(s.Revision)
		}
	}
	r.publish()
	r.push(pushes) // also wakes websockets that wait for the first data
}

// asOf returns when the platform confirmed the data, and how long ago that is; false
// if it never did.
func (r *room) asOf() (at time.Time, age time.Duration, ok bool) {
	if at, ok = r.confirmedAt(); !ok {
		return time.Time{}, 0, false
	}
	return at.Round(0), clock.Age(at), true
}

// confirmedAt returns when the platform confirmed the data. While a new client has no
// data, that of the client before is served.
func (r *room) confirmedAt() (at time.Time, ok bool) {
	client := r.following.Load()
	if client == nil {
		return time.Time{}, false
	}
	if age := client.Status().DataAge; age > 0 {
		return time.Now().Add(-age), true
	}
	if before := r.confirmed.Load(); before != nil {
		return *before, true
	}
	return time.Time{}, false
}

// asOfText is the form of a time in headers and messages.
const asOfText = "2006-01-02T15:04:05.000Z07:00"

// catchUp makes the room able to answer a client that has data of a version above
// that of the room. It returns false if the room is behind the client.
func (r *room) catchUp(ctx context.Context, version int64) bool {
	reached := func() bool {
		e := r.now.Load()
		return e != nil && e.top >= version
	}
	if version > time.Now().Add(time.Hour).UnixMilli() {
		return false
	}
	client := r.following.Load()
	if client == nil {
		return false
	}
	verified := r.read(ctx, client)
	r.update()
	if reached() {
		return true
	}
	if !verified {
		wait := time.NewTimer(behindWait)
		defer wait.Stop()
		for !reached() {
			r.mu.Lock()
			changed := r.changed
			r.mu.Unlock()
			if reached() {
				return true
			}
			select {
			case <-changed:
				continue
			case <-wait.C:
			case <-ctx.Done():
			case <-r.h.ctx.Done():
			}
			break
		}
		if reached() {
			return true
		}
	}
	at, _, ok := r.asOf()
	known := int64(0)
	switch revision := client.Status().Source.Revision; {
	case verified && ok: // the publisher has what the platform had
		known = max(revision, at.UnixMilli())
	case revision == 0 && ok:
		known = at.Add(-lateBy).UnixMilli()
	}
	if version > known {
		return false
	}
	// The data went back, or the room began after a rollback.
	r.updating.Lock()
	defer r.updating.Unlock()
	if !reached() {
		r.rebase(max(version, known))
		r.publish()
	}
	return true
}

// look refreshes the client and makes a new edition if the data has changed.
func (r *room) look(ctx context.Context, within time.Duration) {
	client := r.following.Load()
	if client == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_ = client.Refresh(ctx) // the data stays; its age tells
	r.update()
}

// read reads the head of the engine, and reports whether it has been read. A client
// that works in the background cannot be made to. However many clients wait, there is
// one read at a time.
func (r *room) read(ctx context.Context, client *ffc.Client) bool {
	arrived := time.Now()
	select {
	case r.reading <- struct{}{}:
		defer func() { <-r.reading }()
	case <-ctx.Done():
		return false
	}
	if !r.readAt.After(arrived) {
		r.readAt = time.Now()
		r.verified = r.readNow(client)
	}
	return r.verified
}

func (r *room) readNow(client *ffc.Client) bool {
	ctx, cancel := context.WithTimeout(r.h.ctx, behindWait) // others may wait for it
	defer cancel()
	for range 2 { // a read that was under way may have begun too early
		if !readOnce(ctx, client) {
			return false
		}
	}
	return client.Status().Source.Revision > 0
}

// readOnce refreshes the client until the refresh has requested something: it does not
// while the last one is younger than the MaxAge of the client's transport.
func readOnce(ctx context.Context, client *ffc.Client) bool {
	for range readTries {
		before := client.Stats().Transport.Connects
		if client.Refresh(ctx) != nil {
			return false
		}
		if client.Stats().Transport.Connects > before {
			return true
		}
		select {
		case <-time.After(readPause):
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// ageHeaders are the values of Age and Ffc-As-Of.
func ageHeaders(at time.Time, age time.Duration) (seconds, asOf string) {
	return strconv.FormatInt(int64(age/time.Second), 10), at.UTC().Format(asOfText)
}
