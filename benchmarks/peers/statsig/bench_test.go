package statsig

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestCheck(t *testing.T) { harness.Check(t, Peer) }

func BenchmarkEvaluate(b *testing.B) { harness.Evaluate(b, Peer) }

func BenchmarkDeliver(b *testing.B) { harness.Deliver(b, Peer) }

func BenchmarkTraffic(b *testing.B) { harness.Traffic(b, Peer) }
