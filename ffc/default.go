package ffc

import (
	"context"
	"errors"
	"sync"
)

// shared is the process's default client. It is the only state of the package.
var shared struct {
	mu       sync.Mutex
	cfg      *Config
	client   *Client
	building chan struct{} // closed when the client being built is there
}

// SetDefault sets the configuration of the client that Default returns. If
// there is such a client already it is closed, which may take as long as
// Client.Close without a deadline, and the next Default makes a new one.
func SetDefault(cfg Config) {
	shared.mu.Lock()
	old := shared.client
	shared.cfg, shared.client = &cfg, nil
	shared.mu.Unlock()
	if old != nil {
		_ = old.Close(context.Background())
	}
}

// Default returns the process's client, made by New on first use with the
// configuration given to SetDefault; without one it is an error. ctx bounds the
// wait as in New.
func Default(ctx context.Context) (*Client, error) {
	for {
		shared.mu.Lock()
		cfg, client, building := shared.cfg, shared.client, shared.building
		switch {
		case cfg == nil:
			shared.mu.Unlock()
			return nil, errors.New("ffc: there is no default client: call SetDefault first")
		case client != nil:
			shared.mu.Unlock()
			return client, nil
		case building == nil:
			shared.building = make(chan struct{})
			shared.mu.Unlock()
			return buildDefault(ctx, cfg)
		}
		shared.mu.Unlock()
		select {
		case <-building:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// buildDefault makes the client. If the configuration was replaced meanwhile,
// the client is closed again and another one made.
func buildDefault(ctx context.Context, cfg *Config) (*Client, error) {
	client, err := New(ctx, *cfg)
	shared.mu.Lock()
	close(shared.building)
	shared.building = nil
	stale := shared.cfg != cfg
	if err == nil && !stale {
		shared.client = client
	}
	shared.mu.Unlock()
	if !stale {
		return client, err
	}
	if err == nil {
		_ = client.Close(ctx)
	}
	return Default(ctx)
}
