package ffc

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestCheck(t *testing.T) { harness.Check(t, Classic().Peer()) }

func BenchmarkEvaluate(b *testing.B) { harness.Evaluate(b, Classic().Peer()) }

func BenchmarkDeliver(b *testing.B) { harness.Deliver(b, Classic().Peer()) }

func BenchmarkTraffic(b *testing.B) { harness.Traffic(b, Classic().Peer()) }

// BenchmarkUser makes a user with five attributes, as a request handler would.
func BenchmarkUser(b *testing.B) {
	var c client
	u := fixture.Hit()
	b.ReportAllocs()
	for b.Loop() {
		c.User(u)
	}
}
