package main

import (
	"slices"
	"strconv"
	"strings"
)

// starts is a table of whole processes and of live heap.
func (r *results) starts() string {
	var lines [][]string
	for _, name := range slices.Concat(ours(), []string{"ffcpoll"}, others()) {
		line := []string{title(name)}
		for _, flags := range []string{"1000", "10000"} {
			f := r.cold[name+" "+flags]
			if len(f) != 10 {
				line = append(line, none, none, none, none)
				continue
			}
			peak, _ := strconv.ParseFloat(f[7], 64)
			line = append(line, f[1]+" ("+f[2]+")", f[5], strconv.FormatFloat(peak/1024, 'f', 1, 64), kib(f[9]))
		}
		lines = append(lines, line)
	}
	return markdown([]string{"", "1,000 flags: ms (best)", "CPU ms", "peak MiB", "heap KiB", "10,000 flags: ms (best)", "CPU ms", "peak MiB", "heap KiB"}, lines)
}

// sizes is a table of what importing an SDK costs.
func (r *results) sizes() string {
	var lines [][]string
	for _, name := range append([]string{"ffcpoll", "ffcstream", "awslambda", "ffclambda"}, others()...) {
		if f := r.size[name]; len(f) == 3 {
			lines = append(lines, []string{title(name), r.added(name), f[1], f[2]})
		}
	}
	return markdown([]string{"", "KiB over an empty net/http program", "packages linked", "modules linked"}, lines)
}

// added is how much larger a program is than one that has net/http only, in KiB.
func (r *results) added(program string) string {
	empty, with := r.size["empty"], r.size[program]
	if len(empty) != 3 || len(with) != 3 {
		return none
	}
	before, _ := strconv.Atoi(empty[0])
	after, _ := strconv.Atoi(with[0])
	return kib(strconv.Itoa(after - before))
}

// own is a list of our benchmarks that have no like in peers.
func (r *results) own() string {
	var lines [][]string
	for _, b := range []struct{ file, name, title string }{
		{"data", "BenchmarkPatch", "patch of one flag of 10,000, until it is visible"},
		{"data", "BenchmarkFull/first", "all of 10,000 flags, the first time"},
		{"data", "BenchmarkFull/same", "the same once more"},
		{"data", "BenchmarkFull/one_newer", "the same, one of them newer"},
		{"data", "BenchmarkFull/newer", "all of them newer"},
		{"data", "BenchmarkEvaluateDuringFull", "evaluation while such are applied"},
		{"data", "BenchmarkNewOnDemand", "New, polling on demand"},
		{"data", "BenchmarkChangeToVisible", "change to visible, 100 clients"},
		{"events", "BenchmarkFlush", "Flush of 10,000 events over loopback"},
		{"events", "BenchmarkFlushNowhere", "Flush without the network"},
		{"events", "BenchmarkQueueMemory", "filling the queue, with two collections"},
		{"ffc", "BenchmarkUser", "NewUser with five attributes"},
	} {
		line := []string{b.title, none, none, none, none}
		if ns, ok := r.time(b.file, b.name); ok {
			line[1] = duration(ns)
		}
		for i, unit := range []string{"B/op", "allocs/op"} {
			if v, ok := r.median(b.file, b.name, unit); ok {
				line[2+i] = strconv.FormatFloat(v, 'f', 0, 64)
			}
		}
		for _, unit := range []string{"MB/s", "p99-µs", "p99.9-ns", "heap-B"} {
			v, ok := r.median(b.file, b.name, unit)
			if strings.HasPrefix(unit, "p99") { // a time: the quietest round counts
				v, ok = r.best(b.file, b.name, unit)
			}
			if ok {
				line[4] = strconv.FormatFloat(v, 'f', 0, 64) + " " + unit
			}
		}
		lines = append(lines, line)
	}
	return markdown([]string{"", "time", "B/op", "allocs/op", "also"}, lines)
}
