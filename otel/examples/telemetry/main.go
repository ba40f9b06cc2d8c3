// Command telemetry prints what OpenTelemetry gets of a client: spans with evaluations,
// and metrics. The platform is in the process, so it needs no network.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func main() {
	platform := ffctest.NewServer(ffctest.Snapshot(flags()...))
	err := run(context.Background(), os.Stdout, platform)
	platform.Close()
	if err != nil {
		slog.Error("telemetry failed", "error", err)
		os.Exit(1)
	}
}

// flags are those of the platform.
func flags() []ffctest.Item {
	return []ffctest.Item{
		ffctest.Flag("new-checkout").Rule("true", ffctest.Attr("country").IsOneOf("FR", "BE")).Serve("false").Version(1700000000000),
		ffctest.Flag("discount").Variations("0", "10").Serve("10").Version(1700000000000),
	}
}

func run(ctx context.Context, out io.Writer, platform *ffctest.Server) (err error) {
	// OpenTelemetry. In production the exporters are those of OTLP.
	spans, err := stdouttrace.New(stdouttrace.WithWriter(out), stdouttrace.WithPrettyPrint(), stdouttrace.WithoutTimestamps())
	if err != nil {
		return err
	}
	metrics, err := stdoutmetric.New(stdoutmetric.WithWriter(out), stdoutmetric.WithPrettyPrint(), stdoutmetric.WithoutTimestamps())
	if err != nil {
		return err
	}
	service := resource.NewSchemaless(semconv.ServiceName("shop"))
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithResource(service))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)), sdkmetric.WithResource(service))
	defer func() { err = errors.Join(err, traces.Shutdown(ctx), meters.Shutdown(ctx)) }()

	// The flags. The client is closed before the providers are shut down, so that the
	// last collection has its last counts.
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret:    platform.EnvSecret,
		BaseURL:      platform.URL,
		Transport:    &poll.Transport{},
		OnEvaluation: ffcotel.Evaluations(ffcotel.Config{SetID: "shop/production"}),
		Logger:       slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, client.Close(ctx)) }() // delivers the last events
	if _, err := ffcotel.Observe(client, meters.Meter(ffcotel.ScopeName)); err != nil {
		return err
	}

	handle(ctx, client, traces.Tracer("shop"), ffc.NewUser("ann", ffc.Country("FR")))
	handle(ctx, client, traces.Tracer("shop"), ffc.NewUser("eve", ffc.Country("NZ")))
	return nil
}

// handle is a request of a visitor.
func handle(ctx context.Context, client *ffc.Client, tracer trace.Tracer, visitor ffc.User) {
	ctx, span := tracer.Start(ctx, "GET /checkout")
	defer span.End()
	if client.BoolVariation(ctx, "new-checkout", visitor, false) {
		client.IntVariation(ctx, "discount", visitor, 0)
	}
	client.Variation(ctx, "no-such-flag", visitor, "fallback")
}
