package ffcotel_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies: a program that imports the package links the client, the API of
// OpenTelemetry and their dependencies. The SDK, exporters and transports are the
// application's choice.
func TestDependencies(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"github.com/feature-flags-co/ffc-server-go-sdk/",
		"github.com/hashicorp/go-retryablehttp", // posts the client's events
		"github.com/hashicorp/go-cleanhttp",     // go-retryablehttp's
		"github.com/valyala/fastjson",           // reads the client's data
		"github.com/dlclark/regexp2",            // FeatBit's regular expressions
		"go.opentelemetry.io/otel/",
		"github.com/cespare/xxhash/v2", // hashes sets of attributes
	}
	banned := []string{"/transport/stream", "/transport/poll", "/lambda", "/ffctest", "go.opentelemetry.io/otel/sdk", "/exporters/"}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		known := path == "github.com/feature-flags-co/ffc-server-go-sdk/otel"
		for _, prefix := range allowed {
			known = known || strings.HasPrefix(path, prefix)
		}
		for _, part := range banned {
			known = known && !strings.Contains(path, part)
		}
		if !known {
			t.Errorf("links %s", path)
		}
	}
}
