package store

import (
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
)

const (
	// DefaultAfter is the default of Hold.After.
	DefaultAfter = 5 * time.Minute
	// enough is the number of consecutive answers that have to agree. It doubles
	// each time that an answer in between has the stored version, up to
	// maxEnough, and the time doubles with it: in this case the servers differ,
	// and some of them lag.
	enough    = 3
	maxEnough = 48
	// A full update may lack one in share of the stored items.
	share = 10
	// future is how far the platform's clock may be ahead of the local clock.
	future = time.Minute
	// maxGone is the number of removed items that are remembered.
	maxGone = 10_000
)

// Hold keeps stored items although answers have them in an older version, or
// lack them, until it is clear that the platform went back. An answer is a
// response of the platform with data.
//
// Such an answer can come from a server that lags behind the others, from one
// that is stuck, from a cache that is being filled, or from a platform whose
// database was restored from a backup. One answer does not show which. So an item
// is held until three consecutive answers, over some time, agree about it. Each
// item is decided on its own: a held item does not delay others.
//
// An item that a full update lacks is held if the update may be older than the
// item, because it has nothing newer, or if the update lacks more than a tenth
// of the stored items.
//
// A Hold is not safe for concurrent use. The zero Hold is ready to use.
type Hold struct {
	// After is how long answers have to agree; 0 means DefaultAfter.
	After time.Duration

	held map[ItemID]*held
	// disputed is the number of consecutive answers that have to agree about an
	// item about which servers differ. All other items need enough.
	disputed map[ItemID]int
	// gone has the versions of items that a full update removed. An item of
	// that version, or an older one, is an old copy.
	gone map[ItemID]int64
	// platform: data came from the platform itself. From then on answers of
	// caches do not count.
	platform bool
	cached   uint64 // number of answers of caches
}

// held is an item about which answers differ from the stored one.
type held struct {
	version  int64 // in the answers
	missing  bool  // from the answers
	answers  int   // number of consecutive ones that agree
	question uint64
	first    time.Time
}

// Decision says what an update does to the stored items.
type Decision struct {
	// Terms are the terms on which to apply the update.
	Terms Terms
	// Held is the number of items that do not change although the answer has
	// them in an older version, or lacks them.
	Held int
	// Older and Missing are the numbers of items in Held that are older in the
	// answer, or missing from it.
	Older, Missing int
	// Example is one of the items that are held.
	Example ItemID
	// Answers is the largest number of consecutive answers that agree about one
	// item, and For is the time since the first of them.
	Answers int
	For     time.Duration
	// HeldVersion is the newest stored version of the items that are held.
	HeldVersion int64
	// Followed is the number of items that were held and no longer are, because
	// enough answers agree.
	Followed int
}

// Data is what a Hold reads of a Snapshot: its methods are those of Snapshot.
type Data interface {
	Stored(segments bool) Stored
	Synced() bool
	Updates() uint64
}

// Decide decides what an update does to s, and counts it as an answer. asked is
// the number of the last update before the request, and differs from request to
// request. A partial update with 0 was pushed and is not an answer. A full update
// with 0 may come from a cache.
//
// The first full update is applied without holding anything.
func (h *Hold) Decide(s Data, u *Update, asked uint64) Decision {
	d := &decision{Hold: h, update: u, asked: asked, question: asked, follow: true}
	d.Terms.Asked = asked
	if u.Full && asked == 0 {
		if h.cached++; h.platform {
			d.follow = false
		} else { // all data came from caches: they can agree like servers
			d.question, d.asked = 1<<63|h.cached, s.Updates()
			d.Terms.Asked = d.asked
		}
	}
	if u.Full && asked != 0 {
		h.platform = true
	}
	if u.Full && !s.Synced() {
		h.held, h.gone, h.disputed = nil, nil, nil
		d.Terms.Asked = asked
		return d.Decision
	}
	d.items(s.Stored(false), u.Flags, false)
	d.items(s.Stored(true), u.Segments, true)
	if d.differs {
		clear(d.held)
	}
	if u.Full {
		d.missing(s)
	}
	d.Held = d.Older + d.Missing
	return d.Decision
}

// decision is a Decision that is being made.
type decision struct {
	Decision
	*Hold
	update   *Update
	asked    uint64
	question uint64
	follow   bool // when enough answers agree
	differs  bool // it is a partial update that has a held item in the stored version
}

// isAnswer reports whether the update counts as an answer.
func (d *decision) isAnswer() bool { return d.update.Full || d.asked != 0 }

// items compares the items of the update with the stored ones.
func (d *decision) items(stored Stored, items []Item, segments bool) {
	for i := range items {
		item := &items[i]
		had, arrived := stored.Find(item.Key)
		if had == nil && len(d.gone) == 0 {
			continue
		}
		id := ItemID{Segment: segments, Key: item.Key}
		switch {
		case item.Broken && had != nil && !d.update.Full, item.Broken && d.update.Full:
			// Its version is unreliable.
		case had == nil:
			if version, ok := d.gone[id]; ok && item.Version <= version {
				d.older(id, item)
			} else {
				delete(d.gone, id)
				delete(d.held, id)
			}
		case !item.Older(had):
			d.dispute(id, item.Version == had.Version)
		case !d.isAnswer():
			// Pushes may come in any order.
		case arrived > d.asked && d.asked > 0:
			// The item was pushed after this answer was requested.
		default:
			d.older(id, item)
			if _, kept := d.Terms.Keep[id]; kept {
				d.HeldVersion = max(d.HeldVersion, had.Version)
			}
		}
	}
}

// older holds an item that the update has in an older version, or follows the
// update.
func (d *decision) older(id ItemID, item *Item) {
	if !d.isAnswer() {
		d.keep(id)
		return
	}
	if d.agreed(id, &held{version: item.Version}) {
		d.Followed++
		delete(d.gone, id)
		if !d.update.Full {
			d.force(id)
		}
		return
	}
	d.Older++
	d.Example = id
	d.keep(id)
}

// missing holds stored items that a full update lacks, or follows the update.
func (d *decision) missing(s Data) {
	type lack struct {
		id      ItemID
		version int64
	}
	var lacks, archived []lack
	total, asked := 0, d.asked // if the loop captured d, each push would allocate d
	for _, segments := range []bool{false, true} {
		items := d.update.Flags
		if segments {
			if d.update.NoSegments {
				continue
			}
			items = d.update.Segments
		}
		has := make(map[string]struct{}, len(items))
		for i := range items {
			has[items[i].Key] = struct{}{}
		}
		for item, arrived := range s.Stored(segments).All() {
			_, ok := has[item.Key]
			id := ItemID{Segment: segments, Key: item.Key}
			switch {
			case asked > 0 && arrived > asked: // pushed since
			case item.Archived:
				if !ok {
					archived = append(archived, lack{id, item.Version})
				}
			default:
				total++
				if !ok {
					lacks = append(lacks, lack{id, item.Version})
				}
			}
		}
	}
	for _, a := range archived {
		d.remove(a.id, a.version)
	}
	if len(lacks) == 0 {
		return
	}
	many := len(lacks)*share > total
	newest := newestUntil(d.update, time.Now().Add(future).UnixMilli())
	for _, l := range lacks {
		switch {
		case !many && l.version <= newest:
			d.remove(l.id, l.version)
		case d.agreed(l.id, &held{missing: true}):
			d.Followed++
			d.remove(l.id, l.version)
		default:
			d.Missing++
			d.Example = l.id
			d.HeldVersion = max(d.HeldVersion, l.version)
			d.keep(l.id)
		}
	}
}

// newestUntil returns the newest version in an update that is not from the
// future: one item from the future must not make a full look newer.
func newestUntil(u *Update, latest int64) (version int64) {
	for _, items := range [][]Item{u.Flags, u.Segments} {
		for i := range items {
			if v := items[i].Version; v <= latest {
				version = max(version, v)
			}
		}
	}
	return version
}

// dispute resets the count of an item that the update has in the stored version
// or a newer one. After the stored version more answers are needed to follow an
// older one.
//
// A partial update does not have all items. If it has a held item in the stored
// version, it comes from another server than the counted answers: the counts of
// all items start again.
func (d *decision) dispute(id ItemID, stored bool) {
	if !stored {
		delete(d.disputed, id)
	} else if d.held[id] != nil {
		d.differs = d.differs || !d.update.Full
		if d.disputed == nil || len(d.disputed) >= maxGone {
			d.Hold.disputed = make(map[ItemID]int)
		}
		d.disputed[id] = min(2*d.needed(id), maxEnough)
	}
	delete(d.held, id)
}

// needed returns the number of consecutive answers that have to agree about an
// item.
func (h *Hold) needed(id ItemID) int { return max(enough, h.disputed[id]) }

// agreed counts an answer about an item, and reports whether enough consecutive
// answers agree.
func (d *decision) agreed(id ItemID, said *held) bool {
	h := d.held[id]
	switch {
	case !d.follow: // a cache's answer does not count
		if h == nil {
			return false
		}
	case h == nil || h.version != said.version || h.missing != said.missing:
		h = said
		h.answers, h.question, h.first = 1, d.question, time.Now()
		if d.held == nil {
			d.Hold.held = make(map[ItemID]*held)
		}
		d.held[id] = h
	case h.question != d.question:
		h.answers++
		h.question = d.question
	}
	age := clock.Age(h.first)
	needed := d.needed(id)
	if d.follow && h.answers >= needed && age >= d.after()*time.Duration(needed/enough) {
		delete(d.held, id)
		delete(d.disputed, id)
		return true
	}
	if h.answers > d.Answers || h.answers == d.Answers && age > d.For {
		d.Answers, d.For = h.answers, age
	}
	return false
}

func (h *Hold) after() time.Duration {
	if h.After == 0 {
		return DefaultAfter
	}
	return h.After
}

// remove remembers that an item was removed, with its version.
func (d *decision) remove(id ItemID, version int64) {
	delete(d.held, id)
	if d.gone == nil || len(d.gone) >= maxGone {
		d.Hold.gone = make(map[ItemID]int64)
	}
	d.gone[id] = version
}

func (d *decision) keep(id ItemID) {
	if d.Terms.Keep == nil {
		d.Terms.Keep = make(ItemSet)
	}
	d.Terms.Keep[id] = struct{}{}
}

func (d *decision) force(id ItemID) {
	if d.Terms.Force == nil {
		d.Terms.Force = make(ItemSet)
	}
	d.Terms.Force[id] = struct{}{}
}
