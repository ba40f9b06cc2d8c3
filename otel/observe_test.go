package ffcotel_test

import (
	"context"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// online returns a client that is connected to a platform on demand.
func online(t *testing.T, server *ffctest.Server, events flush.Config) *ffc.Client {
	t.Helper()
	client, err := ffc.New(testkit.Within(t), ffc.Config{
		EnvSecret: server.EnvSecret,
		BaseURL:   server.URL,
		Transport: &poll.Transport{MaxAge: time.Nanosecond},
		Events:    events,
		Logger:    testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(testkit.Within(t)) })
	return client
}

// values returns the data points of a metric by their attributes, without those that
// are 0.
func values(m metricdata.Metrics) map[string]float64 {
	all := make(map[string]float64)
	put := func(set attribute.Set, value float64) {
		if value != 0 {
			all[set.Encoded(attribute.DefaultEncoder())] = value
		}
	}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			put(p.Attributes, float64(p.Value))
		}
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			put(p.Attributes, p.Value)
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			put(p.Attributes, p.Value)
		}
	}
	return all
}

func check(t *testing.T, metrics map[string]metricdata.Metrics, name string, want map[string]float64) {
	t.Helper()
	if got := values(metrics[name]); !maps.Equal(got, want) {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

// TestMetricsOfAClient: of one that evaluates, fetches, fails and is closed.
func TestMetricsOfAClient(t *testing.T) {
	t.Parallel()
	server := platforms.NewServer(t, ffctest.Classic, everyReason()...)
	client := online(t, server, flush.Config{Interval: -1, Once: time.Hour, OmitFlags: []string{"gate"}})
	meter, collect := meterOf(t)
	observe(t, client, meter)
	user := ffc.NewUser("u", ffc.String("plan", "pro"))
	for _, key := range []string{"off", "prerequisite", "target", "rule", "default", "default", "text", "circle", "missing", "gate"} {
		client.BoolVariation(t.Context(), key, user, false)
	}
	client.BoolVariation(t.Context(), "off", ffc.User{}, false)
	m := collect()
	check(t, m, "ffc.evaluations", map[string]float64{
		"feature_flag.result.reason=disabled": 2, "feature_flag.result.reason=targeting_match": 2, "feature_flag.result.reason=default": 3,
		"error.type=type_mismatch,feature_flag.result.reason=error": 1, "error.type=general,feature_flag.result.reason=error": 1,
		"error.type=flag_not_found,feature_flag.result.reason=error": 1, "error.type=targeting_key_missing,feature_flag.result.reason=error": 1,
	})
	check(t, m, "ffc.status", map[string]float64{"ffc.state=ok": 1})
	check(t, m, "ffc.event.queued", map[string]float64{"": 5})
	check(t, m, "ffc.connection.attempts", map[string]float64{"": 2}) // the platform has not the first route
	check(t, m, "ffc.connection.failures", map[string]float64{})
	if age := values(m["ffc.data.age"])[""]; age <= 0 || age > time.Minute.Seconds() {
		t.Errorf("ffc.data.age is %v", age)
	}

	if err := client.Flush(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	restore := server.Fail(ffctest.Polling, ffctest.Failure{Status: 404})
	if err := client.Refresh(testkit.Within(t)); err == nil {
		t.Error("Refresh: no error")
	}
	restore()
	m = collect()
	check(t, m, "ffc.events", map[string]float64{
		"ffc.event.outcome=delivered": 5, "ffc.event.outcome=deduplicated": 1, "ffc.event.outcome=omitted": 2,
	})
	check(t, m, "ffc.event.queued", map[string]float64{})
	check(t, m, "ffc.event.requests", map[string]float64{"": 1})
	check(t, m, "ffc.fetches", map[string]float64{"": 2})
	check(t, m, "ffc.connection.failures", map[string]float64{"": 1})
	check(t, m, "ffc.status", map[string]float64{"ffc.state=interrupted": 1})
	if took, want := values(m["ffc.fetch.time"])[""], client.Stats().Transport.FetchTime.Seconds(); took <= 0 || took != want {
		t.Errorf("ffc.fetch.time is %v, want %v", took, want)
	}

	if err := client.Close(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	check(t, collect(), "ffc.status", map[string]float64{"ffc.state=off": 1})
}

// TestAttributesTellClientsApart: two clients with one meter.
func TestAttributesTellClientsApart(t *testing.T) {
	t.Parallel()
	meter, collect := meterOf(t)
	for i, name := range []string{"shop", "stock"} {
		client := offline(t, ffcotel.Config{})
		observe(t, client, meter, attribute.String("client", name))
		for range i + 1 {
			client.BoolVariation(t.Context(), "newest", ffc.NewUser("u"), false)
		}
	}
	m := collect()
	check(t, m, "ffc.evaluations", map[string]float64{
		"client=shop,feature_flag.result.reason=default": 1, "client=stock,feature_flag.result.reason=default": 2,
	})
	if age, ok := m["ffc.data.age"]; ok {
		t.Errorf("data that no platform has confirmed is of the age %v", age.Data)
	}
	check(t, m, "ffc.status", map[string]float64{"client=shop,ffc.state=ok": 1, "client=stock,ffc.state=ok": 1})
	for name, metric := range m {
		for set := range values(metric) {
			if !strings.Contains(set, "client=") {
				t.Errorf("%s has a point without the attribute: %q", name, set)
			}
		}
	}
}

// TestCountersNeverDecrease, or Prometheus would take that for a restart. Evaluations,
// deliveries and collections are under way at once.
func TestCountersNeverDecrease(t *testing.T) {
	t.Parallel()
	client := online(t, platforms.NewServer(t, ffctest.Classic, everyReason()...), flush.Config{Interval: -1, Capacity: 64})
	meter, collect := meterOf(t)
	observe(t, client, meter)
	stop := make(chan struct{})
	var working sync.WaitGroup
	work := func(f func()) {
		working.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					f()
				}
			}
		})
	}
	for range 2 {
		work(func() {
			for _, key := range []string{"off", "target", "default", "missing", "circle"} {
				client.BoolVariation(t.Context(), key, ffc.NewUser("u"), false)
			}
		})
	}
	ctx := testkit.Within(t)
	work(func() { _ = client.Flush(ctx) })
	before := make(map[string]float64)
	compare := func() {
		now := make(map[string]float64)
		for name, m := range collect() {
			if kindOf(m) == "counter" {
				for set, value := range values(m) {
					now[name+" "+set] = value
				}
			}
		}
		for key, value := range before {
			if now[key] < value {
				t.Errorf("%s fell from %v to %v", key, value, now[key])
			}
		}
		before = now
	}
	for n := 0; (n < 100 || client.Stats().Events.Delivered < 300) && ctx.Err() == nil; n++ {
		compare()
	}
	close(stop)
	working.Wait()
	_ = client.Flush(ctx)
	compare()
	if before["ffc.evaluations feature_flag.result.reason=default"] == 0 || before["ffc.events ffc.event.outcome=delivered"] == 0 {
		t.Errorf("nothing happened: %v, %v", before, ctx.Err())
	}
}

// A short process ends before the first interval of its reader: all its metrics are
// those of the collection when the MeterProvider shuts down, after the client's Close.
func TestLastCollectionHasClosedClient(t *testing.T) {
	t.Parallel()
	server := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("f")))
	defer server.Close()
	exported := make(map[string]metricdata.Metrics)
	reader := sdkmetric.NewPeriodicReader(exporterFunc(func(all *metricdata.ResourceMetrics) {
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				exported[m.Name] = m
			}
		}
	}), sdkmetric.WithInterval(time.Hour))
	func() { // as the quick start has it
		meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
		defer meters.Shutdown(testkit.Within(t))
		client := online(t, server, flush.Config{})
		defer client.Close(testkit.Within(t))
		observe(t, client, meters.Meter(ffcotel.ScopeName))
		client.BoolVariation(t.Context(), "f", ffc.NewUser("u"), false)
	}()
	check(t, exported, "ffc.evaluations", map[string]float64{"feature_flag.result.reason=default": 1})
	check(t, exported, "ffc.events", map[string]float64{"ffc.event.outcome=delivered": 1})
	check(t, exported, "ffc.status", map[string]float64{"ffc.state=off": 1})
}

// exporterFunc is an exporter that calls a function.
type exporterFunc func(*metricdata.ResourceMetrics)

func (f exporterFunc) Export(_ context.Context, all *metricdata.ResourceMetrics) error {
	f(all)
	return nil
}
func (exporterFunc) Temporality(sdkmetric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}
func (exporterFunc) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}
func (exporterFunc) ForceFlush(context.Context) error { return nil }
func (exporterFunc) Shutdown(context.Context) error   { return nil }

// No snippet ends the metrics of a client before the last collection.
func TestSnippetsKeepClientRegistered(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"README.md", "doc.go", "../README.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		_, snippet, found := strings.Cut(string(text), "defer client.Close(context.WithoutCancel(ctx))")
		if !found || !strings.Contains(snippet, "ffcotel.Observe(client,") || strings.Contains(string(text), "defer registration.Unregister()") {
			t.Errorf("%s: expected a snippet that closes the client and does not unregister it", name)
		}
	}
}

// TestUnregister: the client is reported no more.
func TestUnregister(t *testing.T) {
	t.Parallel()
	meter, collect := meterOf(t)
	registration := observe(t, offline(t, ffcotel.Config{}), meter)
	if len(collect()) == 0 {
		t.Fatal("no metrics")
	}
	if err := registration.Unregister(); err != nil {
		t.Fatal(err)
	}
	for name, m := range collect() {
		if got := values(m); len(got) > 0 {
			t.Errorf("%s is still %v", name, got)
		}
	}
}

// TestObserveRejectsNil, and reports what the meter rejects.
func TestObserveRejectsNil(t *testing.T) {
	t.Parallel()
	client := offline(t, ffcotel.Config{})
	for want, observe := range map[string]func() (metric.Registration, error){
		"client of Observe is nil": func() (metric.Registration, error) { return ffcotel.Observe(nil, noop.Meter{}) },
		"meter of Observe is nil":  func() (metric.Registration, error) { return ffcotel.Observe(client, nil) },
		"no more instruments":      func() (metric.Registration, error) { return ffcotel.Observe(client, fullMeter{}) },
	} {
		if r, err := observe(); r != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, %v, want %q", r, err, want)
		}
	}
}

// fullMeter creates no gauges.
type fullMeter struct{ noop.Meter }

type meterError struct{}

func (meterError) Error() string { return "no more instruments" }

func (fullMeter) Float64ObservableGauge(string, ...metric.Float64ObservableGaugeOption) (metric.Float64ObservableGauge, error) {
	return noop.Float64ObservableGauge{}, meterError{}
}

// TestDocumentedMetrics: the table of the package documentation has each metric with
// its unit, kind and attributes.
func TestDocumentedMetrics(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]string) // by name
	for _, row := range regexp.MustCompile(`(?m)^//\t(ffc\.\S+) +(\{\w+\}|s) +(up-down counter|counter|gauge)(.*)$`).FindAllStringSubmatch(string(text), -1) {
		note := strings.TrimSpace(row[4])
		if strings.HasPrefix(note, "missing") {
			note = ""
		}
		documented[row[1]] = row[2] + " " + row[3] + " " + note
	}
	server := platforms.NewServer(t, ffctest.Classic, everyReason()...)
	meter, collect := meterOf(t)
	observe(t, online(t, server, flush.Config{}), meter)
	metrics := collect()
	for name, m := range metrics {
		if m.Description == "" {
			t.Errorf("%s has no description", name)
		}
		if want := m.Unit + " " + kindOf(m) + " " + attributesTable(m); documented[name] != want {
			t.Errorf("%s is documented as %q, want %q", name, documented[name], want)
		}
	}
	if !reflect.DeepEqual(slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(metrics))) {
		t.Errorf("documented %v\nwant %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(metrics)))
	}
}

func kindOf(m metricdata.Metrics) string {
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		if !data.IsMonotonic {
			return "up-down counter"
		}
		return "counter"
	case metricdata.Sum[float64]:
		return "counter"
	}
	return "gauge"
}

// attributesTable returns the attributes of a metric as the table has them: those of
// the client with their values.
func attributesTable(m metricdata.Metrics) string {
	data, ok := m.Data.(metricdata.Sum[int64])
	if !ok {
		return ""
	}
	var keys []string
	own := make(map[string][]string)
	for _, p := range data.DataPoints {
		for _, a := range p.Attributes.ToSlice() {
			key := string(a.Key)
			if !slices.Contains(keys, key) {
				keys = append(keys, key)
			}
			if strings.HasPrefix(key, "ffc.") {
				own[key] = append(own[key], a.Value.AsString())
			}
		}
	}
	slices.Sort(keys)
	slices.Reverse(keys) // feature_flag.result.reason before error.type
	for i, key := range keys {
		if len(own[key]) > 0 {
			slices.Sort(own[key])
			keys[i] += ": " + strings.Join(own[key], ", ")
		}
	}
	return strings.Join(keys, ", ")
}

// TestReadmeExpressions: the metrics and labels that the README names are among those
// that the example for Prometheus serves.
func TestReadmeExpressions(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	scraped, err := os.ReadFile("examples/prometheus/testdata/metrics.txt")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\b(ffc|error)_\w+`).FindAllString(string(readme), -1)
	if len(names) < 10 {
		t.Errorf("the README has only %q", names)
	}
	for _, name := range names {
		if !regexp.MustCompile(`(?m)^` + name + `\{|[{,]` + name + `=`).Match(scraped) {
			t.Errorf("the README has %s, which Prometheus does not get", name)
		}
	}
}
