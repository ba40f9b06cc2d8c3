// Package ffcfeatbit measures this repository's SDK on data of FeatBit.
package ffcfeatbit

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/harness"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/ffc"
)

func TestMain(m *testing.M) { harness.Main(m) }

func TestCheck(t *testing.T) { harness.Check(t, ffc.FeatBit().Peer()) }

func BenchmarkEvaluate(b *testing.B) { harness.Evaluate(b, ffc.FeatBit().Peer()) }

func BenchmarkDeliver(b *testing.B) { harness.Deliver(b, ffc.FeatBit().Peer()) }

func BenchmarkTraffic(b *testing.B) { harness.Traffic(b, ffc.FeatBit().Peer()) }
