package relay

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	// keepBodies is how many of the last bodies always stay.
	keepBodies = 20
	// maxOld is how many bytes the list of earlier bodies has, at most.
	maxOld = 32 << 10
	// oldRoom is how much of that stays free for the bodies of the next publish.
	oldRoom = 4 << 10
	// tries is how often the list of earlier bodies is changed against others.
	tries = 5
	// maxData is how large data is, at most, that a publisher reads.
	maxData = 1 << 30
)

// engineStore reads and writes the data of one environment in one engine.
type engineStore struct {
	backend     fleet.Backend
	name        string // of the backend
	environment string
	platform    string // "" is any
	limit       int    // of a chunk; 0 is no limit
	oldLimit    int    // of the list of earlier bodies
	timeout     time.Duration

	old    fleetdata.OldList
	oldTag string
	oldOK  bool // old is what the engine has
}

func newEngineStore(b fleet.Backend, environment, platform string, timeout time.Duration) *engineStore {
	p := &engineStore{backend: b, environment: environment, platform: platform, timeout: timeout, oldLimit: maxOld}
	p.name = fmt.Sprintf("%T", b)
	if s, ok := b.(fmt.Stringer); ok {
		p.name = s.String()
	}
	heads := b
	for {
		split, ok := heads.(fleet.Split)
		if !ok {
			break
		}
		heads = split.Heads
	}
	if l, ok := b.(fleet.Limiter); ok {
		p.limit = l.MaxValue()
	}
	if l, ok := heads.(fleet.Limiter); ok && l.MaxValue() > 0 {
		p.oldLimit = min(p.oldLimit, l.MaxValue())
	}
	return p
}

// stored is a head with the body that it names.
type stored struct {
	head *fleetdata.Head
	body *fleetdata.Body
	data []byte
}

// reading is what an engine has as the head.
type reading struct {
	head *fleetdata.Head // nil if it is missing or unusable
	tag  string          // "" if it is missing
	err  error           // why it must not be replaced
}

// read reads the head. Its error is the engine's.
func (p *engineStore) read(ctx context.Context) (reading, error) {
	text, tag, err := p.get(ctx, fleetdata.Name(p.environment, fleetdata.HeadObject))
	switch {
	case errors.Is(err, fleet.ErrNotFound):
		return reading{}, nil
	case err != nil:
		return reading{}, err
	}
	h, err := fleetdata.ParseHead(text)
	switch {
	case errors.Is(err, fleetdata.ErrNewer):
		return reading{tag: tag, err: fmt.Errorf("relay: %s: %w", p.name, err)}, nil
	case err != nil: // what cannot be read is replaced
		return reading{tag: tag}, nil
	case h.Environment != p.environment || p.platform != "" && h.Platform != p.platform:
		return reading{tag: tag, err: fmt.Errorf("relay: %s has the head of another environment or platform: it is not replaced", p.name)}, nil
	}
	return reading{head: h, tag: tag}, nil
}

// swap replaces the head.
func (p *engineStore) swap(ctx context.Context, h *fleetdata.Head, tag string) (newTag string, err error) {
	text, err := h.Encode()
	if err != nil {
		return "", fmt.Errorf("relay: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	newTag, err = p.backend.Swap(ctx, fleetdata.Name(p.environment, fleetdata.HeadObject), text, tag)
	return newTag, p.plain(err)
}

// publish writes a body and the head that names it. previous is the head that is
// replaced, if there was a head. Both bodies are entered in the list of earlier bodies
// before the new one is written, which is struck out when the head names it: a
// crash leaves nothing behind that is not removed later.
func (p *engineStore) publish(ctx context.Context, next *stored, previous *fleetdata.Head, tag string, keep time.Duration) (newTag string, err error) {
	if p.oldOK && len(p.old.Encode()) > p.oldLimit-oldRoom && previous != nil {
		if err := p.tidy(ctx, previous); err != nil {
			return "", err
		}
	}
	chunks := next.body.Chunks(p.limit)
	next.body.Describe(next.head, len(chunks))
	until := next.head.AsOf.Add(keep)
	draft := fleetdata.OldOf(next.head, until)
	draft.Revision, draft.AsOf, draft.Owner = 0, time.Time{}, ""
	err = p.editOld(ctx, func(l fleetdata.OldList) fleetdata.OldList {
		if previous != nil && previous.Body != draft.Body { // it stays listed if what follows fails
			l = l.With(fleetdata.OldOf(previous, until))
		}
		return l.With(draft)
	})
	if err != nil {
		return "", err
	}
	if err = p.put(ctx, next.head, chunks); err != nil {
		return "", err
	}
	if newTag, err = p.swap(ctx, next.head, tag); err != nil {
		return "", err
	}
	// The head is what counts: the list is put right later if this fails.
	_ = p.editOld(ctx, func(l fleetdata.OldList) fleetdata.OldList { return l.Without(draft) })
	return newTag, nil
}

// put writes the chunks of a body.
func (p *engineStore) put(ctx context.Context, h *fleetdata.Head, chunks [][]byte) error {
	return fleetdata.Each(len(chunks), func(i int) error {
		ctx, cancel := context.WithTimeout(ctx, p.timeout)
		defer cancel()
		return p.plain(p.backend.Put(ctx, fleetdata.ChunkName(p.environment, h.Body, i), chunks[i]))
	})
}

// body reads the body that a head names. The error wraps fleet.ErrNotFound or
// errCorrupt if the engine does not have it.
func (p *engineStore) body(ctx context.Context, h *fleetdata.Head) (*stored, error) {
	chunks := make([][]byte, h.Chunks)
	err := fleetdata.Each(len(chunks), func(i int) (err error) {
		chunks[i], _, err = p.get(ctx, fleetdata.ChunkName(p.environment, h.Body, i))
		return err
	})
	if err != nil {
		return nil, err
	}
	data, err := fleetdata.Unpack(h, chunks, maxData)
	if err == nil {
		err = h.Check(data)
	}
	if err != nil {
		return nil, fmt.Errorf("relay: %s: %w: %w", p.name, errCorrupt, err)
	}
	body := &fleetdata.Body{Sum: h.Body, Data: h.Data, Size: h.Size}
	for _, chunk := range chunks {
		body.GZip = append(body.GZip, chunk...)
	}
	return &stored{h, body, data}, nil
}

var errCorrupt = errors.New("the body is corrupt")

// lacks reports whether an error says that the engine does not have a body.
func lacks(err error) bool { return errors.Is(err, fleet.ErrNotFound) || errors.Is(err, errCorrupt) }

func (p *engineStore) get(ctx context.Context, name string) (value []byte, tag string, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	value, tag, err = p.backend.Get(ctx, name)
	return value, tag, p.plain(err)
}

// plain makes an error of the backend fit for a log.
func (p *engineStore) plain(err error) error {
	switch {
	case err == nil, errors.Is(err, fleet.ErrConflict), errors.Is(err, fleet.ErrNotFound):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("relay: %s has not responded in time: %w", p.name, context.DeadlineExceeded)
	}
	return fmt.Errorf("relay: %s: %w", p.name, safelog.Error(err))
}

// editOld changes the list of earlier bodies.
func (p *engineStore) editOld(ctx context.Context, edit func(fleetdata.OldList) fleetdata.OldList) (err error) {
	name := fleetdata.Name(p.environment, fleetdata.OldObject)
	for range tries {
		if !p.oldOK {
			if err = p.readOld(ctx, name); err != nil {
				return err
			}
		}
		next := edit(p.old)
		text := next.Encode()
		if string(text) == string(p.old.Encode()) && p.oldTag != "" {
			return nil
		}
		p.oldOK = false // until it is known to be written
		var tag string
		if tag, err = p.swapOld(ctx, name, text); err == nil {
			p.old, p.oldTag, p.oldOK = next, tag, true
			return nil
		}
		if !errors.Is(err, fleet.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("relay: %s: the list of earlier bodies is being changed by others: %w", p.name, errBusy)
}

var errBusy = errors.New("too many conflicts")

func (p *engineStore) swapOld(ctx context.Context, name string, text []byte) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	tag, err := p.backend.Swap(ctx, name, text, p.oldTag)
	return tag, p.plain(err)
}

// readOld reads the list. One that is missing or unusable is empty.
func (p *engineStore) readOld(ctx context.Context, name string) error {
	text, tag, err := p.get(ctx, name)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return err
	}
	p.old, _ = fleetdata.ParseOld(text)
	p.oldTag, p.oldOK = tag, true
	return nil
}

// tidy removes the bodies whose time is over. It must be called by the leader
// only, after it has written h.
func (p *engineStore) tidy(ctx context.Context, h *fleetdata.Head) error {
	if !p.oldOK {
		if err := p.readOld(ctx, fleetdata.Name(p.environment, fleetdata.OldObject)); err != nil {
			return err
		}
	}
	expired := p.old.Expired(h.AsOf, keepBodies, p.oldLimit-2*oldRoom)
	if len(expired) == 0 {
		return nil
	}
	stay := p.old
	for i := range expired {
		stay = stay.Without(expired[i])
	}
	for i := range expired {
		o := &expired[i]
		if o.Body == h.Body || stay.Find(o.Body) != nil {
			continue
		}
		err := fleetdata.Each(o.Chunks, func(i int) error {
			ctx, cancel := context.WithTimeout(ctx, p.timeout)
			defer cancel()
			return p.plain(p.backend.Delete(ctx, fleetdata.ChunkName(p.environment, o.Body, i)))
		})
		if err != nil {
			return err
		}
	}
	return p.editOld(ctx, func(l fleetdata.OldList) fleetdata.OldList {
		for i := range expired {
			l = l.Without(expired[i])
		}
		return l
	})
}
