package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// pace is the time between two refreshes of 10,000 instances that refresh every
// 30 s.
const pace = 3 * time.Millisecond

// part returns a number of clients that goes with the number of instances.
func (s *soak) part(n int) int { return max(1, n*s.instances/instances) }

// instance is a function that reads the head every 30 s.
type instance struct {
	client *ffc.Client
	close  func()
}

func newInstance(r *redis) (*instance, error) {
	b := r.backend()
	client, err := reader(&fleet.Transport{Backends: []fleet.Backend{b}, MaxAge: 1}, 10*time.Second)
	if err != nil {
		b.Close()
		return nil, err
	}
	return &instance{client, func() { _ = client.Close(context.Background()); b.Close() }}, nil
}

// loadRedis lets instances read the head at 333 a second, over connections
// that stay open, and then with half of the instances replaced by new ones.
func (s *soak) loadRedis() (figures []figure, err error) {
	r, _, err := published(10, "--maxclients", "12000")
	if err != nil {
		return nil, err
	}
	defer r.close()
	all := make([]*instance, s.instances)
	defer func() {
		for _, i := range all {
			if i != nil {
				i.close()
			}
		}
	}()
	round := func(unit func(n int) error) (failed int) {
		var work sync.WaitGroup
		var failures atomic.Int64
		began := time.Now()
		for n := range all {
			time.Sleep(time.Until(began.Add(time.Duration(n) * pace)))
			work.Go(func() {
				if unit(n) != nil {
					failures.Add(1)
				}
			})
		}
		work.Wait()
		return int(failures.Load())
	}
	renew := func(n int) (err error) {
		if all[n] != nil {
			all[n].close()
		}
		all[n], err = newInstance(r)
		return err
	}
	refresh := func(n int) error { return all[n].client.Refresh(context.Background()) }
	if failed := round(renew); failed > 0 {
		return nil, fmt.Errorf("%d of %d instances did not start", failed, s.instances)
	}
	for _, phase := range []struct {
		name string
		unit func(n int) error
	}{
		{"over open connections", refresh},
		{"half of them by new instances", func(n int) error {
			if n%2 == 0 {
				return renew(n)
			}
			return refresh(n)
		}},
	} {
		before, err := r.usage()
		if err != nil {
			return nil, err
		}
		began := time.Now()
		failed := round(phase.unit)
		took := time.Since(began)
		after, err := r.usage()
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{
			fmt.Sprintf("%d instances, %.0f refreshes a second, %s", s.instances, float64(s.instances)/took.Seconds(), phase.name),
			fmt.Sprintf("Redis: %.1f %% of a core, %.0f kB/s; %d failed", 100*(after.cpu-before.cpu).Seconds()/took.Seconds(),
				float64(after.bytes-before.bytes)/1000/took.Seconds(), failed),
		})
	}
	return figures, nil
}
