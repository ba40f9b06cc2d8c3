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
	building chan struct{} // closed when New has returned; nil if it is not running
}

// SetDefault sets the configuration of the client that Default returns. If there
// already is a default client, SetDefault closes it, which blocks as Client.Close
// does without a deadline, and the next Default creates a new one. SetDefault may
// be called concurrently.
func SetDefault(cfg Config) {
	shared.mu.Lock()
	old := shared.client
	shared.cfg, shared.client = &cfg, nil
	shared.mu.Unlock()
	if old != nil {
		_ = old.Close(context.Background())
	}
}

// Default returns the process's client. The first call creates it with New and
// the configuration of SetDefault; if the client has been closed, the next call
// creates a new one. Default returns an error before SetDefault, and the errors of
// New. ctx bounds the wait as in New. Default may be called concurrently.
func Default(ctx context.Context) (*Client, error) {
	for {
		shared.mu.Lock()
		cfg, client, building := shared.cfg, shared.client, shared.building
		switch {
		case cfg == nil:
			shared.mu.Unlock()
			return nil, errors.New("ffc: the default client has no configuration: call SetDefault first")
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

// buildDefault creates the client. If SetDefault replaced the configuration
// meanwhile, buildDefault closes the client and creates another one.
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

// newDefault creates the client and wakes the calls that wait for it, even if the
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
