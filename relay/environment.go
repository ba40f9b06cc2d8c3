package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Environment reads and changes the data of one environment in an engine. It is for
// people who operate a fleet, and needs neither the platform nor a publisher.
// Backend and Name are required. Its methods block until the engine has responded or
// ctx ends, at most 10 s for each value, and may be called concurrently. Several
// people, and publishers, may write at the same time: the engine's compare-and-swap
// decides.
//
// Rollback, Override and Publish pin what they write: publishers do not replace it
// until the pin ends, and then publish the platform's data again. A pin holds even
// while no publisher runs; after the pin has ended, the data stays until a
// publisher runs. The three methods also write the mirrors. If only a mirror fails,
// the Backend has the change, and the error wraps ErrMirror.
type Environment struct {
	// Name is the name of the environment: FF__account__project__environment on
	// featureflag.co, the GUID on FeatBit.
	Name string
	// Backend is the engine that the publisher writes to.
	Backend fleet.Backend
	// Mirrors are the engines that have the same data.
	Mirrors []fleet.Backend
	// Platform is the platform of the environment. "" is the platform that the
	// engine's data, or the snapshot of Publish, names.
	Platform ffc.Platform
	// Keep is the time for which replaced data stays, as Publisher.Keep. 0 is
	// 24 h.
	Keep time.Duration
}

var (
	// ErrNotPublished is the error of an Environment's methods if the engine has
	// no data of the environment.
	ErrNotPublished = errors.New("relay: the engine has no data of the environment: check its name, the engine and the prefix")
	// ErrNoRevision is the error of Environment.Rollback if the engine never had the
	// revision, or has removed it. Environment.Log returns those that it has.
	ErrNoRevision = errors.New("relay: the engine does not have the revision")
	// ErrSnapshot is the error of Environment.Publish if the snapshot is not one of
	// the environment, or has something that cannot be read.
	ErrSnapshot = errors.New("relay: the snapshot cannot be published")
	// ErrMirror is the error of an Environment's method that changed the Backend,
	// but not all mirrors. The publisher that leads writes the missing ones.
	ErrMirror = errors.New("relay: the engine has the change, but a mirror does not")
)

// EnvironmentStatus describes the data of an environment in an engine.
type EnvironmentStatus struct {
	// Environment and Platform are those of the data.
	Environment string
	Platform    ffc.Platform
	// Revision is that of the head. It grows with each change within a Lineage, which
	// is the text that publishers made when publishing began.
	Revision int64
	Lineage  string
	// AsOf is the platform's time of its last response that confirmed the data.
	AsOf time.Time
	// Owner is the replica that leads; "" if none leads.
	Owner string
	// Blind: the replica that leads has had no response from the platform for a
	// Lease.
	Blind bool
	// Beat is the time between two writes of the head.
	Beat time.Duration
	// Size is the size of the data in bytes, Stored that of the compressed data.
	Size, Stored int64
	// Pin is the pin of the data. Pin.Until is zero if the data is not pinned.
	Pin Pin
	// Mirrors are in the order of Environment.Mirrors. If a mirror has another
	// revision, Behind is the AsOf of that revision; otherwise it is zero.
	Mirrors []MirrorStatus
}

// Revision is data that was published.
type Revision struct {
	// Revision is the number that Environment.Rollback takes.
	Revision int64
	// AsOf is the platform's time of the last response that confirmed the data.
	AsOf time.Time
	// Owner is the replica that wrote the head last, while the data was current.
	Owner string
	// Current: the head has this revision.
	Current bool
	// Pin says who made the revision, why, and until when it was pinned. It is the
	// zero Pin if a publisher made the revision.
	Pin Pin
	// Flags and Segments are the keys, sorted, of the flags and segments that differ
	// from the revision before, are new, or are missing. They are nil for the first
	// revision.
	Flags, Segments []string
	// Err says why the data cannot be read. Then Rollback to the revision fails,
	// and Flags and Segments are nil.
	Err error
}

// Status returns the state of the environment in the engine. The error is
// ErrNotPublished if the engine has no data of the environment.
func (e *Environment) Status(ctx context.Context) (EnvironmentStatus, error) {
	p, rd, err := e.current(ctx)
	if err != nil {
		return EnvironmentStatus{}, err
	}
	h := rd.head
	s := EnvironmentStatus{
		Environment: h.Environment, Lineage: h.Lineage, Platform: ffc.Platform(h.Platform), Revision: h.Revision, AsOf: h.AsOf, Owner: h.Owner,
		Blind: h.Blind, Beat: time.Duration(h.Every) * time.Second, Size: h.Size, Stored: h.GZip,
	}
	if h.Pinned(time.Now()) {
		s.Pin.Until = h.Pin
		pins, _, err := p.pins(ctx)
		if err != nil {
			return EnvironmentStatus{}, err
		}
		s.Pin.By, s.Pin.Reason = pins.Of(h).By, pins.Of(h).Reason
	}
	for _, b := range e.Mirrors {
		m := newEngineStore(b, p.environment, h.Platform, maxTimeout)
		status := MirrorStatus{Name: m.name}
		rd, err := m.read(ctx)
		switch {
		case err != nil || rd.err != nil:
			status.Err = errors.Join(err, rd.err)
		case rd.head == nil:
			status.Err = ErrNotPublished
		default:
			status.Revision = rd.head.Revision
			if rd.head.Lineage != h.Lineage || rd.head.Revision != h.Revision {
				status.Behind = rd.head.AsOf
			}
		}
		s.Mirrors = append(s.Mirrors, status)
	}
	return s, nil
}

// Log returns the revisions that were published and are still stored, newest
// first: at most limit of them, or all if limit is 0. It reads the data of each.
func (e *Environment) Log(ctx context.Context, limit int) ([]Revision, error) {
	p, rd, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.readOld(ctx, fleetdata.Name(p.environment, fleetdata.OldObject)); err != nil {
		return nil, err
	}
	pins, _, err := p.pins(ctx)
	if err != nil {
		return nil, err
	}
	known := fleetdata.OldList{fleetdata.OldOf(rd.head, time.Time{})}
	for _, o := range p.old {
		if o.Revision > 0 && o.Revision != rd.head.Revision { // not one that was never current, or that is
			known = append(known, o)
		}
	}
	slices.SortStableFunc(known, func(a, b fleetdata.Old) int { return cmp.Compare(b.Revision, a.Revision) })
	shown := len(known)
	if limit > 0 {
		shown = min(shown, limit)
	}
	log := make([]Revision, shown)
	var newer items
	for i := range min(shown+1, len(known)) {
		h := *rd.head
		known[i].Name(&h)
		found, err := p.items(ctx, &h)
		if i > 0 && newer.flags != nil && err == nil {
			log[i-1].Flags, log[i-1].Segments = newer.differ(found)
		}
		newer = found
		if i < shown {
			o := &known[i]
			before := int64(0)
			if i+1 < len(known) {
				before = known[i+1].Revision
			}
			pin := pins.Between(before, o.Revision, o.Body)
			log[i] = Revision{Pin: Pin{pin.By, pin.Reason, pin.Until}, Revision: o.Revision, AsOf: o.AsOf, Owner: o.Owner, Current: o.Revision == rd.head.Revision, Err: err}
		}
	}
	return log, nil
}

// engineStore returns the store of the environment in the Backend.
func (e *Environment) engineStore() (*engineStore, error) {
	if err := cmp.Or(checkBackends(e.Backend, e.Mirrors)...); err != nil {
		return nil, fmt.Errorf("relay: Environment.%w", err)
	}
	name := e.Name
	protocol := admin.ProtocolOfEnvironment(name)
	if e.Platform != "" {
		var err error
		if protocol, err = registry.ProtocolOf(string(e.Platform)); err != nil {
			return nil, fmt.Errorf("relay: Environment.Platform: %w", err)
		}
	}
	if protocol == nil || protocol.EnvironmentIgnoresCase { // as readers do
		name = strings.ToLower(name)
	}
	if name == "" {
		return nil, errors.New("relay: Environment.Name: missing name: expected that of the environment")
	}
	return newEngineStore(e.Backend, name, string(e.Platform), maxTimeout), nil
}

// current reads the head.
func (e *Environment) current(ctx context.Context) (*engineStore, reading, error) {
	p, err := e.engineStore()
	if err != nil {
		return nil, reading{}, err
	}
	rd, err := p.read(ctx)
	if err == nil {
		err = p.published(rd)
	}
	return p, rd, err
}

// published returns why a reading has no head.
func (p *engineStore) published(rd reading) error {
	switch {
	case rd.err != nil:
		return rd.err
	case rd.tag == "":
		return ErrNotPublished
	case rd.head == nil:
		return fmt.Errorf("relay: %s has a head that is not valid: a publisher that leads replaces it", p.name)
	}
	return nil
}

// items are the flags and segments of data, as JSON by their keys.
type items struct{ flags, segments map[string]string }

// items reads the data that a head names.
func (p *engineStore) items(ctx context.Context, h *fleetdata.Head) (items, error) {
	s, err := p.body(ctx, h)
	if err != nil {
		return items{}, err
	}
	codec, err := registry.CodecOfEnvironment(h.Platform, h.Environment)
	if err != nil {
		return items{}, err
	}
	u, _, err := codec.Update(s.data)
	if err != nil {
		return items{}, fmt.Errorf("relay: %s: %w", p.name, safelog.Error(err))
	}
	found := items{make(map[string]string, len(u.Flags)), make(map[string]string, len(u.Segments))}
	for i := range u.Flags {
		found.flags[u.Flags[i].Key] = string(u.Flags[i].Raw)
	}
	for i := range u.Segments {
		found.segments[u.Segments[i].Key] = string(u.Segments[i].Raw)
	}
	return found, nil
}

// differ returns the keys of the items that others lack or have differently, and of
// those that only others have.
func (i items) differ(others items) (flags, segments []string) {
	return differing(i.flags, others.flags), differing(i.segments, others.segments)
}

func differing(a, b map[string]string) []string {
	keys := []string{}
	for key, raw := range a {
		if other, ok := b[key]; !ok || other != raw {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, ok := a[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
