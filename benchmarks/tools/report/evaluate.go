package main

import (
	"fmt"
	"strings"
)

// scenarios are the columns of tables of evaluations.
func scenarios() []string { return []string{"S1", "S2", "S3", "S4", "S5", "S6", "S7"} }

func benchmark(events, scenario, user, cores string) string {
	return fmt.Sprintf("BenchmarkEvaluate/events=%s/scenario=%s/user=%s/cores=%s", events, strings.ToLower(scenario), user, cores)
}

// evaluations is a table of all peers.
func (r *results) evaluations(events, user, cores string) string {
	var lines [][]string
	for _, peer := range rows() {
		lines = append(lines, r.times(title(peer), peer, events, user, cores))
		if events == "on" {
			lines = append(lines, r.times(title(peer)+", every event kept", peer, "kept", user, cores),
				r.times(title(peer)+", queue full", peer, "full", user, cores))
		}
	}
	return markdown(append([]string{""}, scenarios()...), lines)
}

// times is a row: time, bytes and allocations of each scenario.
func (r *results) times(title, peer, events, user, cores string) []string {
	row := []string{title}
	for _, scenario := range scenarios() {
		row = append(row, r.cell(peer, benchmark(events, scenario, user, cores)))
	}
	return row
}

// cell is the time of a benchmark, with bytes and allocations if there are any.
func (r *results) cell(peer, name string) string {
	ns, ok := r.time(peer, name)
	if !ok {
		return none
	}
	cell := duration(ns)
	bytes, _ := r.median(peer, name, "B/op")
	if allocs, _ := r.median(peer, name, "allocs/op"); allocs > 0 {
		cell += fmt.Sprintf(", %.0f B in %.0f", bytes, allocs)
	}
	return cell
}

// withEvents is the mode in which one of our rows has events on. One that fills
// the queue faster than it can be emptied drops events, so the mode that keeps
// all counts where there is one.
func (r *results) withEvents(peer, scenario string) string {
	if _, ok := r.time(peer, benchmark("kept", scenario, "shared", "1")); ok {
		return "kept"
	}
	return "on"
}

// ratio is our time with events on, as a part of a peer's.
func (r *results) ratio(title, mode, peer, events string) []string {
	row := []string{title}
	for _, scenario := range scenarios() {
		ours, ok1 := r.time("ffc", benchmark(mode, scenario, "shared", "1"))
		theirs, ok2 := r.time(peer, benchmark(events, scenario, "shared", "1"))
		cell := none
		if ok1 && ok2 {
			cell = fmt.Sprintf("%.2f", ours/theirs)
		}
		row = append(row, cell)
	}
	return row
}

func (r *results) ratios() string {
	return markdown(append([]string{"ffc with events on, as a part of"}, scenarios()...), [][]string{
		r.ratio("launchdarkly, events off; ffc keeps every event", "kept", "launchdarkly", "off"),
		r.ratio("launchdarkly, events on; ffc keeps every event", "kept", "launchdarkly", "on"),
		r.ratio("launchdarkly, events off; ffc overrun", "on", "launchdarkly", "off"),
		r.ratio("launchdarkly, events on; ffc overrun", "on", "launchdarkly", "on"),
		r.ratio("launchdarkly, events on; ffc with a full queue", "full", "launchdarkly", "on"),
	})
}

// scaling is how much more all cores do than one, with events on.
func (r *results) scaling() string {
	var lines [][]string
	for _, peer := range ours() {
		row := []string{title(peer)}
		for _, scenario := range scenarios() {
			mode := r.withEvents(peer, scenario)
			one, ok1 := r.time(peer, benchmark(mode, scenario, "shared", "1"))
			all, ok2 := r.time(peer, benchmark(mode, scenario, "shared", "all"))
			cell := none
			if ok1 && ok2 {
				cell = fmt.Sprintf("%.2f", one/all)
			}
			row = append(row, cell)
		}
		lines = append(lines, row)
	}
	return markdown(append([]string{""}, scenarios()...), lines)
}
