package fleetredis_test

import (
	"crypto/tls"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/rueidis"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// server is a redis-server of a test.
type server struct {
	testing.TB
	port    *testkit.Port
	options []string
	process *exec.Cmd
	// admin is what the test uses to configure the server.
	admin *tls.Config
}

// start starts a redis-server, and skips the test if there is none.
func start(t testing.TB, options ...string) *server {
	t.Helper()
	s := &server{TB: t, port: newPort(t), options: options}
	s.run()
	return s
}

// newPort takes a port until the test ends.
func newPort(t testing.TB) *testkit.Port {
	t.Helper()
	port, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	return port
}

// run starts the process.
func (s *server) run() {
	s.Helper()
	options := s.options
	if s.admin != nil {
		_, port, _ := net.SplitHostPort(s.port.Address)
		options = append([]string{"--port", "0", "--tls-port", port}, options...)
	}
	process, err := testkit.RunRedis(s.port.Address, s.TempDir(), options...)
	if errors.Is(err, testkit.ErrNoRedis) {
		s.Skip(err)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.process = process
	s.Cleanup(func() { testkit.Kill(process) })
}

// replicate makes the server a replica, and waits until it has all data.
func (s *server) replicate(primary *server) {
	s.Helper()
	host, port, _ := net.SplitHostPort(primary.port.Address)
	s.command("REPLICAOF", host, port)
	s.synced()
}

// synced waits until a replica has all data.
func (s *server) synced() {
	s.Helper()
	testkit.Eventually(s, "the replica has synced", func() bool {
		return s.command("EVAL", "return string.match(redis.call('INFO', 'replication'), 'master_link_status:(%a+)')", "0") == "up"
	})
}

// restart kills the server and starts it again, without its data.
func (s *server) restart() {
	s.Helper()
	testkit.Kill(s.process)
	s.run()
}

// reply sends a command as the default user, and returns the reply.
func (s *server) reply(words ...string) rueidis.RedisResult {
	s.Helper()
	client, err := rueidis.NewClient(rueidis.ClientOption{
		InitAddress: []string{s.port.Address}, ForceSingleClient: true, DisableCache: true, TLSConfig: s.admin,
	})
	if err != nil {
		s.Fatal(err)
	}
	defer client.Close()
	reply := client.Do(testkit.Within(s), client.B().Arbitrary(words[0]).Args(words[1:]...).Build())
	if err := reply.Error(); err != nil {
		s.Fatalf("%q: %v", words, err)
	}
	return reply
}

// command sends a command as the default user, and returns its text.
func (s *server) command(words ...string) string {
	s.Helper()
	text, _ := s.reply(words...).ToString()
	return text
}

// accepted returns how many connections the server has accepted, with the one
// that this takes.
func (s *server) accepted() int {
	s.Helper()
	_, rest, _ := strings.Cut(s.command("INFO", "stats"), "total_connections_received:")
	number, _, _ := strings.Cut(rest, "\r")
	n, err := strconv.Atoi(number)
	if err != nil {
		s.Fatal(err)
	}
	return n
}

// open makes a Backend that ends with the test.
func (s *server) open(configure ...func(*fleetredis.Config)) *fleetredis.Backend {
	s.Helper()
	return open(s, append([]func(*fleetredis.Config){func(c *fleetredis.Config) { c.Addresses = []string{s.port.Address} }}, configure...)...)
}

func open(t testing.TB, configure ...func(*fleetredis.Config)) *fleetredis.Backend {
	t.Helper()
	var config fleetredis.Config
	for _, set := range configure {
		set(&config)
	}
	b, err := fleetredis.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return b
}

// startTLS starts a server that accepts encrypted connections only, and returns
// what clients need to trust it.
func startTLS(t testing.TB) (*server, *tls.Config) {
	t.Helper()
	certFile, keyFile, trust, err := testkit.Certificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &server{TB: t, port: newPort(t), admin: trust, options: []string{
		"--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no",
	}}
	s.run()
	return s, trust
}
