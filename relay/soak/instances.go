package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// pace is the time between two refreshes of 10,000 instances that refresh every
// 30 s.
const pace = 3 * time.Millisecond

// part returns a number of clients that goes with the number of instances.
func (s *soak) part(n int) int { return max(1, n*s.instances/instances) }

// instance is a function that reads the head every 30 s.
type instance struct {
	client *ffc.Client
	link   *link
	config fleetredis.Config
}

// link is a backend that an instance replaces, between two refreshes.
type link struct{ *fleetredis.Backend }

func newInstance(r *redis) (*instance, error) {
	i := &instance{config: fleetredis.Config{Addresses: []string{r.address}}}
	if r.trust != nil { // the sessions of an instance outlive its connections
		i.config.TLS = r.trust.Clone()
		i.config.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	}
	i.link = &link{newBackend(i.config)}
	var err error
	if i.client, err = reader(&fleet.Transport{Backends: []fleet.Backend{i.link}, MaxAge: 1}, 10*time.Second); err != nil {
		i.link.Close()
		return nil, err
	}
	return i, nil
}

func (i *instance) close() {
	_ = i.client.Close(context.Background())
	i.link.Close()
}

// refresh reads the head.
func (i *instance) refresh() error { return i.client.Refresh(context.Background()) }

// reconnect reads the head over a new connection, as after a pause of over 60 s.
func (i *instance) reconnect() error {
	i.link.Close()
	i.link.Backend = newBackend(i.config)
	return i.refresh()
}

// crowd is instances of one Redis.
type crowd struct {
	redis *redis
	all   []*instance
}

// round lets all instances work, one after the other at the pace, and returns how
// many failed and how long it took.
func (c *crowd) round(work func(n int) error) (failed int64, took time.Duration) {
	var working sync.WaitGroup
	var failures atomic.Int64
	began := time.Now()
	for n := range c.all {
		time.Sleep(time.Until(began.Add(time.Duration(n) * pace)))
		working.Go(func() {
			if work(n) != nil {
				failures.Add(1)
			}
		})
	}
	working.Wait()
	return failures.Load(), time.Since(began)
}

// renew replaces an instance by a new one, which has no data.
func (c *crowd) renew(n int) (err error) {
	if c.all[n] != nil {
		c.all[n].close()
	}
	c.all[n], err = newInstance(c.redis)
	return err
}

func (c *crowd) refresh(n int) error   { return c.all[n].refresh() }
func (c *crowd) reconnect(n int) error { return c.all[n].reconnect() }

// half lets every second instance do other work.
func half(other, work func(n int) error) func(n int) error {
	return func(n int) error {
		if n%2 == 0 {
			return other(n)
		}
		return work(n)
	}
}

func (c *crowd) close() {
	for _, i := range c.all {
		if i != nil {
			i.close()
		}
	}
}

// loadInstances lets instances read the head at 333 a second from a Redis that start
// starts: over connections that stay open, and then with half of the instances
// connecting again, or replaced by new ones.
func (s *soak) loadInstances(start func(options ...string) (*redis, error), over string) (figures []figure, err error) {
	r, err := start("--maxclients", "12000")
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err = r.publish(10); err != nil {
		return nil, err
	}
	c := &crowd{redis: r, all: make([]*instance, s.instances)}
	defer c.close()
	if failed, _ := c.round(c.renew); failed > 0 {
		return nil, fmt.Errorf("%d of %d instances did not start", failed, s.instances)
	}
	for _, phase := range []struct {
		name string
		work func(n int) error
	}{
		{"on open connections", c.refresh},
		{"half of them on new connections", half(c.reconnect, c.refresh)},
		{"half of them by new instances, which also read the body", half(c.renew, c.refresh)},
	} {
		before, err := r.usage()
		if err != nil {
			return nil, err
		}
		failed, took := c.round(phase.work)
		after, err := r.usage()
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{
			fmt.Sprintf("%d instances%s, %.0f refreshes a second, %s", s.instances, over, float64(s.instances)/took.Seconds(), phase.name),
			fmt.Sprintf("Redis: %.1f %% of a core, %.0f kB/s; %d failed", 100*(after.cpu-before.cpu).Seconds()/took.Seconds(),
				float64(after.bytes-before.bytes)/1000/took.Seconds(), failed),
		})
	}
	return figures, nil
}
