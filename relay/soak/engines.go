package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
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

// redis is a redis-server.
type redis struct {
	address string
	pid     int
	admin   rueidis.Client
	close   func()
}

// startRedis starts a redis-server on loopback.
func startRedis(options ...string) (*redis, error) {
	port, err := testkit.NewPort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	process, err := testkit.RunRedis(port.Address, dir, options...)
	if err != nil {
		port.Close()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r := &redis{address: port.Address, pid: process.Process.Pid}
	r.close = onInterrupt.add(func() {
		if r.admin != nil {
			r.admin.Close()
		}
		testkit.Kill(process)
		port.Close()
		_ = os.RemoveAll(dir)
	})
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		r.admin, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{r.address}, ForceSingleClient: true, DisableCache: true})
		if err == nil {
			return r, nil
		}
		if time.Since(began) > 20*time.Second {
			r.close()
			return nil, fmt.Errorf("redis-server does not accept connections: %w", err)
		}
	}
}

// backend returns a Backend with a connection of its own.
func (r *redis) backend() *fleetredis.Backend {
	b, err := fleetredis.New(fleetredis.Config{Addresses: []string{r.address}})
	if err != nil {
		panic(err) // the configuration is right
	}
	return b
}

func openRedis() (*engine, error) {
	r, err := startRedis()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var opened []*fleetredis.Backend
	connect := func() fleet.Backend {
		b := r.backend()
		mu.Lock()
		defer mu.Unlock()
		opened = append(opened, b)
		return b
	}
	return &engine{
		Backend: connect(),
		connect: connect,
		wipe:    func() { _ = r.admin.Do(context.Background(), r.admin.B().Flushall().Build()).Error() },
		close: func() {
			for _, b := range opened {
				b.Close()
			}
			r.close()
		},
	}, nil
}
