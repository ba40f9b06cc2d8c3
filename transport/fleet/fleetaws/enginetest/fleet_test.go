package enginetest

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleets"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Changes reach a reader through each engine, also with heads in one and bodies in
// the other.
func TestFleet(t *testing.T) {
	t.Parallel()
	s3, dynamoDB := startS3(t), startDynamoDB(t)
	tests := map[string]func(t *testing.T) fleet.Backend{
		"S3":       func(t *testing.T) fleet.Backend { return newS3(t, s3, nil) },
		"DynamoDB": func(t *testing.T) fleet.Backend { return newDynamoDB(t, dynamoDB, false, nil) },
		"Split": func(t *testing.T) fleet.Backend {
			return fleet.Split{Heads: newDynamoDB(t, dynamoDB, false, nil), Bodies: newS3(t, s3, nil)}
		},
	}
	for name, open := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fleets.New(t, func() fleet.Backend { return open(t) })
			w.Turn(false)
			w.Turn(true)
		})
	}
}
