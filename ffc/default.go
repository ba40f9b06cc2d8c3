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
// configuration given to SetDefault; without one it is an error. If the client
// has been closed, a new one is made. ctx bounds the wait as in New.
func Default(ctx context.Context) (*Client, error) {
	for {
		shared.mu.Lock()
		cfg, client, building := shared.cfg, shared.client, shared.building
		switch {
		case cfg == nil:
			shared.mu.Unlock()
			return nil, errors.New("ffc: there is no default client: call SetDefault first")
		case client != nil && !client.closed.Load():
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
	client, err := newDefault(ctx, cfg)
	if !errors.Is(err, errReplaced) {
		return client, err
	}
	if client != nil {
		_ = client.Close(ctx)
	}
	return Default(ctx)
}

var errReplaced = errors.New("ffc: the configuration was replaced")

// newDefault makes the client and lets those go on who wait for it, also if the
// application's transport panics.
func newDefault(ctx context.Context, cfg *Config) (client *Client, err error) {
	defer func() {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		close(shared.building)
		shared.building = nil
		if shared.cfg != cfg {
			err = errReplaced
			return
		}
		shared.client = client
	}()
	return New(ctx, *cfg)
}
