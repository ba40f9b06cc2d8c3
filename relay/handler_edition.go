package relay

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"slices"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// dropAfter is how long an encoded message stays that is not used.
const dropAfter = 30 * time.Second

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

// with returns the same edition with the memory of other items, so that the memory of
// earlier data is not kept. The room may have forgotten removed items.
func (e *edition) with(lists [3][]*served, proven int64, past []int64) *edition {
	e.mu.Lock()
	defer e.mu.Unlock()
	return &edition{
		wire: e.wire, lists: lists, etag: e.etag, before: e.before, top: e.top, proven: proven, past: past, none: e.none,
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

// dropUnused drops encoded messages that were not used for a while.
func (e *edition) dropUnused() {
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
