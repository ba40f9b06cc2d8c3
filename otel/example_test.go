package ffcotel_test

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// A service: evaluations in its traces, and metrics of its client.
func Example() {
	start := func(ctx context.Context, envSecret string) error {
		client, err := ffc.New(ctx, ffc.Config{
			EnvSecret:    envSecret,
			Transport:    &stream.Transport{},
			OnEvaluation: ffcotel.Evaluations(ffcotel.Config{}),
		})
		if err != nil {
			return err
		}
		defer client.Close(context.WithoutCancel(ctx)) // delivers the last events
		if _, err := ffcotel.Observe(client, otel.Meter(ffcotel.ScopeName)); err != nil {
			return err
		}
		return serve(ctx, client)
	}
	_ = start
}

func serve(context.Context, *ffc.Client) error { return nil }

// The event of an evaluation. Evaluations without a span in their context have none.
func ExampleEvaluations() {
	client, err := ffc.New(context.Background(), ffc.Config{
		Offline:      true,
		Bootstrap:    ffctest.Snapshot(ffctest.Flag("new-checkout").Version(1700000000000)),
		OnEvaluation: ffcotel.Evaluations(ffcotel.Config{SetID: "shop/production"}),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	recorder := tracetest.NewSpanRecorder()
	tracer := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder)).Tracer("shop")

	ctx, span := tracer.Start(context.Background(), "GET /checkout")
	client.BoolVariation(ctx, "new-checkout", ffc.NewUser("u-42"), false)
	span.End()

	event := recorder.Ended()[0].Events()[0]
	fmt.Println(event.Name)
	for _, a := range event.Attributes {
		fmt.Println(a.Key, a.Value.AsString())
	}
	// Output:
	// feature_flag.evaluation
	// feature_flag.key new-checkout
	// feature_flag.provider.name featureflag.co
	// feature_flag.result.reason static
	// feature_flag.result.variant 1
	// feature_flag.version 1700000000000
	// feature_flag.set.id shop/production
}

// Log records instead of span events, and a second use of OnEvaluation.
func ExampleEvaluations_logs() {
	configure := func(cfg *ffc.Config, logs log.LoggerProvider) {
		record := ffcotel.Evaluations(ffcotel.Config{Logger: logs.Logger(ffcotel.ScopeName)})
		cfg.OnEvaluation = func(ctx context.Context, e ffc.Evaluation) {
			record(ctx, e)
			if e.Err != nil {
				slog.WarnContext(ctx, "fallback", "flag", e.FlagKey, "error", e.Err)
			}
		}
	}
	_ = configure
}

// Two clients with one meter.
func ExampleObserve() {
	reader := sdkmetric.NewManualReader()
	meter := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)).Meter(ffcotel.ScopeName)
	for _, environment := range []string{"shop", "stock"} {
		client, err := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("new-checkout"))})
		if err != nil {
			fmt.Println(err)
			return
		}
		registration, err := ffcotel.Observe(client, meter, attribute.String("environment", environment))
		if err != nil {
			fmt.Println(err)
			return
		}
		defer registration.Unregister()
		client.BoolVariation(context.Background(), "new-checkout", ffc.NewUser("u-42"), false)
	}

	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		fmt.Println(err)
		return
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		if data, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "ffc.evaluations" {
			for _, p := range data.DataPoints {
				if p.Value > 0 {
					fmt.Println(p.Attributes.Encoded(attribute.DefaultEncoder()), p.Value)
				}
			}
		}
	}
	// Unordered output:
	// environment=shop,feature_flag.result.reason=default 1
	// environment=stock,feature_flag.result.reason=default 1
}
