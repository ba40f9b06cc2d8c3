// Command launchdarkly is the cold-start program of peers/launchdarkly.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/launchdarkly"
)

func main() { cold.Run(launchdarkly.Open) }
