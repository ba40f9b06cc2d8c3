// Command ffc is the cold-start program of peers/ffc with a snapshot, offline.
package main

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/cold"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/peers/ffc"
)

func main() { cold.Run(ffc.Classic().Open) }
