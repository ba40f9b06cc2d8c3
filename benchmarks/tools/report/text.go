package main

import (
	"fmt"
	"runtime"
	"strings"
)

// everything is all tables.
func (r *results) everything() string {
	var b strings.Builder
	section := func(title, table string) { fmt.Fprintf(&b, "### %s\n\n%s\n", title, table) }
	b.WriteString(r.conditions() + "\n")
	section("Ratios, one core, user shared", r.ratios())
	for _, events := range []string{"off", "on"} {
		for _, user := range []string{"shared", "built"} {
			for _, cores := range []string{"1", "all"} {
				section(fmt.Sprintf("Events %s, user %s, cores: %s", events, user, cores), r.evaluations(events, user, cores))
			}
		}
	}
	section("All cores over one, events on", r.scaling())
	section("Cold start", r.starts())
	section("Size", r.sizes())
	section("AWS Lambda", r.lambda())
	section("Delivery", r.deliveries())
	section("Bytes and requests of events", r.traffic())
	section("Data and events of ffc", r.own())
	return b.String()
}

// overview is what the README shows: a row for each SDK that is measured with
// events.
func (r *results) overview() string {
	lines := [][]string{r.overviewOf("**this SDK**", "ffc", "kept", "ffcpoll")}
	for _, peer := range others()[:4] {
		lines = append(lines, r.overviewOf(peer, peer, "on", peer))
	}
	return r.conditions() + "\n" +
		"Evaluated is a flag without rules; bytes and allocations are given where there are any. The cold start is that of a process that\n" +
		"loads all flags, evaluates one and ends. [docs/performance.md](docs/performance.md#beside-other-sdks) has all scenarios.\n\n" +
		markdown([]string{"", "evaluation", "with its event", "cold start, 1,000 flags", "KiB over an empty net/http program"}, lines)
}

// overviewOf is a row of the overview.
func (r *results) overviewOf(title, peer, events, size string) []string {
	line := []string{title, none, none, none, none}
	for i, mode := range []string{"off", events} {
		line[1+i] = r.cell(peer, benchmark(mode, "s1", "shared", "1"))
	}
	if f := r.cold[peer+" 1000"]; len(f) == 10 {
		line[3] = f[1] + " ms"
	}
	line[4] = r.added(size)
	return line
}

// summary is what docs/performance.md shows.
func (r *results) summary() string {
	head := append([]string{"user made once, one core"}, scenarios()...)
	evaluations := [][]string{
		r.times("**ffc, events on, every one kept**", "ffc", "kept", "shared", "1"),
		r.times("ffc, events on, overrun", "ffc", "on", "shared", "1"),
		r.times("ffc, events on, queue full", "ffc", "full", "shared", "1"),
		r.times("ffc, events off", "ffc", "off", "shared", "1"),
		r.times("**ffc, FeatBit, events on, every one kept**", "ffcfeatbit", "kept", "shared", "1"),
		r.times("ffc, FeatBit, events off", "ffcfeatbit", "off", "shared", "1"),
	}
	for _, peer := range others()[:4] {
		evaluations = append(evaluations,
			r.times(peer+", events on", peer, "on", "shared", "1"),
			r.times(peer+", events off", peer, "off", "shared", "1"))
	}
	return strings.Join([]string{
		r.conditions(),
		"S1 falls through, S2 is 50/50, S3 the last of 1,000 targets, S4 five rules of three clauses, S5 a segment of 10,000, S6 a regular\n" +
			"expression, S7 all of 1,000 flags. Bytes and allocations are given where there are any.\n" +
			"With events on, ffc keeps every event: its queue is emptied while the clock is stopped. *Overrun* is ffc in a loop\n" +
			"that nothing empties fast enough, as the peers are measured: most of its events are dropped, and counted. With its *queue full*\n" +
			"nothing is delivered meanwhile, and every event is dropped and counted. *FeatBit* is the same\n" +
			"flags in FeatBit's form, where a user has another place in each split flag, which is hashed each time.\n",
		markdown(head, evaluations),
		r.ratios(),
		"Cold start: a process that loads all flags, evaluates one and ends. ffc reads a snapshot, ffcpoll asks a platform on loopback.\n",
		r.starts(),
		r.sizes(),
		r.deliveries(),
	}, "\n")
}

// conditions says what the figures are of.
func (r *results) conditions() string {
	return fmt.Sprintf("Measured by `benchmarks/run` with %s on %s, %d cores. Times are the best of several rounds in which the SDKs take turns:\n"+
		"compare them with each other, not with those of another machine.\n", runtime.Version(), r.machine, runtime.GOMAXPROCS(0))
}
