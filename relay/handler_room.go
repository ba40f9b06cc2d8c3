package relay

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// sweepEvery is how often websockets are checked: whether their key is valid and
	// whether their client lives.
	sweepEvery = 5 * time.Second
	// dropAfter is how long an encoded message stays that is not used.
	dropAfter = 30 * time.Second
	// maxTags is how many entity tags of earlier editions a room remembers.
	maxTags = 16
	// maxGone is how many removed items a room remembers, at least.
	maxGone = 1000
	// maxPast is how many versions of replaced items a room remembers.
	maxPast = 1000
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

	reading  sync.Mutex // guards what follows
	readAt   time.Time  // when the last read began that was asked for by clients
	verified bool       // its result

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

// served is an item as it is served. It does not change.
type served struct {
	key      string
	origin   []byte // as the data has it
	raw      []byte // as it is served
	version  int64  // of raw
	archived bool
	gone     bool // the data does not have it any more
}

// edition is the data of a room at one time. It does not change, except for its
// encoded messages, which are made when they are first needed.
type edition struct {
	wire   *platformserver.Wire
	lists  [3][]*served // by array, newest first
	etag   []string     // the header
	before []string     // entity tags of earlier editions, the latest first
	top    int64
	proven int64
	past   []int64 // versions of items that were replaced, ascending
	none   []byte  // a patch without items

	mu       sync.Mutex
	full     []byte // for websockets and for polling without gzip
	poll     []byte // full, or the form for polling if that differs
	zipped   []byte // gzip of poll
	usedFull time.Time
}

func newRoom(h *Handler, environment string) *room {
	r := &room{
		h: h, environment: environment, nudge: make(chan struct{}, 1), members: make(map[*member]struct{}), changed: make(chan struct{}),
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
	defer r.cancel()
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-sweep.C:
			if !r.sweep() {
				return
			}
		}
	}
}

// end cuts all websockets and follows nothing.
func (r *room) end() {
	r.mu.Lock()
	r.ended = true
	members := r.members
	r.members = make(map[*member]struct{})
	r.mu.Unlock()
	for m := range members {
		m.socket.Cut()
	}
	r.updating.Lock()
	defer r.updating.Unlock()
	r.following.Store(nil)
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
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
		r.now.Store(before.with(r.lists()))
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

// merge takes over the data of a client. pushes are the items that changed, the
// oldest first.
func (r *room) merge(whole *platform.Whole) (pushes []push, changed bool) {
	revision := r.source().Revision
	first, top := r.items[0] == nil, r.top
	var restamp []push
	for array, list := range [][]store.Item{whole.Flags, whole.Segments, whole.Tags} {
		if array >= len(r.wire.Arrays) {
			continue
		}
		had := r.items[array]
		next := make(map[string]*served, len(list))
		for i := range list {
			item := &list[i]
			old := had[item.Key]
			if old != nil && !old.gone && bytes.Equal(old.origin, item.Raw) {
				same := *old // with the memory of the client
				if &old.raw[0] == &old.origin[0] {
					same.raw = item.Raw
				}
				same.origin = item.Raw
				next[item.Key] = &same
				continue
			}
			if jsontext.Check(item.Raw) != nil {
				if old != nil {
					next[item.Key] = old
				}
				continue // as publishers do: no SDK could read it
			}
			changed = true
			if old != nil {
				r.past = append(r.past, old.version)
				if old.gone {
					r.gone--
				}
			}
			s := &served{key: item.Key, origin: item.Raw, raw: item.Raw, version: item.Version, archived: item.Archived}
			next[item.Key] = s
			switch {
			case first:
				r.top = max(r.top, s.version)
			case s.version <= top: // clients that have the newest version would not get it
				restamp = append(restamp, push{array, s})
			default:
				pushes = append(pushes, push{array, s})
				r.top = max(r.top, s.version)
			}
		}
		for key, old := range had {
			if next[key] != nil {
				continue
			}
			gone := *old
			next[key] = &gone
			if !old.gone {
				gone.gone = true
				r.gone++
				if !old.archived {
					r.past = append(r.past, old.version)
					gone.archived = true
					changed = true
					restamp = append(restamp, push{array, &gone})
				}
			}
		}
		r.items[array] = next
	}
	if len(restamp) > 0 {
		// Relays that see the same revisions give the same versions.
		r.stamp = revision - int64(len(restamp)) + 1
		slices.SortFunc(restamp, func(a, b push) int {
			return cmp.Or(cmp.Compare(a.array, b.array), cmp.Compare(a.item.key, b.item.key))
		})
		for _, l := range restamp {
			r.restamp(l.array, l.item, r.next())
			pushes = append(pushes, l)
		}
	}
	r.forget()
	slices.SortStableFunc(pushes, func(a, b push) int {
		return cmp.Or(cmp.Compare(a.item.version, b.item.version), cmp.Compare(b.array, a.array))
	})
	return pushes, changed
}

// push is a change for clients.
type push struct {
	array int
	item  *served
}

// next returns the version for an item that needs a new one: higher than any that
// was served and, if possible, the same on all relays.
func (r *room) next() int64 {
	r.top = max(r.top+1, r.stamp)
	r.stamp = r.top + 1
	return r.top
}

// restamp gives an item a version.
func (r *room) restamp(array int, s *served, version int64) {
	s.raw = r.wire.Restamp(make([]byte, 0, len(s.origin)+64), s.origin, array == 0, s.archived, version)
	s.version = version
}

// rebase gives all items the same version, which is not lower than any that was
// served, so that clients accept them whatever they have.
func (r *room) rebase(version int64) {
	version = max(version, r.top+1)
	for array := range r.items {
		for key, s := range r.items[array] {
			c := *s
			r.restamp(array, &c, version)
			r.items[array][key] = &c
		}
	}
	r.top, r.proven, r.past = version, version, nil
}

// forget drops the removed items if there are too many. Clients from before get all
// data.
func (r *room) forget() {
	if r.gone <= max(maxGone, len(r.items[0])+len(r.items[1])) {
		return
	}
	for array := range r.items {
		for key, s := range r.items[array] {
			if s.gone {
				delete(r.items[array], key)
			}
		}
	}
	r.gone = 0
	r.proven, r.past = r.top, nil
}

// publish makes the edition of what the room has.
func (r *room) publish() {
	slices.Sort(r.past)
	r.past = r.past[max(0, len(r.past)-maxPast):]
	e := &edition{wire: r.wire, lists: r.lists(), top: r.top, proven: r.proven, past: slices.Clone(r.past)}
	sum := sha256.New()
	for array := range r.wire.Arrays {
		byKey := slices.Clone(e.lists[array])
		slices.SortFunc(byKey, func(a, b *served) int { return cmp.Compare(a.key, b.key) })
		for _, s := range byKey { // as the data has them: the same on all relays
			if s.gone {
				continue
			}
			_, _ = sum.Write(s.origin)
			_, _ = sum.Write([]byte{'\n'})
		}
		_, _ = sum.Write([]byte{0})
	}
	e.etag = []string{`W/"` + hex.EncodeToString(sum.Sum(nil)[:16]) + `"`}
	if last := r.now.Load(); last != nil {
		e.before = append([]string{last.etag[0]}, last.before[:min(len(last.before), maxTags-1)]...)
	}
	e.none = e.wire.Message("patch", func(int) [][]byte { return nil })
	r.now.Store(e)
	r.mu.Lock()
	close(r.changed)
	r.changed = make(chan struct{})
	r.mu.Unlock()
}

// lists returns the items of the room, newest first.
func (r *room) lists() (lists [3][]*served) {
	for array := range r.wire.Arrays {
		list := make([]*served, 0, len(r.items[array]))
		for _, s := range r.items[array] {
			list = append(list, s)
		}
		slices.SortFunc(list, func(a, b *served) int {
			return cmp.Or(cmp.Compare(b.version, a.version), cmp.Compare(a.key, b.key))
		})
		lists[array] = list
	}
	return lists
}

// with returns the same edition with the memory of other items, so that the memory of
// earlier data is not kept.
func (e *edition) with(lists [3][]*served) *edition {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &edition{
		wire: e.wire, lists: lists, etag: e.etag, before: e.before, top: e.top, proven: e.proven, past: e.past, none: e.none,
		full: e.full, poll: e.poll, zipped: e.zipped, usedFull: e.usedFull,
	}
}

// proves reports whether the room knows what a client of a version lacks. A version
// that the room has not served is from another relay, which may have read data that
// the room has not seen: then the client may have any of that.
func (e *edition) proves(version int64) bool {
	if version < e.proven {
		return false
	}
	if version >= e.top {
		return true
	}
	if _, ok := slices.BinarySearch(e.past, version); ok {
		return true
	}
	for _, list := range e.lists {
		if _, ok := slices.BinarySearchFunc(list, version, func(s *served, v int64) int { return cmp.Compare(v, s.version) }); ok {
			return true
		}
	}
	return false
}

// all returns the items of a full. featureflag.co leaves archived items out, FeatBit
// has them. The newest stays: SDKs ignore a full that has nothing newer than theirs.
func (e *edition) all(array int) [][]byte {
	out := make([][]byte, 0, len(e.lists[array]))
	for i, s := range e.lists[array] {
		if i == 0 || e.wire.PollSince || !s.archived {
			out = append(out, s.raw)
		}
	}
	return out
}

// message returns the message with all data, as websockets get it.
func (e *edition) message() []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.usedFull = time.Now()
	if e.full == nil {
		e.full = e.wire.Message("full", e.all)
	}
	return e.full
}

// polled returns the body with all data for polling.
func (e *edition) polled(zip bool) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if zip && e.zipped != nil {
		return e.zipped
	}
	e.usedFull = time.Now()
	body := e.full
	if e.wire.PollHead != "" {
		body = e.poll
	}
	if body == nil {
		body = e.body()
		if e.wire.PollHead != "" {
			e.poll = body
		} else {
			e.full = body
		}
	}
	if !zip {
		return body
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body) // a bytes.Buffer does not fail
	_ = z.Close()
	e.zipped = bytes.Clone(packed.Bytes())
	return e.zipped
}

// body writes the body with all data for polling.
func (e *edition) body() []byte {
	if e.wire.PollHead == "" {
		return e.wire.Message("full", e.all)
	}
	out := []byte(e.wire.PollHead)
	for i, name := range e.wire.Arrays {
		if i > 0 {
			out = append(out, ',')
		}
		out = platformserver.AppendArray(out, name, e.all(i))
	}
	return append(out, e.wire.PollTail...)
}

// rest drops encoded messages that are not used.
func (e *edition) rest() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.full == nil && e.poll == nil || time.Since(e.usedFull) < dropAfter {
		return
	}
	e.full, e.poll = nil, nil
}

// since returns a patch with what is newer than a version, tombstones included, and
// the number of its items.
func (e *edition) since(version int64) (message []byte, count int) {
	var newer [3][][]byte
	for array, list := range e.lists {
		for _, s := range list {
			if s.version <= version {
				break
			}
			newer[array] = append(newer[array], s.raw)
			count++
		}
	}
	if count == 0 {
		return e.none, 0
	}
	return e.wire.Message("patch", func(array int) [][]byte { return newer[array] }), count
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
	verified := r.read(client)
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
func (r *room) read(client *ffc.Client) bool {
	arrived := time.Now()
	r.reading.Lock()
	defer r.reading.Unlock()
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
