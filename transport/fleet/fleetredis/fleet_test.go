package fleetredis_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

func TestFleetSurvivesFlushAllAndRestarts(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := fleetkit.NewWorld(t, func() fleet.Backend { return s.open() })
	w.Turn(false)
	s.command("FLUSHALL")
	w.Turn(true)
	s.restart()
	w.Turn(false)
	if w.Platform.Connections() != 1 {
		t.Errorf("the platform has %d connections, want that of the publisher", w.Platform.Connections())
	}
}

// The replica of a server that fails is promoted. Later the first server is back,
// as a replica, and then it is promoted in turn while both run.
func TestFleetFollowsPromotedReplicas(t *testing.T) {
	t.Parallel()
	const fast = "--repl-diskless-sync-delay" // 0 instead of 5 s
	first, second := start(t, fast, "0"), start(t, fast, "0")
	addresses := []string{first.port.Address, second.port.Address}
	second.replicate(first)
	w := fleetkit.NewWorld(t, func() fleet.Backend {
		return open(t, func(c *fleetredis.Config) { c.Addresses = addresses })
	})
	w.Turn(false)
	testkit.Kill(first.process)
	second.command("REPLICAOF", "NO", "ONE")
	w.Turn(true)
	first.run()
	first.replicate(second)
	w.Turn(false)
	first.command("REPLICAOF", "NO", "ONE")
	second.replicate(first)
	w.Turn(true)
}
