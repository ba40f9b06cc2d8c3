package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// figure is one row of the table of -load.
type figure struct{ what, measured string }

// load measures what a fleet costs, and returns a table.
func (s *soak) load() (table string, err error) {
	var rows strings.Builder
	fmt.Fprintf(&rows, "| Measured on %d cores%s with %s, load generator included | Figure |\n|---|---|\n", runtime.NumCPU(), others(), runtime.Version())
	for _, measure := range []func() ([]figure, error){s.loadEnvironments, s.loadRedis, s.loadWatchers, s.loadColdStarts} {
		figures, measureErr := measure()
		if errors.Is(measureErr, testkit.ErrNoRedis) {
			fmt.Fprintln(s.out, measureErr)
			continue
		}
		err = errors.Join(err, measureErr)
		for _, f := range figures {
			fmt.Fprintf(s.out, "%s: %s\n", f.what, f.measured)
			fmt.Fprintf(&rows, "| %s | %s |\n", f.what, f.measured)
		}
	}
	return rows.String(), err
}

// others says how busy the machine is with other programs, where Linux tells.
func others() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	average, _, _ := strings.Cut(string(text), " ")
	return fmt.Sprintf(" (on which %s threads of other programs wanted to run)", average)
}

// published starts a Redis that has a platform's flags.
func published(count int, options ...string) (r *redis, p *fleetkit.Platform, err error) {
	if r, err = startRedis(options...); err != nil {
		return nil, nil, err
	}
	p = fleetkit.NewPlatform()
	for i := range count {
		p.Set(fmt.Sprint("flag-", i), true)
	}
	cfg := p.Config()
	cfg.Transport = &poll.Transport{}
	b := r.backend()
	defer b.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err = (&relay.Publisher{Config: cfg, Backend: b, Beat: time.Hour}).Once(ctx); err != nil {
		r.close()
		return nil, nil, err
	}
	return r, p, nil
}

// reader returns a client of a backend.
func reader(t *fleet.Transport, wait time.Duration) (*ffc.Client, error) {
	t.Environment = fleetkit.Environment
	return ffc.New(context.Background(), ffc.Config{
		Platform: ffc.PlatformFeatBit, Transport: t, StartWait: wait,
		Events: flush.Config{Disabled: true}, Logger: slog.New(slog.DiscardHandler),
	})
}

// percentiles formats durations.
func percentiles(all []time.Duration) string {
	slices.Sort(all)
	at := func(share int) time.Duration { return all[(len(all)-1)*share/100].Round(time.Millisecond) }
	return fmt.Sprintf("p50 %v, p99 %v, last %v", at(50), at(99), at(100))
}
