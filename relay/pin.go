package relay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// maxPinText is how many bytes By and Reason of a Pin may have.
const maxPinText = 500

// Pin keeps published data until a time although the platform has other data.
type Pin struct {
	// By and Reason are who pins the data, and why. They have at most 500 bytes each,
	// and may be empty. All who can read the engine can read them.
	By, Reason string
	// Until is when the pin ends, by the clock of this machine, cut to seconds. It is
	// required, and must be in the future.
	Until time.Time
}

// check finds what is wrong with a pin.
func (p *Pin) check() error {
	switch {
	case !p.Until.Truncate(time.Second).After(time.Now()):
		return errors.New("relay: Pin.Until is over: expected a time in the future")
	case len(p.By) > maxPinText || len(p.Reason) > maxPinText:
		return fmt.Errorf("relay: Pin.By or Pin.Reason is too long: expected at most %d bytes each", maxPinText)
	}
	return nil
}

// Rollback publishes an earlier revision again, pinned, and returns its new
// revision. With the current revision it pins what is published. The error is
// ErrNoRevision if the engine does not have the revision.
func (e *Environment) Rollback(ctx context.Context, revision int64, pin Pin) (int64, error) {
	return e.change(ctx, &pin, func(p *engineStore, rd reading) (*stored, error) {
		if err := p.published(rd); err != nil {
			return nil, err
		}
		h := *rd.head
		if revision != h.Revision {
			if err := p.readOld(ctx, fleetdata.Name(p.environment, fleetdata.OldObject)); err != nil {
				return nil, err
			}
			found := false
			for i := range p.old {
				if o := &p.old[i]; o.Revision == revision {
					o.Name(&h)
					found = true
				}
			}
			if !found {
				return nil, fmt.Errorf("%w: %d", ErrNoRevision, revision)
			}
		}
		return p.body(ctx, &h)
	})
}

// Override publishes the current data with one flag that serves one variation to
// every user, pinned, and returns the new revision. The variation is named by its
// value or, if no variation of the flag has that value, by its id. If the data is
// already pinned, the new pin replaces the old one, and all other flags stay as
// they are.
func (e *Environment) Override(ctx context.Context, flag, variation string, pin Pin) (int64, error) {
	return e.change(ctx, &pin, func(p *engineStore, rd reading) (*stored, error) {
		if err := p.published(rd); err != nil {
			return nil, err
		}
		s, err := p.body(ctx, rd.head)
		if err != nil {
			return nil, err
		}
		data, err := override(s.data, rd.head, flag, variation)
		if err != nil {
			return nil, err
		}
		return newStored(rd.head, data), nil
	})
}

// override returns data with a flag that serves one variation.
func override(data []byte, h *fleetdata.Head, flag, variation string) ([]byte, error) {
	codec, err := registry.CodecOfEnvironment(h.Platform, h.Environment)
	if err != nil {
		return nil, err
	}
	u, _, err := codec.Update(data)
	if err != nil {
		return nil, fmt.Errorf("relay: the engine's data cannot be read: %w", safelog.Error(err))
	}
	for i := range u.Flags {
		item := &u.Flags[i]
		if item.Key != flag || item.Archived {
			continue
		}
		changed, err := admin.Override(codec, item.Raw, variation)
		switch {
		case errors.Is(err, admin.ErrNoVariation):
			return nil, fmt.Errorf("relay: flag %s: %w: got %s, expected one of %s", safelog.Quote(flag), err, safelog.Quote(variation), safelog.Quote(strings.Join(admin.Values(codec, item.Raw), ", ")))
		case err != nil:
			return nil, fmt.Errorf("relay: flag %s: %w", safelog.Quote(flag), safelog.Error(err))
		}
		at := cap(data) - cap(item.Raw) // Raw is a part of data
		return bytes.Join([][]byte{data[:at], changed, data[at+len(item.Raw):]}, nil), nil
	}
	var keys []string
	for i := range u.Flags {
		if !u.Flags[i].Archived {
			keys = append(keys, safelog.Quote(u.Flags[i].Key))
		}
	}
	return nil, fmt.Errorf("relay: the environment has no flag %s%s", safelog.Quote(flag), nearest.DidYouMean(nearest.Names(flag, keys)))
}

// Publish publishes a snapshot, pinned, and returns the new revision. The snapshot
// is what ffc.Client.WriteSnapshot writes, of the same environment. Every flag and
// segment must be readable, or the error wraps ErrSnapshot. The engine may be empty.
func (e *Environment) Publish(ctx context.Context, snapshot []byte, pin Pin) (int64, error) {
	return e.change(ctx, &pin, func(p *engineStore, rd reading) (*stored, error) {
		h := rd.head
		if h == nil {
			h = &fleetdata.Head{Environment: p.environment, Platform: string(e.Platform), Format: fleetdata.Format, Lineage: fleetdata.NewLineage()}
			if h.Platform == "" {
				h.Platform = registry.CodecOfData(snapshot).Name
			}
			h.Every = int(defaultBeat.Seconds())
		}
		data := jsontext.TrimBOM(snapshot)
		asOf, err := checkSnapshot(data, h)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrSnapshot, err)
		}
		if h.AsOf.IsZero() {
			h.AsOf, h.Revision = asOf, asOf.UnixMilli()-1
		}
		return newStored(h, data), nil
	})
}

// checkSnapshot checks a snapshot for the environment of a head, and returns the
// time of its newest change.
func checkSnapshot(data []byte, h *fleetdata.Head) (newest time.Time, err error) {
	codec, err := registry.CodecOfEnvironment(h.Platform, h.Environment)
	if err != nil {
		return time.Time{}, err
	}
	if err := jsontext.Check(bytes.TrimSpace(data)); err != nil {
		return time.Time{}, fmt.Errorf("expected JSON, as ffc snapshot writes it: the text %w", err)
	}
	if err := registry.CheckEnvironment(codec.Protocol, h.Environment, data); err != nil {
		return time.Time{}, err
	}
	u, skipped, err := codec.Update(data)
	switch {
	case err != nil:
		return time.Time{}, safelog.Error(err)
	case u.Unusable > 0:
		return time.Time{}, safelog.Error(skipped[0])
	case !u.Full || u.NoSegments:
		return time.Time{}, errors.New("expected all flags and segments, as ffc snapshot writes them")
	case len(u.Flags) == 0:
		return time.Time{}, errors.New("it has no flags")
	}
	return time.UnixMilli(max(u.Version(), 1)), nil
}

// Unpin ends the pin: the publisher that leads publishes the platform's data. It
// returns the new revision, or the current one if the data is not pinned or the
// time of its pin is over.
func (e *Environment) Unpin(ctx context.Context) (int64, error) {
	return e.change(ctx, nil, func(p *engineStore, rd reading) (*stored, error) {
		if err := p.published(rd); err != nil {
			return nil, err
		}
		if !rd.head.Pinned(time.Now()) {
			return nil, nil
		}
		return p.body(ctx, rd.head)
	})
}

// newStored returns data with a head like h.
func newStored(h *fleetdata.Head, data []byte) *stored {
	head := *h
	return &stored{&head, fleetdata.Pack(data), data}
}

// change replaces the head and returns the revision of the new one. next returns
// what the head names then; nil leaves it.
func (e *Environment) change(ctx context.Context, pin *Pin, next func(p *engineStore, rd reading) (*stored, error)) (int64, error) {
	p, err := e.engineStore()
	if err != nil {
		return 0, err
	}
	keep := e.Keep
	if err := setting.Default("Keep", &keep, defaultKeep); err != nil {
		return 0, fmt.Errorf("relay: Environment.%w", err)
	}
	if pin != nil {
		if err := pin.check(); err != nil {
			return 0, err
		}
	}
	for range tries {
		rd, err := p.read(ctx)
		if err == nil {
			err = rd.err
		}
		if err != nil {
			return 0, err
		}
		s, err := next(p, rd)
		switch {
		case err != nil:
			return 0, err
		case s == nil:
			return rd.head.Revision, nil
		}
		if err = e.swap(ctx, p, s, rd, pin, keep); err == nil {
			return s.head.Revision, e.mirror(ctx, s, keep)
		} else if !conflict(err) {
			return 0, err
		}
	}
	return 0, fmt.Errorf("relay: %s: the head is being changed by others: %w", p.name, errBusy)
}

// swap writes a head once. It keeps Owner and Beat, from which the replica that
// leads continues.
func (e *Environment) swap(ctx context.Context, p *engineStore, s *stored, rd reading, pin *Pin, keep time.Duration) error {
	head := *s.head
	s.head = &head
	s.body.Describe(&head, max(head.Chunks, 1)) // publish counts the chunks
	head.Revision++
	head.Pin = time.Time{}
	if pin != nil {
		head.Pin = pin.Until.UTC().Truncate(time.Second)
		// Written first: who and why is known of every pin.
		if err := p.record(ctx, fleetdata.Pin{
			By: pin.By, Reason: pin.Reason, At: time.Now().UTC().Truncate(time.Second), Until: head.Pin, Revision: head.Revision, Body: s.body.Sum,
		}); err != nil {
			return err
		}
	}
	var err error
	if rd.head != nil && rd.head.Body == head.Body {
		if pin != nil { // who published the data, and who pinned it since, are two revisions
			if err := p.editOld(ctx, func(l fleetdata.OldList) fleetdata.OldList {
				return l.With(fleetdata.OldOf(rd.head, rd.head.AsOf.Add(keep)))
			}); err != nil {
				return err
			}
		}
		_, err = p.swap(ctx, &head, rd.tag)
	} else {
		_, err = p.publish(ctx, s, rd.head, rd.tag, keep)
	}
	if err != nil && !conflict(err) { // it may have been written all the same
		now, readErr := p.read(ctx)
		if readErr != nil || now.head == nil || now.head.Lineage != head.Lineage || now.head.Revision != head.Revision || now.head.Body != head.Body || !now.head.Pin.Equal(head.Pin) {
			return err
		}
	} else if err != nil {
		return err
	}
	// The replica that leads may have removed the body, if its time was over.
	return p.restore(ctx, &head, s.body)
}

// record enters a pin in the list of pins.
func (p *engineStore) record(ctx context.Context, pin fleetdata.Pin) error {
	for range tries {
		list, tag, err := p.pins(ctx)
		if err != nil {
			return err
		}
		if err = p.swapPins(ctx, list.With(pin), tag); !conflict(err) {
			return err
		}
	}
	return fmt.Errorf("relay: %s: the list of pins is being changed by others: %w", p.name, errBusy)
}

// pins reads the list of pins. One that is missing is empty.
func (p *engineStore) pins(ctx context.Context) (fleetdata.PinList, string, error) {
	text, tag, err := p.get(ctx, fleetdata.Name(p.environment, fleetdata.PinObject))
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return nil, "", err
	}
	return fleetdata.ParsePins(text), tag, nil
}

func (p *engineStore) swapPins(ctx context.Context, list fleetdata.PinList, tag string) error {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	_, err := p.backend.Swap(ctx, fleetdata.Name(p.environment, fleetdata.PinObject), list.Encode(), tag)
	return p.plain(err)
}

// mirror writes the mirrors.
func (e *Environment) mirror(ctx context.Context, s *stored, keep time.Duration) error {
	var errs []error
	for _, b := range e.Mirrors {
		m := &mirror{engineStore: newEngineStore(b, s.head.Environment, s.head.Platform, maxTimeout), keep: keep}
		errs = append(errs, m.write(ctx, s))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%w: %w", ErrMirror, err)
	}
	return nil
}
