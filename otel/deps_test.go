package ffcotel_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestDependencies: a program that imports the package links the client, the API of
// OpenTelemetry and their dependencies. The SDK, exporters and transports are the
// application's choice.
func TestDependencies(t *testing.T) {
	t.Parallel()
	testkit.LinksClientAnd(t,
		"go.opentelemetry.io/otel/attribute",
		"go.opentelemetry.io/otel/attribute/internal/",
		"go.opentelemetry.io/otel/codes",
		"go.opentelemetry.io/otel/log",
		"go.opentelemetry.io/otel/log/embedded",
		"go.opentelemetry.io/otel/metric",
		"go.opentelemetry.io/otel/metric/embedded",
		"go.opentelemetry.io/otel/semconv/",
		"go.opentelemetry.io/otel/trace",
		"go.opentelemetry.io/otel/trace/embedded",
		"go.opentelemetry.io/otel/trace/internal/",
		"github.com/cespare/xxhash/v2", // hashes sets of attributes
	)
}
