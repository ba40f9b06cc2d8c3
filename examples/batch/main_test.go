package main

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestDemonstration is what go run ./examples/batch does.
func TestDemonstration(t *testing.T) {
	t.Setenv("FFC_ENV_SECRET", "")
	if err := run(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestJob: no error, and so the exit code 0, only if the work is done and no
// event is lost.
func TestJob(t *testing.T) {
	t.Parallel()
	stopped, stop := context.WithCancel(context.Background())
	stop()
	tests := []struct {
		name    string
		ctx     context.Context
		prepare func(*ffctest.Server, *ffc.Config)
		check   func(error) bool
		events  int
	}{
		{name: "all is well", check: isNil, events: 2 * customers},
		{
			name: "no flags", check: isNil, events: customers, // only metrics
			prepare: func(s *ffctest.Server, c *ffc.Config) { s.RejectUpgrade(503); c.StartWait = time.Millisecond },
		},
		{
			name: "events fail for a while", check: isNil, events: 2 * customers,
			prepare: func(s *ffctest.Server, _ *ffc.Config) { s.FailNext(ffctest.Events, 3, ffctest.Failure{}) },
		},
		{
			name: "events fail", check: isLost,
			prepare: func(s *ffctest.Server, _ *ffc.Config) { s.Fail(ffctest.Events, ffctest.Failure{}) },
		},
		{
			name: "events are rejected", check: isLost,
			prepare: func(s *ffctest.Server, _ *ffc.Config) { s.Fail(ffctest.Events, ffctest.Failure{Status: 400}) },
		},
		{
			name: "wrong secret", check: func(err error) bool { return err != nil },
			prepare: func(_ *ffctest.Server, c *ffc.Config) { c.EnvSecret = "wrong" },
		},
		{name: "stopped", ctx: stopped, check: func(err error) bool { return errors.Is(err, context.Canceled) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("reminder").Variations("short", "long").Rollout(50, 50)))
			defer platform.Close()
			cfg := ffc.Config{
				EnvSecret: platform.EnvSecret,
				BaseURL:   platform.URL,
				Transport: &stream.Transport{OnDemand: true},
				Events:    flush.Config{RetryWait: time.Millisecond},
				Logger:    slog.New(slog.DiscardHandler),
			}
			if test.prepare != nil {
				test.prepare(platform, &cfg)
			}
			ctx := test.ctx
			if ctx == nil {
				ctx = t.Context()
			}
			if err := job(ctx, cfg); !test.check(err) {
				t.Errorf("got %v", err)
			}
			if n := len(platform.Events()); n != test.events {
				t.Errorf("the platform received %d events, want %d", n, test.events)
			}
		})
	}
}

func isNil(err error) bool { return err == nil }

func isLost(err error) bool {
	var lost *flush.Error
	return errors.As(err, &lost) && lost.Dropped > 0
}
