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
		began := time.Now()
		for n := range starts {
			time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(starts))))
			work.Go(func() {
				b := r.backend()
				defer b.Close()
				at := time.Now()
				client, err := reader(&fleet.Transport{Backends: []fleet.Backend{b}}, 30*time.Second)
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
		figures = append(figures, figure{
			fmt.Sprintf("%d cold starts in a second from Redis, %d flags", starts, count),
			fmt.Sprintf("%s; %d fallbacks", percentiles(all), fallbacks.Load()),
		})
	}
	return figures, nil
}
