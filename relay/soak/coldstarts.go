package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// startWait is long: all clients share the cores of one machine.
const startWait = 3 * time.Minute

// loadColdStarts starts clients within a second.
func (s *soak) loadColdStarts() (figures []figure, err error) {
	starts := s.part(1000)
	for _, count := range []int{1000, 10_000} {
		r, _, err := published(count)
		if err != nil {
			return nil, err
		}
		var work sync.WaitGroup
		var fallbacks atomic.Int64
		all := make([]time.Duration, starts)
		before, err := processorTime(os.Getpid())
		if err != nil {
			return nil, err
		}
		began := time.Now()
		for n := range starts {
			time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(starts))))
			work.Go(func() {
				b := r.backend()
				defer b.Close()
				at := time.Now()
				client, err := reader(&fleet.Transport{Backends: []fleet.Backend{b}}, startWait)
				if err != nil {
					fallbacks.Add(1)
					return
				}
				defer client.Close(context.Background())
				if !client.BoolVariation(context.Background(), "flag-0", ffc.NewUser("u"), false) {
					fallbacks.Add(1)
				}
				all[n] = time.Since(at)
			})
		}
		work.Wait()
		r.close()
		after, err := processorTime(os.Getpid())
		if err != nil {
			return nil, err
		}
		figures = append(figures, figure{
			fmt.Sprintf("%d cold starts in a second from Redis, %d flags", starts, count),
			fmt.Sprintf("%s; %v of a core for each start; %d fallbacks", percentiles(all), ((after - before) / time.Duration(starts)).Round(time.Microsecond), fallbacks.Load()),
		})
	}
	return figures, nil
}
