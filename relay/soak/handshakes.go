package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"sync/atomic"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// meter passes connections on to a server, and counts their bytes in both
// directions.
type meter struct {
	net.Listener
	bytes atomic.Int64
}

func newMeter(server string) (*meter, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &meter{Listener: listener}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go m.pass(upstream, client)
			go m.pass(client, upstream)
		}
	}()
	return m, nil
}

// pass copies what one side sends, until either side ends.
func (m *meter) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	_, _ = io.Copy(to, io.TeeReader(from, m)) // the other side sees the error
}

// Write implements io.Writer: it counts.
func (m *meter) Write(p []byte) (int, error) {
	m.bytes.Add(int64(len(p)))
	return len(p), nil
}

// loadHandshakes measures the bytes of a read over TLS. Redis does not count those of
// TLS.
func (s *soak) loadHandshakes() ([]figure, error) {
	r, err := startRedisTLS()
	if err != nil {
		return nil, err
	}
	defer r.close()
	if err := r.publish(10); err != nil {
		return nil, err
	}
	m, err := newMeter(r.address)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	config := fleetredis.Config{Addresses: []string{m.Addr().String()}, TLS: r.trust.Clone()}
	config.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	var b *fleetredis.Backend
	var read [3]int64
	for i := range read {
		if i < 2 { // a new session, and then a session that is resumed
			b = newBackend(config)
			defer b.Close()
		}
		before := m.bytes.Load()
		if _, _, err := b.Get(context.Background(), fleetdata.Name(fleetkit.Environment, fleetdata.HeadObject)); err != nil {
			return nil, err
		}
		read[i] = m.bytes.Load() - before
	}
	return []figure{{
		"bytes of one refresh over TLS, handshake and greeting included",
		fmt.Sprintf("%d on a new connection, %d if it resumes a session, %d on an open connection", read[0], read[1], read[2]),
	}}, nil
}
