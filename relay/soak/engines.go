package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// engine is a backend that can be wiped.
type engine struct {
	fleet.Backend
	wipe    func()
	connect func() fleet.Backend // as one publisher or reader reaches it; nil is the Backend for all
	close   func()
}

// Wipe implements hammer.Engine.
func (e *engine) Wipe() { e.wipe() }

var engines = []struct {
	name string
	open func() (*engine, error)
}{
	{"memory", openMemory},
	{"a directory", openDir},
	{"Redis", openRedis},
	{"NATS", openNATS},
	{"S3 (gofakes3)", openS3},
	{"DynamoDB (dynalite)", openDynamoDB},
}

// notInstalled reports whether an error says that a server is not installed.
func notInstalled(err error) bool {
	return errors.Is(err, testkit.ErrNoRedis) || errors.Is(err, enginetest.ErrNoDynalite)
}

func openMemory() (*engine, error) {
	m := new(fleettest.Memory)
	return &engine{Backend: m, wipe: m.Wipe, close: func() {}}, nil
}

func openDir() (*engine, error) {
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	return &engine{
		Backend: fleet.Dir{Path: dir},
		wipe: func() {
			entries, _ := os.ReadDir(dir)
			for _, entry := range entries {
				_ = os.RemoveAll(dir + "/" + entry.Name()) // publishers may write meanwhile
			}
		},
		close: onInterrupt.add(func() { _ = os.RemoveAll(dir) }),
	}, nil
}

// noted is an engine that remembers the names of its values.
type noted struct {
	fleet.Backend
	mu    sync.Mutex
	names map[string]struct{}
}

func (n *noted) note(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.names[name] = struct{}{}
}

// Put implements fleet.Backend.
func (n *noted) Put(ctx context.Context, name string, value []byte) error {
	n.note(name)
	return n.Backend.Put(ctx, name, value)
}

// Swap implements fleet.Backend.
func (n *noted) Swap(ctx context.Context, name string, value []byte, tag string) (string, error) {
	n.note(name)
	return n.Backend.Swap(ctx, name, value, tag)
}

// MaxValue implements fleet.Limiter.
func (n *noted) MaxValue() int { return fleetkit.MaxValue(n.Backend) }

// wipe deletes all values, one after the other, while others write.
func (n *noted) wipe() {
	n.mu.Lock()
	names := slices.Sorted(maps.Keys(n.names))
	n.mu.Unlock()
	slices.Reverse(names) // old and head before the bodies
	for _, name := range names {
		_ = n.Delete(context.Background(), name) // publishers may write meanwhile
	}
}

func openS3() (*engine, error) {
	server, err := enginetest.StartS3()
	if err != nil {
		return nil, err
	}
	b, err := enginetest.NewS3(server.Endpoint, nil)
	return onAWS(server, b, err)
}

func openDynamoDB() (*engine, error) {
	server, err := enginetest.StartDynamoDB()
	if err != nil {
		return nil, err
	}
	b, err := enginetest.NewDynamoDB(server.Endpoint, false, nil)
	return onAWS(server, b, err)
}

// onAWS returns the engine of a backend on a server, which it closes on an error.
func onAWS(server *enginetest.Server, b interface {
	fleet.Backend
	CloseIdleConnections()
}, err error) (*engine, error) {
	end := onInterrupt.add(server.Close)
	if err != nil {
		end()
		return nil, err
	}
	n := &noted{Backend: b, names: make(map[string]struct{})}
	return &engine{Backend: n, wipe: n.wipe, close: func() { b.CloseIdleConnections(); end() }}, nil
}

func openRedis() (*engine, error) {
	r, err := startRedis()
	if err != nil {
		return nil, err
	}
	var opened backends
	connect := func() fleet.Backend { return opened.add(r.backend()) }
	return &engine{
		Backend: connect(),
		connect: connect,
		wipe:    func() { _, _ = r.command("FLUSHALL") },
		close: func() {
			opened.close()
			r.close()
		},
	}, nil
}

// backends are connections of replicas and readers.
type backends struct {
	mu   sync.Mutex
	list []interface{ Close() }
}

// add adds a connection, and returns it.
func (b *backends) add(one interface {
	fleet.Backend
	Close()
}) fleet.Backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, one)
	return one
}

// close closes all connections.
func (b *backends) close() {
	for _, one := range b.list {
		one.Close()
	}
}
