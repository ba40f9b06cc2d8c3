package main

import (
	"fmt"
	"strings"
)

// lambda is what docs/lambda.md says of the cost of a start.
func (r *results) lambda() string {
	starts := [][]string{}
	for _, start := range []struct{ title, name string }{
		{"aws-lambda-go alone", "no-client"},
		{"client, waits for the data", "wait-for-data"},
		{"client, does not wait", "do-not-wait"},
		{"client with a snapshot, does not wait", "do-not-wait-with-snapshot"},
	} {
		row := []string{start.title}
		for _, unit := range []string{"init-ms", "first-ms"} {
			row = append(row, r.milliseconds("BenchmarkColdStart/"+start.name, unit))
		}
		starts = append(starts, row)
	}
	plain, _ := r.time("lambda", "BenchmarkInvocation/plain")
	wrapped, _ := r.time("lambda", "BenchmarkInvocation/wrapped")
	plainAllocs, _ := r.median("lambda", "BenchmarkInvocation/plain", "allocs/op")
	wrappedAllocs, _ := r.median("lambda", "BenchmarkInvocation/wrapped", "allocs/op")
	return strings.Join([]string{
		"What a start costs, measured by `benchmarks/run` with a platform of 1,000 flags on the same machine. A network adds its round trips.\n",
		markdown([]string{"Start", "until the first invocation", "first invocation"}, starts),
		fmt.Sprintf("Around an invocation with fresh data and no events, `lambda.Start` adds %s and %.0f allocations.\n",
			duration(wrapped-plain), wrappedAllocs-plainAllocs),
	}, "\n")
}

func (r *results) milliseconds(name, unit string) string {
	ms, ok := r.best("lambda", name, unit)
	if !ok {
		return none
	}
	return fmt.Sprintf("%.1f ms", ms)
}
