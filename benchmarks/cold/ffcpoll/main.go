// Command ffcpoll is the cold-start program of peers/ffc that gets its data by
// polling on demand.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/ffc"
)

func main() { cold.Run(ffc.OpenPolling) }
