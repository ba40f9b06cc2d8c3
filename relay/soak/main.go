// Command soak hammers a fleet, for the duration of -for with each engine: eight
// publishers that are stopped, killed, frozen and cut off at random and whose
// clocks are apart, an engine that is wiped and restored, servers of the platform
// of which one is behind, one is empty and one is down, and 200 readers that check
// what they get against the platform's history. In the end a bad flag is undone
// while the platform is down. It fails if a reader ever goes back or loses its
// flags, or if takeovers or the undo take too long. The engines are in memory, in a
// directory, in a NATS server and, where redis-server is installed, in a Redis that it
// starts.
//
// With -events it delivers events through queues instead, while the platform, forwarders
// and the queue are killed 100 times, and fails if one is lost.
//
// With -load it measures what a fleet costs instead, and with -relay what a relay over
// HTTP costs; on a busy machine start it with chrt -r 1, so that other programs do not
// delay it. With -docs it writes what it has measured to docs/fleet.md, between markers.
// All sockets are on loopback.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults/hammer"
)

func main() {
	runFunction()
	runRelay()
	runForwarder()
	runNATS()
	s := soak{out: os.Stdout}
	flag.DurationVar(&s.length, "for", 20*time.Second, "how long to hammer each engine")
	flag.Uint64Var(&s.seed, "seed", uint64(time.Now().UnixNano()), "decides which faults there are, and when")
	flag.IntVar(&s.readers, "readers", 200, "number of readers")
	flag.IntVar(&s.instances, "instances", instances, "number of instances with -load; other numbers go with it")
	load := flag.Bool("load", false, "measure what a fleet costs instead")
	relays := flag.Bool("relay", false, "measure what a relay over HTTP costs instead")
	delivers := flag.Bool("events", false, "deliver events through queues while parts are killed instead")
	flag.IntVar(&s.events, "n", 1_000_000, "number of events with -events")
	flag.StringVar(&s.only, "only", "", "only the parts of -load or -relay, or the queues of -events, or the engines, whose name contains this text")
	docs := flag.String("docs", "", "repository whose docs/fleet.md gets what was measured")
	flag.Parse()
	if s.only != "" && *docs != "" {
		fmt.Fprintln(os.Stderr, "soak: -docs writes a whole table: omit -only")
		os.Exit(2)
	}
	onInterrupt.watch()
	name, measure := "soak", s.run
	switch {
	case *load:
		name, measure = "load", func() (string, error) { return s.load(measures) }
	case *delivers:
		name, measure = "events", s.eventSoak
	case *relays:
		name, measure = "relay", func() (string, error) { return s.load(relayMeasures) }
	}
	table, err := measure()
	fmt.Print(table)
	if err == nil && *docs != "" {
		err = rewrite(filepath.Join(*docs, "docs", "fleet.md"), name, table)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// soak is one run of the program.
type soak struct {
	length  time.Duration
	seed    uint64
	readers int
	// instances is how many instances -load has.
	instances int
	out       io.Writer // progress
	only      string    // parts of -load
	events    int       // with -events
}

const (
	instances  = 10_000
	publishers = 8
	beat       = time.Second // the shortest that readers know of
	lag        = 5 * time.Second
	// minGaps is how many takeovers must have been timed to judge them.
	minGaps = 20
)

// run hammers each engine, and returns a table of what it has seen.
func (s *soak) run() (table string, err error) {
	fmt.Fprintf(s.out, "soak: %v with each engine, -seed %d\n", s.length, s.seed)
	var rows strings.Builder
	rows.WriteString("| Engine | Faults | Reads | Went back, or lost flags | Takeovers, p50 / p99 / limit | Undo, last reader / limit |\n|---|---|---|---|---|---|\n")
	for _, e := range engines {
		if !strings.Contains(e.name, s.only) {
			continue
		}
		opened, openErr := e.open()
		if notInstalled(openErr) {
			fmt.Fprintln(s.out, openErr)
			continue
		}
		if openErr != nil {
			err = errors.Join(err, openErr)
			continue
		}
		r, hammerErr := s.hammer(opened)
		opened.close()
		if hammerErr = errors.Join(hammerErr, late(r)); hammerErr != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", e.name, hammerErr))
		}
		fmt.Fprintf(s.out, "%s: %+v\n", e.name, r)
		fmt.Fprintf(&rows, "| %s | %d | %d | %d | %d, %s / %s / %s | %s / %s |\n", e.name, r.Faults, r.Reads, r.Wrong,
			r.Gaps, tenth(r.GapP50), tenth(r.GapP99), tenth(r.GapLimit), tenth(r.UndoLatest), tenth(r.UndoLimit))
	}
	return rows.String(), err
}

// hammer hammers one engine.
func (s *soak) hammer(e *engine) (hammer.Report, error) {
	h := hammer.New(hammer.Config{
		Engine: e, Connect: e.connect, Publishers: publishers, Readers: s.readers, Beat: beat, Lag: lag, Seed: s.seed,
	})
	err := h.Start()
	if err == nil {
		for began := time.Now(); time.Since(began) < s.length && h.Disturb(); {
		}
		h.Heal()
		h.Undo()
	}
	r, wrong := h.Stop()
	return r, errors.Join(err, wrong)
}

// late returns what took too long.
func late(r hammer.Report) (err error) {
	if r.Gaps >= minGaps && r.GapP99 > r.GapLimit {
		err = fmt.Errorf("takeovers took %v (p99), want at most %v", r.GapP99, r.GapLimit)
	}
	if r.UndoLatest > r.UndoLimit {
		err = errors.Join(err, fmt.Errorf("the last reader had what was pinned after %v, want at most %v", r.UndoLatest, r.UndoLimit))
	}
	return err
}

// tenth formats a duration for a table.
func tenth(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// rewrite replaces the part of a file between the markers of a name.
func rewrite(file, name, text string) error {
	document, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	before, rest, found := strings.Cut(string(document), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		return fmt.Errorf("%s lacks the markers %q and %q: expected both, in this order", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+text+end+after), 0o644)
}
