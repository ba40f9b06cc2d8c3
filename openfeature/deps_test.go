package ffcopenfeature_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDependencies: a program that imports the provider links the client,
// OpenFeature's SDK and their dependencies. Transports are the application's choice.
func TestDependencies(t *testing.T) {
	t.Parallel()
	allowed := []string{
		"github.com/feature-flags-co/ffc-server-go-sdk/",
		"github.com/open-feature/go-sdk/",
		"github.com/hashicorp/go-retryablehttp", // posts the client's events
		"github.com/hashicorp/go-cleanhttp",     // go-retryablehttp's
		"github.com/valyala/fastjson",           // reads the client's data
		"github.com/dlclark/regexp2",            // FeatBit's regular expressions
		"go.uber.org/mock/gomock",               // OpenFeature's SDK has mocks of its interfaces
	}
	banned := []string{"/transport/stream", "/transport/poll", "/lambda", "/ffctest", "go.opentelemetry.io"}
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		known := path == "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
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
