package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// many is a platform with the same flags in all environments.
type many struct{ body []byte }

// RoundTrip implements http.RoundTripper.
func (m many) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Request: r, Header: http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}},
		Body: io.NopCloser(strings.NewReader(string(m.body))),
	}, nil
}

// loadEnvironments starts publishers of environments with 1,000 flags each.
func (s *soak) loadEnvironments() ([]figure, error) {
	environments := s.part(200)
	p := fleetkit.NewPlatform()
	for i := range 1000 {
		p.Set(fmt.Sprint("flag-", i), true)
	}
	request, err := http.NewRequest(http.MethodGet, p.Config().BaseURL, nil)
	if err != nil {
		return nil, err
	}
	response, err := p.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var memory runtime.MemStats
	engine := new(fleettest.Memory)
	ctx, end := context.WithTimeout(context.Background(), time.Minute)
	defer end()
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	began := time.Now()
	var all []*relay.Publisher
	for range environments {
		id := make([]byte, 16)
		_, _ = rand.Read(id) // never fails
		cfg := p.Config()
		cfg.EnvSecret = fleetkit.Secret[:22] + base64.RawURLEncoding.EncodeToString(id)
		cfg.HTTPClient = &http.Client{Transport: many{body}}
		cfg.Transport = &poll.Transport{Interval: 30 * time.Second}
		publisher := &relay.Publisher{Config: cfg, Backend: engine}
		all = append(all, publisher)
		running.Go(func() {
			if err := publisher.Run(ctx); ctx.Err() == nil {
				cancel(err)
			}
		})
	}
	for _, publisher := range all {
		for !publisher.Status().Leader {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("an environment is not published: %w", errors.Join(context.Cause(ctx), publisher.Status().Err))
			}
			time.Sleep(time.Millisecond)
		}
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&memory)
	return []figure{{
		fmt.Sprintf("%d environments with 1,000 flags each, all published by one process", environments),
		fmt.Sprintf("%.1f s, of which 7.5 s until they take over an empty engine; %d MiB of heap in use, %d MiB from the operating system, the engine in memory included",
			took.Seconds(), memory.HeapInuse>>20, memory.Sys>>20),
	}}, nil
}
