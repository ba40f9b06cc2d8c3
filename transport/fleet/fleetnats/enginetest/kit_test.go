package enginetest_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats/enginetest"
)

// engine is a server of a test that can be restarted.
type engine struct {
	testing.TB
	port      *testkit.Port
	dir       string
	configure []func(*server.Options)
	*enginetest.Server
}

// start starts a server with an empty bucket.
func start(t testing.TB, configure ...func(*server.Options)) *engine {
	t.Helper()
	e := startEmpty(t, configure...)
	if err := e.open().Create(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	return e
}

// startEmpty starts a server without streams.
func startEmpty(t testing.TB, configure ...func(*server.Options)) *engine {
	t.Helper()
	port, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	e := &engine{TB: t, port: port, dir: t.TempDir()}
	e.configure = append(configure, enginetest.On(port.Address))
	e.run()
	t.Cleanup(func() { e.Close() })
	return e
}

// run starts the server.
func (e *engine) run() {
	e.Helper()
	s, err := enginetest.Start(e.dir, e.configure...)
	if err != nil {
		e.Fatal(err)
	}
	e.Server = s
}

// restart ends the server and starts it again with its data.
func (e *engine) restart() {
	e.Helper()
	e.Close()
	e.run()
}

// open makes a Backend that ends with the test.
func (e *engine) open(configure ...func(*fleetnats.Config)) *fleetnats.Backend {
	e.Helper()
	config := fleetnats.Config{Servers: []string{e.port.Address}}
	for _, set := range configure {
		set(&config)
	}
	b, err := fleetnats.New(config)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(b.Close)
	return b
}

// queue makes a Queue that ends with the test.
func (e *engine) queue(configure ...func(*fleetnats.QueueConfig)) *fleetnats.Queue {
	e.Helper()
	config := fleetnats.QueueConfig{Servers: []string{e.port.Address}}
	for _, set := range configure {
		set(&config)
	}
	q, err := fleetnats.NewQueue(config)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(q.Close)
	return q
}
