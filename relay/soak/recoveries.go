package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

const (
	// syncAtOnce lets a replica begin to sync at once, and not after 5 s.
	syncAtOnce = "--repl-diskless-sync-delay"
	// detection is after how many milliseconds Sentinel and a cluster take a server
	// for failed.
	detection = "1000"
)

// failing is servers of Redis of which one fails.
type failing struct {
	config fleetredis.Config
	fail   func() error // can be called times times
	times  int
	close  func()
}

// startFlushed starts a Redis that loses all data.
func startFlushed() (*failing, error) {
	r, err := startRedis()
	if err != nil {
		return nil, err
	}
	flush := func() error { _, err := r.command("FLUSHALL"); return err }
	return &failing{fleetredis.Config{Addresses: []string{r.address}}, flush, 5, r.close}, nil
}

// pair is a primary with a replica.
type pair struct{ primary, replica *redis }

func startPair() (p pair, err error) {
	if p.primary, err = startRedis(syncAtOnce, "0"); err != nil {
		return p, err
	}
	if p.replica, err = startRedis(syncAtOnce, "0"); err == nil {
		host, port, _ := net.SplitHostPort(p.primary.address)
		_, err = p.replica.command("REPLICAOF", host, port)
	}
	if err == nil {
		err = p.replica.has("INFO", "replication", "master_link_status:up")
	}
	if err != nil {
		p.close()
	}
	return p, err
}

func (p pair) close() {
	p.primary.close()
	if p.replica != nil {
		p.replica.close()
	}
}

// has waits until a server responds to INFO or CLUSTER INFO with a line.
func (r *redis) has(command, section, line string) error {
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		text, err := r.command(command, section)
		if err == nil && strings.Contains(text, line) {
			return nil
		}
		if time.Since(began) > 20*time.Second {
			return errors.Join(fmt.Errorf("no %s in %s %s", line, command, section), err)
		}
	}
}

// kill kills a server.
func (r *redis) kill() { testkit.Kill(r.process) }

// startReplicated starts a primary that is killed, and a replica that is promoted.
func startReplicated() (*failing, error) {
	p, err := startPair()
	if err != nil {
		return nil, err
	}
	fail := func() error {
		p.primary.kill()
		_, err := p.replica.command("REPLICAOF", "NO", "ONE")
		return err
	}
	return &failing{fleetredis.Config{Addresses: []string{p.primary.address, p.replica.address}}, fail, 1, p.close}, nil
}

// startWatched is startReplicated, but with a Sentinel that promotes the replica.
func startWatched() (*failing, error) {
	p, err := startPair()
	if err != nil {
		return nil, err
	}
	sentinel, err := startSentinel(p)
	if err != nil {
		p.close()
		return nil, err
	}
	return &failing{
		fleetredis.Config{Addresses: []string{sentinel.address}, Sentinel: "flags"},
		func() error { p.primary.kill(); return nil }, 1,
		func() { sentinel.close(); p.close() },
	}, nil
}

// startSentinel starts a Sentinel that knows a primary and its replica.
func startSentinel(p pair) (*redis, error) {
	host, port, _ := net.SplitHostPort(p.primary.address)
	r, err := startServer(func(r *redis, dir string) error {
		file := filepath.Join(dir, "sentinel.conf") // Sentinel writes to it
		_, own, _ := net.SplitHostPort(r.address)
		text := fmt.Sprintf("port %s\nbind 127.0.0.1\nsentinel monitor flags %s %s 1\nsentinel down-after-milliseconds flags %s\n", own, host, port, detection)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return err
		}
		r.process = exec.Command("redis-server", file, "--sentinel")
		return r.process.Start()
	})
	if err != nil {
		return nil, err
	}
	if err = r.has("INFO", "sentinel", "slaves=1"); err != nil {
		r.close()
	}
	return r, err
}

// startCluster starts a cluster of three primaries with a replica each.
func startCluster() (f *failing, err error) {
	var nodes []*redis
	f = &failing{times: 1, close: func() {
		for _, r := range nodes {
			r.close()
		}
	}}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	create := []string{"--cluster-yes", "--cluster-replicas", "1", "--cluster", "create"}
	for range 6 {
		bus, err := testkit.NewPort()
		if err != nil {
			return nil, err
		}
		_, number, _ := net.SplitHostPort(bus.Address)
		r, err := startRedis("--cluster-enabled", "yes", "--cluster-port", number, "--cluster-node-timeout", detection, syncAtOnce, "0")
		if err != nil {
			bus.Close()
			return nil, err
		}
		end := r.close
		r.close = func() { end(); bus.Close() }
		nodes = append(nodes, r)
		create = append(create, r.address)
		f.config.Addresses = append(f.config.Addresses, r.address)
	}
	if text, err := exec.Command("redis-cli", create...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("redis-cli does not create a cluster: %w: %s", err, text)
	}
	for _, r := range nodes {
		if err := r.has("CLUSTER", "INFO", "cluster_state:ok"); err != nil {
			return nil, err
		}
		if role, _ := r.command("INFO", "replication"); strings.Contains(role, "role:slave") {
			if err := r.has("INFO", "replication", "master_link_status:up"); err != nil {
				return nil, err
			}
		}
	}
	f.config.Cluster = true
	f.fail = func() error {
		for _, r := range nodes {
			role, err := r.command("INFO", "replication")
			size, sizeErr := r.command("INFO", "keyspace")
			if err = errors.Join(err, sizeErr); err != nil {
				return err
			}
			if strings.Contains(role, "role:master") && strings.Contains(size, "db0:") {
				r.kill()
				return nil
			}
		}
		return errors.New("no node has the data")
	}
	return f, nil
}

// loadRecovery lets Redis fail while readers read and evaluate.
func (s *soak) loadRecovery(what string, start func() (*failing, error)) ([]figure, error) {
	f, err := start()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	defer f.close()
	f.times = s.part(f.times)
	measured, err := s.recovery(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if f.times > 1 {
		what = fmt.Sprintf("%s, %d times", what, f.times)
	}
	return []figure{{fmt.Sprintf("%s, under %d readers that read each second", what, s.part(200)), measured}}, nil
}

// recovery measures the time without data in the engine, and until readers have a
// change that the platform makes after that.
func (s *soak) recovery(f *failing) (string, error) {
	p := newPlatform(f.times)
	defer p.Close()
	own := newBackend(f.config)
	defer own.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	environment, end, err := p.publishTo(ctx, own)
	defer end()
	if err != nil {
		return "", err
	}
	var readers []*ffc.Client
	for range s.part(200) {
		b := newBackend(f.config)
		defer b.Close()
		client, err := fleetkit.NewReader(ctx, &fleet.Transport{Backends: []fleet.Backend{b}, Environment: environment, Interval: time.Second}, 10*time.Second)
		if err != nil {
			return "", err
		}
		defer client.Close(context.Background())
		readers = append(readers, client)
	}
	e := evaluations{ctx: ctx, readers: readers}
	defer e.begin()()
	observer := newBackend(f.config)
	defer observer.Close()
	var back time.Duration
	var all []time.Duration
	for n := range f.times {
		began := time.Now()
		if err := f.fail(); err != nil {
			return "", err
		}
		for !hasData(ctx, observer, environment) {
			if ctx.Err() != nil {
				return "", errors.New("the data is not back in time")
			}
			time.Sleep(10 * time.Millisecond)
		}
		back = max(back, time.Since(began))
		took, err := e.await(n+1, p)
		if err != nil {
			return "", err
		}
		all = append(all, took...)
	}
	return fmt.Sprintf("data back after %v at most; the next change in readers: %s; %d of %d evaluations were fallbacks",
		back.Round(10*time.Millisecond), percentiles(all), e.fallbacks.Load(), e.count.Load()), nil
}

// hasData reports whether an engine has a head with its body.
func hasData(ctx context.Context, b fleet.Backend, environment string) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	text, _, err := b.Get(ctx, fleetdata.Name(environment, fleetdata.HeadObject))
	if err != nil {
		return false
	}
	h, err := fleetdata.ParseHead(text)
	if err != nil {
		return false
	}
	_, _, err = b.Get(ctx, fleetdata.ChunkName(environment, h.Body, 0))
	return err == nil
}

// evaluations is readers that evaluate all the time.
type evaluations struct {
	ctx              context.Context
	readers          []*ffc.Client
	count, fallbacks atomic.Int64
}

// begin begins, and returns a function that ends it.
func (e *evaluations) begin() (end func()) {
	ctx, cancel := context.WithCancel(e.ctx)
	var work sync.WaitGroup
	for _, client := range e.readers {
		work.Go(func() {
			for tick := time.NewTicker(10 * time.Millisecond); ; {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				if d := client.VariationDetail(ctx, watched, ffc.NewUser("u"), ""); d.Err != nil {
					e.fallbacks.Add(1)
				}
				e.count.Add(1)
			}
		})
	}
	return func() { cancel(); work.Wait() }
}

// await makes a change, and waits until all readers have it. It returns when each had
// it.
func (e *evaluations) await(change int, p *platform) (all []time.Duration, err error) {
	began := time.Now()
	p.change(change)
	left := append([]*ffc.Client(nil), e.readers...)
	for len(left) > 0 {
		if e.ctx.Err() != nil {
			return nil, fmt.Errorf("%d of %d readers do not have change %d in time", len(left), len(e.readers), change)
		}
		var lacking []*ffc.Client
		for _, client := range left {
			if client.Variation(e.ctx, watched, ffc.NewUser("u"), "") == fmt.Sprint(change) {
				all = append(all, time.Since(began))
			} else {
				lacking = append(lacking, client)
			}
		}
		left = lacking
		time.Sleep(10 * time.Millisecond)
	}
	return all, nil
}
