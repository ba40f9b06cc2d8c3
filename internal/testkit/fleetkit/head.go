package fleetkit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

var (
	headName = fleetdata.Name(Environment, fleetdata.HeadObject)
	oldName  = fleetdata.Name(Environment, fleetdata.OldObject)
)

// Head returns the head in an engine, with its tag. The error wraps
// fleet.ErrNotFound if it is missing.
func Head(ctx context.Context, b fleet.Backend) (h *fleetdata.Head, tag string, err error) {
	text, tag, err := b.Get(ctx, headName)
	if err != nil {
		return nil, "", err
	}
	h, err = fleetdata.ParseHead(text)
	return h, tag, err
}

// Old returns the list of earlier bodies in an engine. A list that is missing is
// empty.
func Old(ctx context.Context, b fleet.Backend) (fleetdata.OldList, error) {
	text, _, err := b.Get(ctx, oldName)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return nil, err
	}
	return fleetdata.ParseOld(text)
}

// ChangeHead changes the head as a person does, with the next revision. It fails
// if a publisher writes at the same time.
func ChangeHead(ctx context.Context, b fleet.Backend, change func(*fleetdata.Head) error) (revision int64, err error) {
	h, tag, err := Head(ctx, b)
	if err != nil {
		return 0, err
	}
	if err = change(h); err != nil {
		return 0, err
	}
	h.Revision++
	text, err := h.Encode()
	if err == nil {
		_, err = b.Swap(ctx, headName, text, tag)
	}
	return h.Revision, err
}

// RollBack pins the revision before the current one, as a person does.
func RollBack(ctx context.Context, b fleet.Backend, until time.Time) (revision int64, err error) {
	e := relay.Environment{Name: Environment, Backend: b}
	log, err := e.Log(ctx, 2)
	if err != nil {
		return 0, err
	}
	if len(log) < 2 {
		return 0, errors.New("there is no earlier revision")
	}
	return e.Rollback(ctx, log[1].Revision, relay.Pin{Until: until})
}

// Copy writes the head, the body that it names and the list of earlier bodies from
// one engine to another.
func Copy(ctx context.Context, to, from fleet.Backend) error {
	h, _, err := Head(ctx, from)
	if err != nil {
		return err
	}
	for i := range h.Chunks {
		name := fleetdata.ChunkName(Environment, h.Body, i)
		chunk, _, err := from.Get(ctx, name)
		if err == nil {
			err = to.Put(ctx, name, chunk)
		}
		if err != nil {
			return fmt.Errorf("a part of the body: %w", err)
		}
	}
	old, _, err := from.Get(ctx, oldName)
	if err == nil {
		err = replace(ctx, to, oldName, old)
	}
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return err
	}
	text, err := h.Encode()
	if err != nil {
		return err
	}
	return replace(ctx, to, headName, text)
}

// replace writes a value whatever its tag is.
func replace(ctx context.Context, b fleet.Backend, name string, value []byte) error {
	for {
		_, tag, err := b.Get(ctx, name)
		if err != nil && !errors.Is(err, fleet.ErrNotFound) {
			return err
		}
		if _, err = b.Swap(ctx, name, value, tag); !errors.Is(err, fleet.ErrConflict) {
			return err
		}
	}
}
