package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// family is a metric with its name, which is a promise.
type family struct{ name, kind, help string }

// The metrics.
var (
	dataAge      = family{"ffc_relay_data_age_seconds", "gauge", "Time since the platform confirmed the data that is published."}
	leader       = family{"ffc_relay_leader", "gauge", "1 if this replica publishes the environment."}
	blind        = family{"ffc_relay_blind", "gauge", "1 if this replica publishes the environment and gets no responses from the platform."}
	held         = family{"ffc_relay_held", "gauge", "Flags and segments that the platform has in an older version, or lacks, and that are held."}
	pinned       = family{"ffc_relay_pinned", "gauge", "1 if a person has pinned the data."}
	revision     = family{"ffc_relay_revision", "gauge", "Revision of the data that is published."}
	publishes    = family{"ffc_relay_publishes_total", "counter", "Changes of the data that this replica has published."}
	failing      = family{"ffc_relay_failing", "gauge", "1 if the last attempt failed: /status says why."}
	mirrorLag    = family{"ffc_relay_mirror_lag_seconds", "gauge", "Time since a mirror lacks the last head that this replica has written."}
	requests     = family{"ffc_relay_engine_requests_total", "counter", "Calls of an engine, by operation and result: ok, not_found, conflict or error."}
	seconds      = family{"ffc_relay_engine_seconds", "histogram", "Time that calls of an engine took."}
	websockets   = family{"ffc_relay_websockets", "gauge", "Websockets that are open, by environment."}
	responses    = family{"ffc_relay_requests_total", "counter", "Responses to SDKs and readers, by route and status."}
	reportedLag  = family{"ffc_relay_reported_revision_lag_seconds", "gauge", "How far the reader that is furthest behind was, in the last minute or two."}
	eventsTotal  = family{"ffc_relay_events_total", "counter", "Events, by what became of them: accepted or refused by the queue, forwarded, resent or dead."}
	undelivered  = family{"ffc_relay_events_failing", "gauge", "1 if the last request with events of the environment failed: /status says why."}
	queueBatches = family{"ffc_relay_queue_batches", "gauge", "Batches in the queue of events, those included that are being delivered."}
	queueBytes   = family{"ffc_relay_queue_bytes", "gauge", "Bytes in the queue of events."}
	queueOldest  = family{"ffc_relay_queue_oldest_seconds", "gauge", "Time since the oldest batch was put into the queue of events; 0 if there is none."}
	environments = family{"ffc_relay_environments", "gauge", "Environments that are configured."}
	reloadFailed = family{"ffc_relay_config_reload_failed", "gauge", "1 if the configuration that was read last is invalid; the one before stays in effect."}
)

// families are all metrics.
func families() []family {
	return []family{dataAge, leader, blind, held, pinned, revision, publishes, failing, mirrorLag, requests, seconds, websockets, reportedLag, responses, eventsTotal, undelivered, queueBatches, queueBytes, queueOldest, environments, reloadFailed}
}

// buckets are the upper bounds of seconds.
var buckets = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// metrics counts the calls of engines.
type metrics struct {
	mu    sync.Mutex
	calls map[call]uint64
	times map[operation]*times
}

type operation struct{ engine, op string }

type call struct {
	operation
	result string
}

// times is a histogram. The last bucket has no bound.
type times struct {
	counts [14]uint64
	sum    float64
}

// count counts a call.
func (m *metrics) count(o operation, took time.Duration, err error) {
	result := "error"
	switch {
	case err == nil:
		result = "ok"
	case errors.Is(err, fleet.ErrNotFound):
		result = "not_found"
	case errors.Is(err, fleet.ErrConflict):
		result = "conflict"
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls == nil {
		m.calls, m.times = make(map[call]uint64), make(map[operation]*times)
	}
	m.calls[call{o, result}]++
	t := m.times[o]
	if t == nil {
		t = new(times)
		m.times[o] = t
	}
	i, _ := slices.BinarySearch(buckets, took.Seconds())
	t.counts[i]++
	t.sum += took.Seconds()
}

// measured returns an engine whose calls are counted.
func (m *metrics) measured(name string, b fleet.Backend) fleet.Backend { return &meter{b, name, m} }

// meter is an engine whose calls are counted. It has the limits of the engine.
type meter struct {
	fleet.Backend
	name    string
	metrics *metrics
}

var (
	_ fleet.Limiter = (*meter)(nil)
	_ fleet.Pacer   = (*meter)(nil)
)

func (m *meter) took(op string, began time.Time, err error) {
	m.metrics.count(operation{m.name, op}, time.Since(began), err)
}

// Get implements fleet.Backend.
func (m *meter) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	defer func(began time.Time) { m.took("get", began, err) }(time.Now())
	return m.Backend.Get(ctx, name)
}

// Put implements fleet.Backend.
func (m *meter) Put(ctx context.Context, name string, value []byte) (err error) {
	defer func(began time.Time) { m.took("put", began, err) }(time.Now())
	return m.Backend.Put(ctx, name, value)
}

// Swap implements fleet.Backend.
func (m *meter) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	defer func(began time.Time) { m.took("swap", began, err) }(time.Now())
	return m.Backend.Swap(ctx, name, value, tag)
}

// Delete implements fleet.Backend.
func (m *meter) Delete(ctx context.Context, name string) (err error) {
	defer func(began time.Time) { m.took("delete", began, err) }(time.Now())
	return m.Backend.Delete(ctx, name)
}

// MaxValue implements fleet.Limiter.
func (m *meter) MaxValue() int {
	if l, ok := m.Backend.(fleet.Limiter); ok {
		return l.MaxValue()
	}
	return 0
}

// Beat implements fleet.Pacer. 0 is the usual default.
func (m *meter) Beat() time.Duration {
	if p, ok := m.Backend.(fleet.Pacer); ok {
		return p.Beat()
	}
	return 0
}

// String names the engine.
func (m *meter) String() string {
	if s, ok := m.Backend.(fmt.Stringer); ok {
		return s.String()
	}
	return m.name
}

// partsOf returns the engines that a backend consists of, without their meters. The first
// has the heads.
func partsOf(b fleet.Backend) []fleet.Backend {
	switch b := b.(type) {
	case *meter:
		return partsOf(b.Backend)
	case fleet.Split:
		return append(partsOf(b.Heads), partsOf(b.Bodies)...)
	}
	return []fleet.Backend{b}
}

// exposition writes metrics in the text format of Prometheus.
type exposition struct {
	w   io.Writer
	err error
}

func (x *exposition) print(format string, args ...any) {
	if x.err == nil {
		_, x.err = fmt.Fprintf(x.w, format, args...)
	}
}

func (x *exposition) begin(f family) {
	x.print("# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
}

// sample writes a value with labels, which are names and values in turn.
func (x *exposition) sample(name string, v float64, labels ...string) {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+"="+quoteLabel(labels[i+1]))
	}
	set := ""
	if len(pairs) > 0 {
		set = "{" + strings.Join(pairs, ",") + "}"
	}
	x.print("%s%s %s\n", name, set, strconv.FormatFloat(v, 'f', -1, 64))
}

// quoteLabel quotes the value of a label.
func quoteLabel(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}

// write writes the metrics of engines.
func (m *metrics) write(x *exposition) {
	m.mu.Lock()
	calls := maps.Clone(m.calls)
	histograms := make(map[operation]times)
	for o, t := range m.times {
		histograms[o] = *t
	}
	m.mu.Unlock()
	x.begin(requests)
	byName := func(a, b operation) int { return cmp.Or(cmp.Compare(a.engine, b.engine), cmp.Compare(a.op, b.op)) }
	for _, c := range slices.SortedFunc(maps.Keys(calls), func(a, b call) int {
		return cmp.Or(byName(a.operation, b.operation), cmp.Compare(a.result, b.result))
	}) {
		x.sample(requests.name, float64(calls[c]), "engine", c.engine, "op", c.op, "result", c.result)
	}
	x.begin(seconds)
	for _, o := range slices.SortedFunc(maps.Keys(histograms), byName) {
		t, n := histograms[o], uint64(0)
		for i, bound := range buckets {
			n += t.counts[i]
			x.sample(seconds.name+"_bucket", float64(n), "engine", o.engine, "op", o.op, "le", strconv.FormatFloat(bound, 'f', -1, 64))
		}
		n += t.counts[len(buckets)]
		x.sample(seconds.name+"_bucket", float64(n), "engine", o.engine, "op", o.op, "le", "+Inf")
		x.sample(seconds.name+"_sum", t.sum, "engine", o.engine, "op", o.op)
		x.sample(seconds.name+"_count", float64(n), "engine", o.engine, "op", o.op)
	}
}
