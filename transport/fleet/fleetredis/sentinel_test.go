package fleetredis_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// startSentinel starts a Sentinel with a password that watches a primary named
// "flags".
func startSentinel(t *testing.T, primary *server) *server {
	t.Helper()
	host, port, _ := net.SplitHostPort(primary.port.Address)
	s := &server{TB: t, port: newPort(t)}
	_, own, _ := net.SplitHostPort(s.port.Address)
	file := filepath.Join(t.TempDir(), "sentinel.conf")
	text := strings.Join([]string{
		"port " + own, "bind 127.0.0.1",
		"sentinel monitor flags " + host + " " + port + " 1",
		"sentinel down-after-milliseconds flags 500",
		"user sentinel-reader on >PASSWORD +sentinel|get-master-addr-by-name",
	}, "\n")
	if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.process = exec.Command("redis-server", file, "--sentinel")
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Kill(s.process) })
	if err := testkit.AwaitAccepts(s.port.Address); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSentinelNamesThePrimary(t *testing.T) {
	t.Parallel()
	first := start(t, "--repl-diskless-sync-delay", "0")
	second := start(t, "--repl-diskless-sync-delay", "0")
	second.replicate(first)
	sentinel := startSentinel(t, first)
	configure := func(c *fleetredis.Config) {
		c.Addresses = []string{newPort(t).Address, sentinel.port.Address} // the first does not run
		c.Sentinel = "flags"
		c.SentinelCredentials = func(context.Context) (string, string, error) { return "sentinel-reader", "PASSWORD", nil }
	}
	t.Run("conformance", func(t *testing.T) {
		fleettest.Run(t, func(t *testing.T) fleet.Backend { return open(t, configure) })
	})
	t.Run("unknown name", func(t *testing.T) {
		b := open(t, configure, func(c *fleetredis.Config) { c.Sentinel = "other" })
		if _, _, err := b.Get(testkit.Within(t), "env/head"); err == nil || !strings.Contains(err.Error(), `no primary "other"`) {
			t.Errorf("error %v, want that the primary is unknown", err)
		}
	})
	t.Run("failover", func(t *testing.T) {
		w := fleetkit.NewWorld(t, func() fleet.Backend { return open(t, configure) })
		testkit.Eventually(t, "the Sentinel knows the replica", func() bool {
			return strings.Contains(sentinel.command("INFO", "sentinel"), "slaves=1")
		})
		w.Turn(false)
		testkit.Kill(first.process)
		w.Turn(true)
	})
}
