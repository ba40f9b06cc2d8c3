package fleetredis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/redis/rueidis"
)

// maxRedirects is how often a cluster may redirect one command.
const maxRedirects = 5

// connectToCluster connects to the node of a cluster at an address, and asks it
// for the others. Connections to the others are made when a key needs them.
func (b *Backend) connectToCluster(l *sharedClient, address string, options rueidis.ClientOption) (rueidis.Client, error) {
	var mu sync.Mutex
	dialed := make(map[string]bool)
	// The node that has responded is asked for the others again, after MOVED and
	// ASK: a client has few connections, and ends when one of them breaks.
	options.ClusterOption = rueidis.ClusterOption{PreferInitAddressRefresh: true, MaxMovedRedirections: maxRedirects}
	options.DialCtxFn = func(ctx context.Context, node string, _ *net.Dialer, _ *tls.Config) (net.Conn, error) {
		mu.Lock()
		again := dialed[node]
		dialed[node] = true
		mu.Unlock()
		if again {
			return nil, errLost // a new client replaces this one
		}
		ctx, cancel := context.WithTimeout(ctx, connectTimeout)
		defer cancel()
		defer context.AfterFunc(l.ctx, cancel)()
		conn, err := l.dial(ctx, node, b.config.TLS)
		if err != nil && node != address {
			err = fmt.Errorf("%w: %s: %w", errNode, node, err)
		}
		return conn, err
	}
	client, err := newClient(address, options)
	if err != nil || client.Mode() == rueidis.ClientModeCluster {
		return client, b.advised(err)
	}
	// rueidis takes a server that does not tell its nodes for one alone.
	defer client.Close()
	ctx, cancel := context.WithTimeout(l.ctx, connectTimeout)
	defer cancel()
	err = client.Do(ctx, client.B().ClusterSlots().Build()).Error()
	if err == nil {
		err = errors.New("the server is no node of a Redis Cluster")
	}
	return nil, fmt.Errorf("%s: %w", address, replyError(err))
}

// send sends a command, and returns when ctx ends at the latest.
func (b *Backend) send(ctx context.Context, client rueidis.Client, build command) (rueidis.RedisMessage, error) {
	if !b.config.Cluster {
		return client.Do(ctx, build(client)).ToMessage()
	}
	// A call may wait for a node that another call connects to, for longer than its
	// own ctx.
	done := make(chan rueidis.RedisResult, 1)
	go func() { done <- client.Do(ctx, build(client)) }()
	select {
	case reply := <-done:
		return reply.ToMessage()
	case <-ctx.Done():
		return rueidis.RedisMessage{}, ctx.Err()
	}
}
