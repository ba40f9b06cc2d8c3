package relay

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

const (
	// maxTags is how many entity tags of earlier editions a room remembers.
	maxTags = 16
	// maxGone is how many removed items a room remembers, at least.
	maxGone = 1000
	// maxPast is how many versions of replaced items a room remembers.
	maxPast = 1000
)

// served is an item as it is served. It does not change.
type served struct {
	key      string
	origin   []byte // as the data has it
	raw      []byte // as it is served
	version  int64  // of raw
	archived bool
	gone     bool // the data does not have it any more
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

// forget drops the removed items if there are more than others. Clients from before get
// all data.
func (r *room) forget() {
	total := 0
	for _, items := range r.items {
		total += len(items)
	}
	if r.gone <= max(maxGone, total-r.gone) {
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
