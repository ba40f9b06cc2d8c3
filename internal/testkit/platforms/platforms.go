// Package platforms has platforms for tests: each of them in turn, and one in
// memory that fails as a test tells it to.
package platforms

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// All returns the platforms that clients know.
func All() []ffctest.Platform { return []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} }

// NewServer returns a server with these flags and segments, which ends with the test.
func NewServer(t testing.TB, p ffctest.Platform, items ...ffctest.Item) *ffctest.Server {
	t.Helper()
	server := p.NewServer(p.Snapshot(items...))
	t.Cleanup(server.Close)
	return server
}

// Each runs a test for each platform, as a subtest with the platform's name.
func Each(t *testing.T, test func(t *testing.T, p ffctest.Platform)) {
	t.Helper()
	for _, p := range All() {
		t.Run(p.String(), func(t *testing.T) { test(t, p) })
	}
}

// EachParallel is Each with subtests that run in parallel.
func EachParallel(t *testing.T, test func(t *testing.T, p ffctest.Platform)) {
	t.Helper()
	Each(t, func(t *testing.T, p ffctest.Platform) {
		t.Parallel()
		test(t, p)
	})
}
