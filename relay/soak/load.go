package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// figure is one row of the table of -load.
type figure struct{ what, measured string }

// measure is a part of -load or -relay.
type measure struct {
	name    string
	measure func(*soak) ([]figure, error)
}

// measures are the parts of -load.
var measures = []measure{
	{"environments", (*soak).loadEnvironments},
	{"instances", func(s *soak) ([]figure, error) { return s.loadInstances(startRedis, "") }},
	{"TLS instances", func(s *soak) ([]figure, error) { return s.loadInstances(startRedisTLS, " over TLS") }},
	{"TLS handshakes", (*soak).loadHandshakes},
	{"watchers", (*soak).loadWatchers},
	{"FLUSHALL", func(s *soak) ([]figure, error) { return s.loadRecovery("FLUSHALL", startFlushed) }},
	{"replica", func(s *soak) ([]figure, error) {
		return s.loadRecovery("the primary is killed, and its replica promoted at once", startReplicated)
	}},
	{"Sentinel", func(s *soak) ([]figure, error) {
		return s.loadRecovery("the primary is killed, and Sentinel promotes its replica after 1 s", startWatched)
	}},
	{"cluster", func(s *soak) ([]figure, error) {
		return s.loadRecovery("of a cluster with three primaries the node of the data is killed, and its replica promoted after 1 s", startCluster)
	}},
	{"cold starts", (*soak).loadColdStarts},
	{"functions", (*soak).loadFunctions},
}

// relayMeasures are the parts of -relay.
var relayMeasures = []measure{
	{"relay polling", (*soak).loadRelayPolls},
	{"relay websockets", (*soak).loadRelaySockets},
	{"relay environments", (*soak).loadRelayEnvironments},
}

// load measures what a fleet costs, or a relay, and returns a table.
func (s *soak) load(measures []measure) (table string, err error) {
	var rows strings.Builder
	fmt.Fprintf(&rows, "| Measured on %d cores%s with %s, load generator included | Figure |\n|---|---|\n", runtime.NumCPU(), others(), runtime.Version())
	for _, m := range measures {
		if !strings.Contains(m.name, s.only) {
			continue
		}
		figures, measureErr := m.measure(s)
		if notInstalled(measureErr) {
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

// others says how busy the machine is with other programs, where Linux tells. Other
// programs do not delay one with real-time priority, as chrt -r 1 gives it.
func others() string {
	if realTime() {
		return " at real-time priority"
	}
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	average, _, _ := strings.Cut(string(text), " ")
	return fmt.Sprintf(" (on which %s threads of other programs wanted to run)", average)
}

// publish publishes a platform's flags to an engine.
func publish(b fleet.Backend, count int) error {
	p := fleetkit.NewPlatform()
	for i := range count {
		p.Set(fmt.Sprint("flag-", i), true)
	}
	cfg := p.Config()
	cfg.Transport = &poll.Transport{}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return (&relay.Publisher{Config: cfg, Backend: b, Beat: time.Hour}).Once(ctx)
}

// publish publishes a platform's flags to a Redis.
func (r *redis) publish(count int) error {
	b := r.backend()
	defer b.Close()
	return publish(b, count)
}

// reader returns a client of a backend.
func reader(t *fleet.Transport, wait time.Duration) (*ffc.Client, error) {
	return fleetkit.NewReader(context.Background(), t, wait)
}

// percentiles formats durations.
func percentiles(all []time.Duration) string {
	slices.Sort(all)
	at := func(share int) time.Duration { return all[(len(all)-1)*share/100].Round(time.Millisecond) }
	return fmt.Sprintf("p50 %v, p99 %v, last %v", at(50), at(99), at(100))
}
