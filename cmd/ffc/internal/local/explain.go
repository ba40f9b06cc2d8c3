package local

import (
	"context"
	"log/slog"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// explainer evaluates flags with a client of its own, which has no connection
// and sends no events.
type explainer struct {
	mu     sync.Mutex
	client *ffc.Client // nil until there is a question
	of     *view       // whose flags the client has
}

// explain evaluates a flag and returns the explanation as JSON.
func (p *Platform) explain(key string, user ffc.User) ([]byte, error) {
	var out []byte
	err := p.explainer.with(p, func(client *ffc.Client, _ *view) { out = flagfile.Marshal(client.Explain(key, user)) })
	return out, err
}

// explainAll returns the explanations of all flags, in the order of the file.
func (p *Platform) explainAll(user ffc.User) ([]byte, error) {
	var out []byte
	err := p.explainer.with(p, func(client *ffc.Client, v *view) {
		all := make([]ffc.Explanation, len(v.flags))
		for i, f := range v.flags {
			all[i] = client.Explain(f.Key, user)
		}
		out = flagfile.Marshal(all)
	})
	return out, err
}

// with calls ask with a client that has the flags of what is shown.
func (e *explainer) with(p *Platform, ask func(*ffc.Client, *view)) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	p.mu.Lock() // what is served is what is shown
	now, data := p.shown.Load(), []byte(nil)
	if e.of != now.view {
		data = p.server.Snapshot()
	}
	p.mu.Unlock()
	if data != nil {
		client, err := ffc.New(context.Background(), ffc.Config{
			Platform:  ffc.Platform(p.platform.String()),
			Offline:   true,
			Bootstrap: data,
			Logger:    slog.New(slog.DiscardHandler),
		})
		if err != nil {
			return err
		}
		e.closeLocked()
		e.client, e.of = client, now.view
	}
	ask(e.client, e.of)
	return nil
}

func (e *explainer) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closeLocked()
}

func (e *explainer) closeLocked() {
	if e.client != nil {
		_ = e.client.Close(context.Background()) // it has nothing to deliver
	}
}
