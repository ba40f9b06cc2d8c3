package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// maxKeys is how many keys a line shows.
const maxKeys = 20

// dryRun returns what a publisher would publish. It writes nothing.
func dryRun(ctx context.Context, p *relay.Publisher) (summary string, err error) {
	engine := &overlay{base: p.Backend}
	p.Backend, p.Mirrors = engine, nil
	if err := p.Once(ctx); err != nil {
		return "", err
	}
	e := &relay.Environment{Name: p.Status().Environment, Backend: engine}
	status, err := e.Status(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case !status.Pin.Until.IsZero():
		return fmt.Sprintf("pinned until %s: nothing would change", status.Pin.Until.Format(time.RFC3339)), nil
	case engine.bodies == 0:
		return "nothing would change", nil
	}
	log, err := e.Log(ctx, 1)
	if err != nil {
		return "", err
	}
	if log[0].Flags == nil {
		return fmt.Sprintf("would publish the first data, %d bytes", status.Size), nil
	}
	return "would publish " + differences(log[0]), nil
}

// differences says what differs from the revision before.
func differences(r relay.Revision) string {
	var parts []string
	if len(r.Flags) > 0 {
		parts = append(parts, cli.Count(len(r.Flags), "flag")+": "+listed(r.Flags))
	}
	if len(r.Segments) > 0 {
		parts = append(parts, cli.Count(len(r.Segments), "segment")+": "+listed(r.Segments))
	}
	if parts == nil {
		return "the same flags and segments in another form"
	}
	return strings.Join(parts, "; ")
}

// overlay is an engine that keeps what is written in memory.
type overlay struct {
	base fleet.Backend

	mu     sync.Mutex
	values map[string][]byte // nil for one that was deleted
	tags   map[string]string
	bodies int
}

var _ fleet.Limiter = (*overlay)(nil)

// Get implements fleet.Backend.
func (o *overlay) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	o.mu.Lock()
	value, ok := o.values[name]
	tag = o.tags[name]
	o.mu.Unlock()
	switch {
	case !ok:
		return o.base.Get(ctx, name)
	case value == nil:
		return nil, "", fleet.ErrNotFound
	}
	return append([]byte(nil), value...), tag, nil
}

// Put implements fleet.Backend.
func (o *overlay) Put(_ context.Context, name string, value []byte) error {
	o.set(name, value, true)
	return nil
}

// Swap implements fleet.Backend. It is for one writer.
func (o *overlay) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	_, now, err := o.Get(ctx, name)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return "", err
	}
	if now != tag {
		return "", fleet.ErrConflict
	}
	return o.set(name, value, false), nil
}

// Delete implements fleet.Backend.
func (o *overlay) Delete(_ context.Context, name string) error {
	o.set(name, nil, false)
	return nil
}

// MaxValue implements fleet.Limiter.
func (o *overlay) MaxValue() int {
	if l, ok := o.base.(fleet.Limiter); ok {
		return l.MaxValue()
	}
	return 0
}

func (o *overlay) set(name string, value []byte, body bool) (tag string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.values == nil {
		o.values, o.tags = make(map[string][]byte), make(map[string]string)
	}
	if body {
		o.bodies++
	}
	tag = "overlay-" + strconv.Itoa(len(o.tags)) + "-" + o.tags[name]
	o.values[name], o.tags[name] = append([]byte(nil), value...), tag
	if value == nil {
		o.values[name] = nil
	}
	return tag
}

// listed returns the first keys of a list, in one line.
func listed(keys []string) string {
	text := cli.Visible(strings.Join(keys[:min(len(keys), maxKeys)], ", "))
	if len(keys) > maxKeys {
		text += fmt.Sprintf(" and %d more", len(keys)-maxKeys)
	}
	return text
}
