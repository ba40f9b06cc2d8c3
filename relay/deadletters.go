package relay

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	defaultDeadAge = 14 * 24 * time.Hour
	defaultMaxDead = 200
	// maxDead is how many letters fit into the list in the smallest engine.
	maxDead = 250
	// maxLetter is how large a letter may be, decompressed.
	maxLetter = 16 << 20
)

// DeadLetters keeps events that could not be delivered: what the platform rejects
// alone, what is malformed, and what is older than 7 days. They are stored in an
// engine, compressed, below the name of their environment. Backend is required. Its
// methods block until the engine has responded or ctx ends, and may be called
// concurrently, also by several processes.
//
// Dead letters hold data of users. They are removed after Keep, the next time that one
// of the environment is added or listed. A batch of more than about 12 MiB does not
// become a dead letter, but stays in the queue.
type DeadLetters struct {
	// Backend is the engine. Its Swap must be atomic. Readers of package fleet must not
	// have the right to read it: give it another prefix than theirs.
	Backend fleet.Backend
	// Keep is how long a dead letter is kept. 0 is 14 days.
	Keep time.Duration
	// Max is how many an environment may have. Beyond it batches that cannot be
	// delivered stay in the queue. 0 is 200; the maximum is 250.
	Max int
}

// DeadLetter is a batch, or a part of one, that could not be delivered. It prints
// without Body.
type DeadLetter struct {
	ID          string
	Environment string
	Route       string    // see flush.Batch
	At          time.Time // when the batch was made
	DeadAt      time.Time // when it became a dead letter
	Reason      string    // why, without data of users
	Events      int       // 1 if the body is malformed
	Body        []byte    // data of users
}

// Format implements fmt.Formatter. It does not print the body.
func (l DeadLetter) Format(f fmt.State, verb rune) {
	type plain DeadLetter // without this method
	l.Body = nil
	_, _ = fmt.Fprintf(f, fmt.FormatString(f, verb), plain(l))
}

var errFullOfDead = fmt.Errorf("relay: the environment has as many dead letters as it may have: send them again or delete them: %w", flush.ErrFull)

// deadEntry is an entry of the list of dead letters.
type deadEntry struct {
	ID     string `json:"id"`
	Dead   int64  `json:"dead"` // Unix time in seconds
	Chunks int    `json:"chunks"`
}

// add adds a dead letter.
func (d *DeadLetters) add(ctx context.Context, b *flush.Batch, body []byte, events int, why error) error {
	l := DeadLetter{
		ID: rand.Text()[:16], Environment: b.Environment, Route: b.Route, At: b.At, DeadAt: time.Now(),
		Reason: safelog.Error(why).Error(), Events: events, Body: body,
	}
	if year := l.At.UTC().Year(); year < 1 || year > 9999 {
		l.At = time.Time{} // JSON has no other years
	}
	chunks, err := d.pack(&l)
	if err != nil {
		return err
	}
	most := cmp.Or(d.Max, defaultMaxDead)
	err = d.edit(ctx, b.Environment, func(list []deadEntry) ([]deadEntry, error) {
		if len(list) >= min(most, maxDead) {
			return nil, errFullOfDead
		}
		return append(list, deadEntry{l.ID, l.DeadAt.Unix(), len(chunks)}), nil
	})
	if err != nil {
		return err
	}
	// A letter that is listed and not written counts as missing: nothing is left behind
	// when the process ends in between.
	return d.write(ctx, &l, chunks)
}

func (d *DeadLetters) write(ctx context.Context, l *DeadLetter, chunks [][]byte) error {
	return fleetdata.Each(len(chunks), func(i int) error {
		return d.Backend.Put(ctx, chunkOf(l.Environment, l.ID, i), chunks[i])
	})
}

func chunkOf(environment, id string, i int) string {
	return fleetdata.Name(environment, fleetdata.DeadObject+"-"+id+"."+strconv.Itoa(i))
}

// pack returns the values of a letter.
func (d *DeadLetters) pack(l *DeadLetter) (chunks [][]byte, err error) {
	type stored DeadLetter
	text, err := json.Marshal((*stored)(l))
	if err != nil {
		return nil, err
	}
	if len(text) > maxLetter {
		return nil, fmt.Errorf("relay: the dead letter would have %d bytes, expected at most %d", len(text), maxLetter)
	}
	size := 0
	if limited, ok := d.Backend.(fleet.Limiter); ok {
		size = limited.MaxValue()
	}
	return fleetdata.Pack(text).Chunks(size), nil
}

// unpack returns the letter in values.
func unpack(chunks [][]byte) (*DeadLetter, error) {
	z, err := gzip.NewReader(bytes.NewReader(bytes.Join(chunks, nil)))
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(z, maxLetter))
	if err != nil {
		return nil, err
	}
	type stored DeadLetter
	var l stored
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, err
	}
	return (*DeadLetter)(&l), nil
}

// List returns the dead letters of an environment, with their bodies, the oldest
// first. It skips those that cannot be read.
func (d *DeadLetters) List(ctx context.Context, environment string) ([]DeadLetter, error) {
	var list []deadEntry
	err := d.edit(ctx, environment, func(l []deadEntry) ([]deadEntry, error) {
		list = l
		return l, nil
	})
	if err != nil {
		return nil, err
	}
	var letters []DeadLetter
	for _, e := range list {
		l, err := d.read(ctx, environment, e)
		switch {
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case errors.Is(err, errNoLetter):
		case err != nil:
			return nil, err
		default:
			letters = append(letters, *l)
		}
	}
	slices.SortStableFunc(letters, func(a, b DeadLetter) int { return a.DeadAt.Compare(b.DeadAt) })
	return letters, nil
}

var errNoLetter = errors.New("relay: there is no such dead letter")

func (d *DeadLetters) read(ctx context.Context, environment string, e deadEntry) (*DeadLetter, error) {
	chunks := make([][]byte, max(e.Chunks, 0))
	err := fleetdata.Each(len(chunks), func(i int) (err error) {
		chunks[i], _, err = d.Backend.Get(ctx, chunkOf(environment, e.ID, i))
		return err
	})
	switch {
	case errors.Is(err, fleet.ErrNotFound):
		return nil, errNoLetter
	case err != nil:
		return nil, err
	}
	l, err := unpack(chunks)
	if err != nil || l.ID != e.ID || l.Environment != environment {
		return nil, errNoLetter
	}
	return l, nil
}

// Resend puts dead letters into a queue, and removes them; without ids, all of the
// environment. It returns how many it has put. If Resend fails in between, a letter may
// be both in the queue and among the dead letters. Those that are older than 7 days are
// put as new.
func (d *DeadLetters) Resend(ctx context.Context, to flush.Sink, environment string, ids ...string) (n int, err error) {
	letters, err := d.List(ctx, environment)
	if err != nil {
		return 0, err
	}
	for _, l := range letters {
		if len(ids) > 0 && !slices.Contains(ids, l.ID) {
			continue
		}
		at := l.At
		if age(&flush.Batch{At: at}) > maxBatchAge {
			at = time.Now()
		}
		if err := to.Put(ctx, flush.Batch{Environment: l.Environment, Route: l.Route, Body: l.Body, At: at}); err != nil {
			return n, err
		}
		n++
		if err := d.Delete(ctx, environment, l.ID); err != nil {
			return n, err
		}
	}
	return n, nil
}

// Delete removes dead letters. Those that are missing are skipped.
func (d *DeadLetters) Delete(ctx context.Context, environment string, ids ...string) error {
	var gone []deadEntry
	if err := d.edit(ctx, environment, func(list []deadEntry) ([]deadEntry, error) {
		gone = gone[:0]
		return slices.DeleteFunc(list, func(e deadEntry) bool {
			found := slices.Contains(ids, e.ID)
			if found {
				gone = append(gone, e)
			}
			return found
		}), nil
	}); err != nil {
		return err
	}
	return d.erase(ctx, environment, gone)
}

// erase removes the values of letters.
func (d *DeadLetters) erase(ctx context.Context, environment string, gone []deadEntry) error {
	for _, e := range gone {
		err := fleetdata.Each(e.Chunks, func(i int) error { return d.Backend.Delete(ctx, chunkOf(environment, e.ID, i)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteUser removes all events of a user from the dead letters of an environment,
// and returns how many items it has removed. A letter that cannot be parsed is removed
// if it has the key in quotation marks.
func (d *DeadLetters) DeleteUser(ctx context.Context, environment, key string) (n int, err error) {
	letters, err := d.List(ctx, environment)
	if err != nil {
		return 0, err
	}
	for _, l := range letters {
		items, err := itemsOf(l.Body)
		kept := slices.DeleteFunc(slices.Clone(items), func(i item) bool { return userOf(i.text) == key })
		switch quoted, _ := json.Marshal(key); {
		case err == nil && len(kept) == len(items), err != nil && !bytes.Contains(l.Body, quoted):
			continue
		case err == nil && len(kept) > 0:
			if err := d.replace(ctx, l, kept); err != nil {
				return n, err
			}
		}
		if err := d.Delete(ctx, environment, l.ID); err != nil {
			return n, err
		}
		n += max(len(items)-len(kept), 1)
	}
	return n, nil
}

// replace adds a letter with other items.
func (d *DeadLetters) replace(ctx context.Context, l DeadLetter, items []item) error {
	p := newPart(nil, items, true)
	l.Body, l.Events, l.ID = bodyOf([]*part{p}), p.events, rand.Text()[:16]
	chunks, err := d.pack(&l)
	if err != nil {
		return err
	}
	err = d.edit(ctx, l.Environment, func(list []deadEntry) ([]deadEntry, error) {
		return append(list, deadEntry{l.ID, l.DeadAt.Unix(), len(chunks)}), nil
	})
	if err != nil {
		return err
	}
	return d.write(ctx, &l, chunks)
}

// userOf returns the key of an item's user, as platforms read it: the case of names does
// not matter.
func userOf(text []byte) string {
	var item struct {
		User struct {
			Key string `json:"keyId"`
		} `json:"user"`
	}
	if json.Unmarshal(text, &item) != nil {
		return ""
	}
	return item.User.Key
}

// edit changes the list of an environment, without those whose time is over, which it
// removes.
func (d *DeadLetters) edit(ctx context.Context, environment string, change func([]deadEntry) ([]deadEntry, error)) error {
	name := fleetdata.Name(environment, fleetdata.DeadObject)
	for range 10 {
		text, tag, err := d.Backend.Get(ctx, name)
		if err != nil && !errors.Is(err, fleet.ErrNotFound) {
			return err
		}
		var list []deadEntry
		_ = json.Unmarshal(text, &list) // a list that cannot be read is replaced
		limit := time.Now().Add(-cmp.Or(d.Keep, defaultDeadAge)).Unix()
		var expired []deadEntry
		before := len(list)
		list = slices.DeleteFunc(list, func(e deadEntry) bool {
			if e.Dead < limit {
				expired = append(expired, e)
			}
			return e.Dead < limit
		})
		next, err := change(list)
		if err != nil {
			return err
		}
		if len(next) == before && len(expired) == 0 { // each change changes the number
			return nil
		}
		if next == nil {
			next = []deadEntry{}
		}
		if text, err = json.Marshal(next); err != nil {
			return err
		}
		if _, err = d.Backend.Swap(ctx, name, text, tag); err == nil {
			return d.erase(ctx, environment, expired)
		}
		if !errors.Is(err, fleet.ErrConflict) {
			return err
		}
	}
	return errors.New("relay: the list of dead letters is being changed by others: try again")
}
