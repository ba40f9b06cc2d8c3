package main

import (
	"context"
	"sync"
	"testing"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"go.opentelemetry.io/contrib/instrumentation/github.com/aws/aws-lambda-go/otellambda"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// metrics keeps the last that were exported.
type metrics struct {
	mu   sync.Mutex
	last map[string]metricdata.Metrics
}

func (m *metrics) Temporality(k sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.DefaultTemporalitySelector(k)
}

func (m *metrics) Aggregation(k sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(k)
}

func (m *metrics) Export(_ context.Context, all *metricdata.ResourceMetrics) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = make(map[string]metricdata.Metrics)
	for _, scope := range all.ScopeMetrics {
		for _, metric := range scope.Metrics {
			m.last[metric.Name] = metric
		}
	}
	return nil
}

func (m *metrics) ForceFlush(context.Context) error { return nil }
func (m *metrics) Shutdown(context.Context) error   { return nil }

func (m *metrics) sum(name string) (n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	data, _ := m.last[name].Data.(metricdata.Sum[int64])
	for _, p := range data.DataPoints {
		n += p.Value
	}
	return n
}

// TestSpansLeaveBeforeTheResponse, metrics too, and the events of flags after it.
func TestSpansLeaveBeforeTheResponse(t *testing.T) {
	ctx := testkit.Within(t)
	server := platforms.NewServer(t, ffctest.Classic, ffctest.Flag("banner").Variations("summer", "winter"))
	rt := lambdatest.NewRuntime()
	defer rt.Close()
	spans, metrics := tracetest.NewInMemoryExporter(), new(metrics)
	rt.Start(func() {
		err := start(ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Logger: testkit.Quiet()}, spans, metrics)
		t.Error("the function ended:", err)
	})

	for n := range 2 {
		resume := server.Stall(ffctest.Events)
		call := rt.Begin([]byte(`"ann"`))
		if got := string(call.Answer(ctx).Response); got != `"summer"` {
			t.Fatalf("response %s", got)
		}
		exported := spans.GetSpans()
		if len(exported) != n+1 || len(exported[n].Events) != 1 || exported[n].Events[0].Name != "feature_flag.evaluation" {
			t.Errorf("with response %d: spans %+v", n+1, exported)
		}
		if got := metrics.sum("ffc.evaluations"); got != int64(n+1) {
			t.Errorf("with response %d: %d evaluations in the metrics", n+1, got)
		}
		resume()
		if call.End(ctx); len(server.Events()) != n+1 {
			t.Errorf("before freeze %d: %d events", n+1, len(server.Events()))
		}
	}
}

// TestClientIsAFlusher: without package lambda, OpenTelemetry's wrapper delivers the
// events of flags as well, before the response.
func TestClientIsAFlusher(t *testing.T) {
	ctx := testkit.Within(t)
	server := platforms.NewServer(t, ffctest.Classic, ffctest.Flag("banner").Variations("summer", "winter"))
	client, err := ffc.New(ctx, ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &poll.Transport{}, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(ctx)
	rt := lambdatest.NewRuntime()
	defer rt.Close()
	rt.Start(func() {
		handler := func(ctx context.Context, user string) (string, error) {
			if err := client.Refresh(ctx); err != nil {
				return "", err
			}
			return client.Variation(ctx, "banner", ffc.NewUser(user), "none"), nil
		}
		awslambda.Start(otellambda.InstrumentHandler(handler,
			otellambda.WithTracerProvider(sdktrace.NewTracerProvider()),
			otellambda.WithFlusher(flushers{client})))
	})
	call := rt.Begin([]byte(`"ann"`))
	if got := call.Answer(ctx); string(got.Response) != `"summer"` || len(server.Events()) != 1 {
		t.Errorf("response %s, %v, with %d events before it", got.Response, got.Err, len(server.Events()))
	}
	call.End(ctx)
}
