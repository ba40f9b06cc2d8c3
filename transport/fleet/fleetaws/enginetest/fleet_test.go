package enginetest

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Changes reach a reader through each engine, also with heads in one and bodies in
// the other.
func TestFleet(t *testing.T) {
	t.Parallel()
	onS3 := func(t *testing.T) func() fleet.Backend {
		endpoint := startS3(t)
		return func() fleet.Backend { return newS3(t, endpoint, nil) }
	}
	onDynamoDB := func(t *testing.T) func() fleet.Backend {
		endpoint := startDynamoDB(t)
		return func() fleet.Backend { return newDynamoDB(t, endpoint, false, nil) }
	}
	tests := map[string]func(t *testing.T) func() fleet.Backend{
		"S3":       onS3,
		"DynamoDB": onDynamoDB,
		"Split": func(t *testing.T) func() fleet.Backend {
			heads, bodies := onDynamoDB(t), onS3(t)
			return func() fleet.Backend { return fleet.Split{Heads: heads(), Bodies: bodies()} }
		},
	}
	for name, start := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fleetkit.NewWorld(t, start(t))
			w.Turn(false)
			w.Turn(true)
		})
	}
}
