package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest"
)

// startWait is long: all clients share the cores of one machine.
const startWait = 3 * time.Minute

// source is an engine that functions start from.
type source struct {
	name string
	// open returns the engine as one function reaches it, and ends that.
	open  func() (b fleet.Backend, end func())
	close func()
	// address is what another process needs to reach it.
	address string
}

// sourceRedis starts a Redis.
func sourceRedis() (*source, error) {
	r, err := startRedis()
	if err != nil {
		return nil, err
	}
	return &source{"Redis", func() (fleet.Backend, func()) { b := r.backend(); return b, b.Close }, r.close, r.address}, nil
}

// sourceS3 starts an S3.
func sourceS3() (*source, error) {
	server, err := enginetest.StartS3()
	if err != nil {
		return nil, err
	}
	return &source{"S3", func() (fleet.Backend, func()) { return s3(server.Endpoint) }, onInterrupt.add(server.Close), server.Endpoint}, nil
}

// s3 returns a backend on a server of enginetest.
func s3(endpoint string) (fleet.Backend, func()) {
	b, err := enginetest.NewS3(endpoint, nil)
	if err != nil {
		panic(err) // the configuration is right
	}
	return b, b.CloseIdleConnections
}

// sourceSplit starts a DynamoDB for heads and an S3 for bodies.
func sourceSplit() (*source, error) {
	bodies, err := sourceS3()
	if err != nil {
		return nil, err
	}
	server, err := enginetest.StartDynamoDB()
	if err != nil {
		bodies.close()
		return nil, err
	}
	end := onInterrupt.add(server.Close)
	open := func() (fleet.Backend, func()) {
		heads, err := enginetest.NewDynamoDB(server.Endpoint, false, nil)
		if err != nil {
			panic(err) // the configuration is right
		}
		b, closeBodies := bodies.open()
		return fleet.Split{Heads: heads, Bodies: b}, func() { heads.CloseIdleConnections(); closeBodies() }
	}
	return &source{"DynamoDB with bodies in S3", open, func() { end(); bodies.close() }, ""}, nil
}

// loadColdStarts starts clients within a second.
func (s *soak) loadColdStarts() (figures []figure, err error) {
	for _, start := range []func() (*source, error){sourceRedis, sourceS3, sourceSplit} {
		from, err := start()
		if notInstalled(err) {
			fmt.Fprintln(s.out, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, count := range []int{1000, 10_000} {
			f, err := s.coldStarts(from, count)
			if err != nil {
				from.close()
				return nil, err
			}
			figures = append(figures, f)
		}
		from.close()
	}
	return figures, nil
}

// coldStarts publishes a number of flags, and starts clients.
func (s *soak) coldStarts(from *source, count int) (figure, error) {
	if err := from.publish(count); err != nil {
		return figure{}, err
	}
	starts := s.part(1000)
	var work sync.WaitGroup
	var fallbacks atomic.Int64
	all := make([]time.Duration, starts)
	before, err := testkit.ProcessorTime(os.Getpid())
	if err != nil {
		return figure{}, err
	}
	began := time.Now()
	for n := range starts {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(starts))))
		work.Go(func() {
			b, end := from.open()
			defer end()
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
	after, err := testkit.ProcessorTime(os.Getpid())
	if err != nil {
		return figure{}, err
	}
	return figure{
		fmt.Sprintf("%d cold starts in a second from %s, %d flags", starts, from.name, count),
		fmt.Sprintf("%s; %v of a core for each start; %d fallbacks", percentiles(all), ((after - before) / time.Duration(starts)).Round(time.Microsecond), fallbacks.Load()),
	}, nil
}
