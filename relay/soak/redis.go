package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"

	"github.com/redis/rueidis"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// redis is a redis-server.
type redis struct {
	address string
	trust   *tls.Config // nil without TLS
	process *exec.Cmd
	admin   rueidis.Client
	close   func()
}

// startRedis starts a redis-server on loopback.
func startRedis(options ...string) (*redis, error) {
	return startServer(func(r *redis, dir string) error { return r.run(dir, options) })
}

// startRedisTLS starts a redis-server that accepts encrypted connections only.
func startRedisTLS(options ...string) (*redis, error) {
	return startServer(func(r *redis, dir string) error {
		certFile, keyFile, trust, err := testkit.Certificate(dir)
		if err != nil {
			return err
		}
		r.trust = trust
		_, number, _ := net.SplitHostPort(r.address)
		return r.run(dir, append([]string{
			"--port", "0", "--tls-port", number, "--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-auth-clients", "no",
		}, options...))
	})
}

func (r *redis) run(dir string, options []string) (err error) {
	r.process, err = testkit.RunRedis(r.address, dir, options...)
	return err
}

// startServer starts a server with run, which has a folder for it, and waits until the
// server accepts connections.
func startServer(run func(r *redis, dir string) error) (*redis, error) {
	port, err := testkit.NewPort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		port.Close()
		return nil, err
	}
	r := &redis{address: port.Address}
	if err = run(r, dir); err == nil {
		err = testkit.AwaitAccepts(r.address)
	}
	if err != nil {
		port.Close()
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.close = onInterrupt.add(func() {
		if r.admin != nil {
			r.admin.Close()
		}
		testkit.Kill(r.process)
		port.Close()
		_ = os.RemoveAll(dir)
	})
	r.admin, err = rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{r.address}, ForceSingleClient: true, DisableCache: true, TLSConfig: r.trust})
	if err != nil {
		r.close()
		return nil, fmt.Errorf("connecting to redis-server: %w", err)
	}
	return r, nil
}

// command sends a command, and returns its text.
func (r *redis) command(words ...string) (string, error) {
	return r.admin.Do(context.Background(), r.admin.B().Arbitrary(words[0]).Args(words[1:]...).Build()).ToString()
}

// backend returns a Backend with a connection of its own.
func (r *redis) backend() *fleetredis.Backend {
	return newBackend(fleetredis.Config{Addresses: []string{r.address}, TLS: r.trust})
}

// newBackend returns a Backend of a configuration that is right.
func newBackend(c fleetredis.Config) *fleetredis.Backend {
	b, err := fleetredis.New(c)
	if err != nil {
		panic(err)
	}
	return b
}
