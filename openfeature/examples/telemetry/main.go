// Command telemetry shows evaluations of feature flags in traces and metrics of
// OpenTelemetry. It prints both and needs no network.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"

	"github.com/open-feature/go-sdk/openfeature"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		slog.Error("telemetry failed", "error", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	// OpenTelemetry. In production the exporters are those of OTLP.
	spans, err := stdouttrace.New(stdouttrace.WithWriter(out), stdouttrace.WithPrettyPrint(), stdouttrace.WithoutTimestamps())
	if err != nil {
		return err
	}
	metrics, err := stdoutmetric.New(stdoutmetric.WithWriter(out), stdoutmetric.WithPrettyPrint(), stdoutmetric.WithoutTimestamps())
	if err != nil {
		return err
	}
	traces := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)))
	defer func() { err = errors.Join(err, traces.Shutdown(ctx), meters.Shutdown(ctx)) }()

	// The flags. In production the client has a secret and a transport.
	client, err := ffc.New(ctx, ffc.Config{
		Offline: true,
		Bootstrap: ffctest.Snapshot(
			ffctest.Flag("new-checkout").Rule("true", ffctest.Attr("country").IsOneOf("FR", "BE")).Serve("false").Version(1700000000000),
			ffctest.Flag("discount").Variations("0", "10").Serve("10").Version(1700000000000)),
	})
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	if err := openfeature.SetProviderWithContextAndWait(ctx, ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, openfeature.ShutdownWithContext(ctx)) }()
	hook, err := newEvaluationHook(meters.Meter("shop"))
	if err != nil {
		return err
	}
	openfeature.AddHooks(hook)

	handle(ctx, traces.Tracer("shop"), "ann", "FR")
	handle(ctx, traces.Tracer("shop"), "eve", "NZ")
	return nil
}

// handle is a request of a visitor.
func handle(ctx context.Context, tracer trace.Tracer, user, country string) {
	ctx, span := tracer.Start(ctx, "GET /checkout")
	defer span.End()
	flags := openfeature.NewClient("shop")
	visitor := openfeature.NewEvaluationContext(user, map[string]any{"country": country})
	if flags.Boolean(ctx, "new-checkout", false, visitor) {
		flags.Int(ctx, "discount", 0, visitor)
	}
	flags.String(ctx, "no-such-flag", "fallback", visitor)
}
