package ffcopenfeature_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestDependencies: a program that imports the provider links the client,
// OpenFeature's SDK and their dependencies. Transports are the application's choice.
func TestDependencies(t *testing.T) {
	t.Parallel()
	testkit.LinksClientAnd(t, "github.com/open-feature/go-sdk/openfeature", "github.com/open-feature/go-sdk/openfeature/internal/")
}
