package enginetest

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

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
