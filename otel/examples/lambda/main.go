// Command lambda is a function on AWS Lambda with OpenTelemetry: each invocation is a
// span with its evaluations, which leaves before the response. Events of flags leave
// after the response, before the freeze.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/github.com/aws/aws-lambda-go/otellambda"
	"go.opentelemetry.io/otel/exporters/stdout/stdoutmetric"
	"go.opentelemetry.io/otel/exporters/stdout/stdouttrace"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

func main() {
	spans, err := stdouttrace.New() // in production that of OTLP
	if err != nil {
		log.Fatal(err)
	}
	metrics, err := stdoutmetric.New()
	if err != nil {
		log.Fatal(err)
	}
	err = start(ffc.Config{EnvSecret: os.Getenv("FFC_ENV_SECRET")}, spans, metrics)
	log.Fatal(err)
}

// start serves invocations. It returns only an error.
func start(cfg ffc.Config, spans sdktrace.SpanExporter, metrics sdkmetric.Exporter) error {
	traces := sdktrace.NewTracerProvider(sdktrace.WithBatcher(spans))
	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)))

	cfg.Transport = &poll.Transport{}
	cfg.OnEvaluation = ffcotel.Evaluations(ffcotel.Config{})
	client, err := ffc.New(context.Background(), cfg)
	if err != nil {
		return err
	}
	if _, err := ffcotel.Observe(client, meters.Meter(ffcotel.ScopeName)); err != nil {
		return err
	}

	handler := func(ctx context.Context, user string) (string, error) {
		return client.Variation(ctx, "banner", ffc.NewUser(user), "none"), nil
	}
	lambda.Start(client, otellambda.InstrumentHandler(handler,
		otellambda.WithTracerProvider(traces),
		otellambda.WithFlusher(flushers{traces, meters})))
	return nil
}

// flushers deliver spans and metrics before Lambda freezes the process.
type flushers []otellambda.Flusher

// ForceFlush implements otellambda.Flusher.
func (all flushers) ForceFlush(ctx context.Context) (err error) {
	for _, f := range all {
		err = errors.Join(err, f.ForceFlush(ctx))
	}
	return err
}
