package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	natstest "github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats/enginetest"
)

// natsVariable makes a process of this program a NATS server. It has the address and
// the folder.
const natsVariable = "FFC_SOAK_NATS"

// runNATS is a NATS server, if this process is one.
func runNATS() {
	var address, dir string
	if n, _ := fmt.Sscan(os.Getenv(natsVariable), &address, &dir); n != 2 {
		return
	}
	if _, err := natstest.Start(dir, natstest.On(address)); err != nil {
		fmt.Fprintln(os.Stderr, "soak: NATS:", err)
		os.Exit(1)
	}
	select {}
}

// natsServer is a process with a NATS server.
type natsServer struct {
	port    *testkit.Port
	dir     string
	process *exec.Cmd
}

// startNATS starts a NATS server. close ends it.
func startNATS() (s *natsServer, closeIt func(), err error) {
	s = new(natsServer)
	if s.port, err = testkit.NewPort(); err != nil {
		return nil, nil, err
	}
	if s.dir, err = os.MkdirTemp("", "soak"); err != nil {
		s.port.Close()
		return nil, nil, err
	}
	closeIt = onInterrupt.add(func() {
		testkit.Kill(s.process)
		s.port.Close()
		_ = os.RemoveAll(s.dir)
	})
	if err := s.start(); err != nil {
		closeIt()
		return nil, nil, err
	}
	return s, closeIt, nil
}

// start starts the process, and waits until it accepts connections.
func (s *natsServer) start() error {
	s.process = exec.Command(os.Args[0])
	s.process.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s", natsVariable, s.port.Address, s.dir))
	s.process.Stderr = os.Stderr
	if err := s.process.Start(); err != nil {
		return err
	}
	return testkit.AwaitAccepts(s.port.Address)
}

// restart kills the process and starts it again with its data.
func (s *natsServer) restart() error {
	testkit.Kill(s.process)
	return s.start()
}

// backend returns a connection.
func (s *natsServer) backend() *fleetnats.Backend {
	b, err := fleetnats.New(fleetnats.Config{Servers: []string{s.port.Address}})
	if err != nil {
		panic(err) // the address is that of a server that has started
	}
	return b
}

func openNATS() (*engine, error) {
	s, end, err := startNATS()
	if err != nil {
		return nil, err
	}
	conn, err := nats.Connect(s.port.Address)
	if err != nil {
		end()
		return nil, err
	}
	js, err := conn.JetStream()
	b := s.backend()
	if err == nil {
		err = b.Create(context.Background(), 1)
	}
	if err != nil {
		end()
		return nil, err
	}
	var opened backends
	return &engine{
		Backend: b,
		connect: func() fleet.Backend { return opened.add(s.backend()) },
		wipe:    func() { _ = js.PurgeStream("KV_ffc") },
		close: func() {
			opened.close()
			b.Close()
			conn.Close()
			end()
		},
	}, nil
}

func startNATSQueue() (*eventQueue, error) {
	s, end, err := startNATS()
	if err != nil {
		return nil, err
	}
	q, closeIt, err := openQueue("nats", s.port.Address)
	if err == nil {
		defer closeIt()
		err = q.(*fleetnats.Queue).Create(context.Background(), fleetnats.QueueLimits{MaxBytes: 256 << 20})
	}
	if err != nil {
		end()
		return nil, err
	}
	return &eventQueue{"nats", s.port.Address, s.restart, end}, nil
}
