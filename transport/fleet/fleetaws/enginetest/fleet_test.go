package enginetest

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
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

func TestS3Conforms(t *testing.T) {
	t.Parallel()
	endpoint := startS3(t)
	fleettest.Run(t, func(t *testing.T) fleet.Backend { return newS3(t, endpoint, nil) })
}

// dynalite does not lag, so backends that read eventually conform, too.
func TestDynamoDBConforms(t *testing.T) {
	t.Parallel()
	endpoint := startDynamoDB(t)
	for name, eventually := range map[string]bool{"consistent": false, "eventually consistent": true} {
		t.Run(name, func(t *testing.T) {
			fleettest.Run(t, func(t *testing.T) fleet.Backend { return newDynamoDB(t, endpoint, eventually, nil) })
		})
	}
}
