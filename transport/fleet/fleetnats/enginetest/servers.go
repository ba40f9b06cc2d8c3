// Package enginetest starts NATS servers in the process. Its own tests run package
// fleetnats on them. It is a module of its own, so that what a server needs is not
// required by those who use fleetnats.
package enginetest

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Server is a NATS server on loopback, with JetStream.
type Server struct {
	*server.Server
	Address string // host:port
}

// Start starts a server that stores its data in a folder. configure may change its
// options.
func Start(dir string, configure ...func(*server.Options)) (*Server, error) {
	o := &server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
		JetStreamMaxMemory: 64 << 20, JetStreamMaxStore: 1 << 30, DisableJetStreamBanner: true,
	}
	for _, set := range configure {
		set(o)
	}
	s, err := server.NewServer(o)
	if err != nil {
		return nil, err
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		return nil, errors.New("the NATS server did not start within 20 s")
	}
	return &Server{s, s.Addr().String()}, nil
}

// Close stops the server.
func (s *Server) Close() {
	s.Shutdown()
	s.WaitForShutdown()
}

// On makes a server listen at an address.
func On(address string) func(*server.Options) {
	return func(o *server.Options) {
		_, port, _ := net.SplitHostPort(address)
		o.Port, _ = strconv.Atoi(port)
	}
}

// Configured configures a server by the text of a configuration file.
func Configured(text string) func(*server.Options) {
	return func(o *server.Options) {
		if err := o.ProcessConfigString(text); err != nil {
			panic(fmt.Sprintf("enginetest: the configuration is invalid: %v", err))
		}
	}
}
