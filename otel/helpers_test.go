package ffcotel_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
)

// dataVersion is the version of the data of offline clients.
const dataVersion = 1700000000000

// offline returns a client with these flags and without a connection, whose
// evaluations are recorded with cfg.
func offline(t testing.TB, cfg ffcotel.Config, items ...ffctest.Item) *ffc.Client {
	t.Helper()
	client, err := ffc.New(t.Context(), ffc.Config{
		Offline:      true,
		Bootstrap:    ffctest.Snapshot(append(items, ffctest.Flag("newest").Version(dataVersion))...),
		OnEvaluation: ffcotel.Evaluations(cfg),
		Logger:       testkit.Quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client
}

// traces returns a tracer and a recorder of its spans.
func traces(options ...sdktrace.TracerProviderOption) (trace.Tracer, *tracetest.SpanRecorder) {
	recorder := tracetest.NewSpanRecorder()
	return sdktrace.NewTracerProvider(append(options, sdktrace.WithSpanProcessor(recorder))...).Tracer("test"), recorder
}

// attributesOf returns attributes by name.
func attributesOf(list []attribute.KeyValue) map[string]any {
	m := make(map[string]any, len(list))
	for _, a := range list {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	return m
}

// meterOf returns a meter and what collects its metrics, by name.
func meterOf(t testing.TB) (metric.Meter, func() map[string]metricdata.Metrics) {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter(ffcotel.ScopeName)
	return meter, func() map[string]metricdata.Metrics {
		t.Helper()
		var all metricdata.ResourceMetrics
		if err := reader.Collect(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		metrics := make(map[string]metricdata.Metrics)
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				metrics[m.Name] = m
			}
		}
		return metrics
	}
}

// observe registers a client with a meter until the test ends.
func observe(t testing.TB, client *ffc.Client, meter metric.Meter, attrs ...attribute.KeyValue) metric.Registration {
	t.Helper()
	registration, err := ffcotel.Observe(client, meter, attrs...)
	if err != nil {
		t.Fatal(err)
	}
	return registration
}
