package enginetest_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
)

// A fleet goes on while its server restarts, and after its bucket was emptied, and
// removed and made again.
func TestFleetSurvivesRestartsAndLostBuckets(t *testing.T) {
	t.Parallel()
	e := start(t)
	w := fleetkit.NewWorld(t, func() fleet.Backend { return e.open() })
	w.Turn(false)
	e.restart()
	w.Turn(true)
	js := e.jetStream()
	if err := js.PurgeStream("KV_ffc"); err != nil {
		t.Fatal(err)
	}
	w.Turn(false)
	if err := js.DeleteKeyValue("ffc"); err != nil {
		t.Fatal(err)
	}
	if err := e.open().Create(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	w.Turn(true)
	if w.Platform.Connections() != 1 {
		t.Errorf("the platform has %d connections, want that of the publisher", w.Platform.Connections())
	}
}

// cluster is three servers.
type cluster [3]*engine

// startCluster starts servers that know each other, and a bucket on all of them.
func startCluster(t *testing.T) cluster {
	t.Helper()
	var routes [3]*testkit.Port
	text := ""
	for i := range routes {
		port, err := testkit.NewPort()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(port.Close)
		routes[i] = port
		text += "nats://" + port.Address + ","
	}
	var c cluster
	for i := range c {
		_, port, _ := net.SplitHostPort(routes[i].Address)
		number, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		c[i] = startEmpty(t, func(o *server.Options) {
			o.ServerName = fmt.Sprint("server", i)
			o.Cluster = server.ClusterOpts{Name: "flags", Host: "127.0.0.1", Port: number}
			o.Routes = server.RoutesFromStr(strings.TrimSuffix(text, ","))
		})
	}
	testkit.Eventually(t, "the cluster has a leader of all servers", func() bool {
		for _, e := range c {
			if e.JetStreamIsLeader() && len(e.JetStreamClusterPeers()) == len(c) {
				return true
			}
		}
		return false
	})
	b := c.open(t)
	if err := b.Create(testkit.Within(t), len(c)); err != nil {
		t.Fatal(err)
	}
	if got, err := b.Durability(testkit.Within(t)); err != nil || got != (fleetnats.Durability{File: true, Replicas: 3}) {
		t.Errorf("Durability is %+v, error %v", got, err)
	}
	return c
}

// open makes a Backend that knows all servers.
func (c cluster) open(t *testing.T, configure ...func(*fleetnats.Config)) *fleetnats.Backend {
	t.Helper()
	servers := func(config *fleetnats.Config) {
		config.Servers = nil
		for _, e := range c {
			config.Servers = append(config.Servers, e.port.Address)
		}
	}
	return c[0].open(append(configure, servers)...)
}

// leader returns the server that leads the bucket.
func (c cluster) leader(t *testing.T) (leader *engine) {
	t.Helper()
	testkit.Eventually(t, "the bucket has a leader", func() bool {
		for _, e := range c {
			if e.Running() && e.JetStreamIsStreamLeader("$G", "KV_ffc") {
				leader = e
				return true
			}
		}
		return false
	})
	return leader
}

// The server that leads the bucket ends, and comes back later.
func TestClusterElectsAnotherLeader(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	w := fleetkit.NewWorld(t, func() fleet.Backend { return c.open(t) })
	lost := c.leader(t)
	lost.Close()
	w.Turn(false)
	lost.run()
	w.Turn(true)
	if w.Platform.Connections() != 1 {
		t.Errorf("the platform has %d connections, want that of the publisher", w.Platform.Connections())
	}
}
