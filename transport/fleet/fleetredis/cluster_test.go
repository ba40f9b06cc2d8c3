package fleetredis_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// slots is how many slots a cluster has.
const slots = 16384

// cluster is a Redis Cluster. Its primaries have equal shares of the slots, in
// their order.
type cluster struct {
	testing.TB
	primaries []*server
}

// startCluster starts a cluster of three nodes.
func startCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{TB: t}
	for range 3 {
		c.primaries = append(c.primaries, c.node())
	}
	for i, s := range c.primaries {
		s.command("CLUSTER", "ADDSLOTSRANGE", fmt.Sprint(i*slots/3), fmt.Sprint((i+1)*slots/3-1))
		s.command("CLUSTER", "SET-CONFIG-EPOCH", fmt.Sprint(i+1))
		if i > 0 {
			c.meet(s)
		}
	}
	for _, s := range c.primaries {
		s.clusterHas("cluster_state:ok", "cluster_known_nodes:3")
	}
	return c
}

// node starts a node that knows no others.
func (c *cluster) node() *server {
	c.Helper()
	_, bus, _ := net.SplitHostPort(newPort(c).Address)
	return start(c, "--dir", c.TempDir(), "--cluster-enabled", "yes", "--cluster-port", bus, "--cluster-node-timeout", "500",
		"--cluster-allow-replica-migration", "no", "--repl-diskless-sync-delay", "0")
}

// meet makes a node known to the first, which makes it known to the others.
func (c *cluster) meet(s *server) {
	c.Helper()
	host, port, _ := net.SplitHostPort(s.port.Address)
	var bus string
	for i, option := range s.options {
		if option == "--cluster-port" {
			bus = s.options[i+1]
		}
	}
	c.primaries[0].command("CLUSTER", "MEET", host, port, bus)
}

// clusterHas waits until a node sees the cluster so.
func (s *server) clusterHas(lines ...string) {
	s.Helper()
	testkit.Eventually(s, strings.Join(lines, ", "), func() bool {
		info := s.command("CLUSTER", "INFO")
		for _, line := range lines {
			if !strings.Contains(info, line) {
				return false
			}
		}
		return true
	})
}

// slot returns the slot of the values of an environment.
func (c *cluster) slot(environment string) int {
	c.Helper()
	slot, _ := c.primaries[0].reply("CLUSTER", "KEYSLOT", "{ffc:"+environment+"}/head").AsInt64()
	return int(slot)
}

// owner returns the primary that has the values of an environment.
func (c *cluster) owner(environment string) *server {
	return c.primaries[(c.slot(environment)*3+2)/slots]
}

// others returns the other primaries.
func (c *cluster) others(owner *server) (others []*server) {
	for _, s := range c.primaries {
		if s != owner {
			others = append(others, s)
		}
	}
	return others
}

// open makes a Backend that knows two nodes.
func (c *cluster) open(configure ...func(*fleetredis.Config)) *fleetredis.Backend {
	c.Helper()
	return open(c, append([]func(*fleetredis.Config){func(config *fleetredis.Config) {
		config.Addresses = []string{c.primaries[1].port.Address, c.primaries[2].port.Address}
		config.Cluster = true
	}}, configure...)...)
}

func TestClusterConforms(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	fleettest.Run(t, func(*testing.T) fleet.Backend { return c.open() })
	// All nodes have served: names of tests are on all of them.
	for i, s := range c.primaries {
		b := c.open()
		environment := ""
		for n := 0; environment == ""; n++ {
			if name := fmt.Sprint("env", n); c.owner(name) == s {
				environment = name
			}
		}
		head, body := environment+"/head", environment+"/body.0"
		if _, err := b.Swap(testkit.Within(t), head, []byte("head"), ""); err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
		if err := b.Put(testkit.Within(t), body, []byte("body")); err != nil {
			t.Fatalf("node %d: %v", i, err)
		}
		if n, _ := s.reply("CLUSTER", "COUNTKEYSINSLOT", fmt.Sprint(c.slot(environment))).AsInt64(); n != 2 {
			t.Errorf("node %d has %d keys of the environment in its slot, want head and body", i, n)
		}
	}
}

// migrate moves a slot from one primary to another while work runs, which sees
// ASK and MOVED.
func (c *cluster) migrate(slot int, from, to *server, meanwhile func()) {
	c.Helper()
	number := fmt.Sprint(slot)
	toID := to.command("CLUSTER", "MYID")
	to.command("CLUSTER", "SETSLOT", number, "IMPORTING", from.command("CLUSTER", "MYID"))
	from.command("CLUSTER", "SETSLOT", number, "MIGRATING", toID)
	meanwhile()
	host, port, _ := net.SplitHostPort(to.port.Address)
	keys, _ := from.reply("CLUSTER", "GETKEYSINSLOT", number, "100").AsStrSlice()
	from.command(append([]string{"MIGRATE", host, port, "", "0", "5000", "KEYS"}, keys...)...)
	meanwhile()
	for _, s := range append([]*server{to, from}, c.others(from)...) {
		s.command("CLUSTER", "SETSLOT", number, "NODE", toID)
	}
	meanwhile()
}

// Values move to another node without a failed call. They do not move back: until
// all nodes know the new owner of a slot, Redis itself may lose what moves again.
func TestClusterSlotsMigrateUnderLoad(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	from, slot := c.owner("env"), c.slot("env")
	to := c.others(from)[0]
	b := c.open()
	tag, err := b.Swap(testkit.Within(t), "env/head", []byte("head 0"), "")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	load := fleetkit.UnderLoad(t, b)
	write := func() {
		t.Helper()
		load.GoesOn()
		n++
		if tag, err = b.Swap(testkit.Within(t), "env/head", fmt.Appendf(nil, "head %d", n), tag); err != nil {
			t.Fatalf("Swap %d: %v", n, err)
		}
	}
	c.migrate(slot, from, to, write)
	load.End()
}

// A node that fails takes the slots of its environments with it until its replica
// is promoted: readers keep their data, report INTERRUPTED and recover.
func TestClusterPromotesAReplica(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	w := fleetkit.NewWorld(t, func() fleet.Backend { return c.open() })
	owner := c.owner(w.Environment)
	replica := c.node()
	c.meet(replica)
	for _, s := range append(c.primaries, replica) {
		s.clusterHas("cluster_state:ok", "cluster_known_nodes:4")
	}
	replica.command("CLUSTER", "REPLICATE", owner.command("CLUSTER", "MYID"))
	replica.synced()
	w.Turn(false)
	testkit.Kill(owner.process)
	w.Turn(true) // by the promoted replica
}

func TestClusterSlotIsUnavailable(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	w := fleetkit.NewWorld(t, func() fleet.Backend { return c.open() })
	owner := c.owner(w.Environment)
	interrupted := make(chan error, 1)
	stopWatching := w.Client.OnStatus(func(s ffc.Status) {
		if s.State == ffc.StateInterrupted {
			select {
			case interrupted <- s.Err:
			default:
			}
		}
	})
	defer stopWatching()
	testkit.Kill(owner.process)
	select {
	case err := <-interrupted:
		if err == nil {
			t.Error("INTERRUPTED without an error")
		}
	case <-testkit.Within(t).Done():
		t.Fatal("the reader does not report that its node is down")
	}
	w.Expect(true)
	owner.run() // with its place in the cluster, without data
	w.Turn(false)
	testkit.Eventually(t, "the reader reports OK", func() bool { return w.Client.Status().State == ffc.StateOK })
}

// A call that waits for a node that does not respond returns with its context.
func TestClusterNodeThatStops(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	owner := c.owner("env")
	addresses := func(config *fleetredis.Config) { config.Addresses = []string{c.others(owner)[0].port.Address} }
	b := c.open(addresses)
	if err := owner.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	// One call connects, another one waits for the same connection.
	long, cancelLong := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancelLong()
	ended := make(chan error, 1)
	go func() {
		_, _, err := b.Get(long, "env/head")
		ended <- err
	}()
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := b.Get(short, "env/head"); err == nil {
		t.Error("a read of a node that is stopped succeeds")
	}
	select {
	case <-ended:
		t.Error("the short call has waited for the long one")
	default:
	}
	cancelLong()
	<-ended
	if err := owner.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "reads work again", func() bool {
		_, _, err := b.Get(testkit.Within(t), "env/head")
		return err == fleet.ErrNotFound
	})
}

// clusterRight is the right that the documentation names for clusters.
const clusterRight = "+cluster|slots"

// The users that the documentation describes, and one without the right to ask for
// the nodes.
func TestClusterRights(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	for _, s := range c.primaries {
		for _, command := range documented(t) {
			s.command(append(command, clusterRight)...)
		}
		s.command("ACL", "SETUSER", "lacking", "on", ">PASSWORD", "~{ffc:*", "&{ffc:*", "+get", "-cluster|slots")
	}
	as := func(user string) func(*fleetredis.Config) {
		return func(config *fleetredis.Config) {
			config.Credentials = func(context.Context) (string, string, error) { return user, "PASSWORD", nil }
		}
	}
	if _, err := c.open(as("publisher")).Swap(testkit.Within(t), "env/head", []byte("head"), ""); err != nil {
		t.Errorf("the publisher: %v", err)
	}
	reader := c.open(as("reader"))
	if value, _, err := reader.Get(testkit.Within(t), "env/head"); err != nil || string(value) != "head" {
		t.Errorf("the reader: %q, error %v", value, err)
	}
	_, _, err := c.open(as("lacking")).Get(testkit.Within(t), "env/head")
	if err == nil || !strings.Contains(err.Error(), "cluster|slots") || !strings.Contains(err.Error(), "check the rights of the user") {
		t.Errorf("error %v, want that the right cluster|slots is missing", err)
	}
}

// A configuration that does not fit the server says so.
func TestClusterIsConfigured(t *testing.T) {
	t.Parallel()
	c, alone := startCluster(t), start(t)
	other := c.others(c.owner("env"))[0]
	if _, _, err := other.open().Get(testkit.Within(t), "env/head"); err == nil || !strings.Contains(err.Error(), "set Config.Cluster") {
		t.Errorf("error %v, want to set Cluster", err)
	}
	cluster := func(config *fleetredis.Config) { config.Cluster = true }
	if _, _, err := alone.open(cluster).Get(testkit.Within(t), "env/head"); err == nil || !strings.Contains(err.Error(), "cluster support disabled") {
		t.Errorf("error %v, want that the server is alone", err)
	}
	_, err := fleetredis.New(fleetredis.Config{Addresses: []string{"localhost:6379"}, Cluster: true, Sentinel: "flags", Database: 1})
	for _, want := range []string{"unusable Sentinel with Cluster", "unusable Database 1 with Cluster"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want that it has %s", err, want)
		}
	}
}
