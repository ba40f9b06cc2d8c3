// Command posthog is the cold-start program of peers/posthog.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/posthog"
)

func main() { cold.Run(posthog.Open) }
