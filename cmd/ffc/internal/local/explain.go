package local

import (
	"context"
	"log/slog"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// explained is how many flags are explained at a time: a client of all flags of a
// large file takes as much memory as everything else.
const explained = 500

// explain evaluates a flag and returns the explanation as JSON.
func (p *Platform) explain(key string, user ffc.User) ([]byte, error) {
	out, err := p.explainEach([]string{key}, user)
	if err != nil {
		return nil, err
	}
	return out[0].MarshalJSON()
}

// explainAll calls yield with the explanations of all flags as JSON, in the order
// of the file, with commas between them.
func (p *Platform) explainAll(user ffc.User, yield func([]byte) error) error {
	doc := p.shown.Load().view.doc
	for start := 0; start < doc.Len(); start += explained {
		var keys []string
		for i := start; i < min(start+explained, doc.Len()); i++ {
			keys = append(keys, doc.Key(i))
		}
		explanations, err := p.explainEach(keys, user)
		if err != nil {
			return err
		}
		var out []byte
		for i, e := range explanations {
			if start+i > 0 {
				out = append(out, ',')
			}
			text, err := e.MarshalJSON()
			if err != nil {
				return err
			}
			out = append(out, text...)
		}
		if err := yield(out); err != nil {
			return err
		}
	}
	return nil
}

// explainEach evaluates flags with a client that has these flags, the ones they
// depend on, and all segments. It has no connection and sends no events.
func (p *Platform) explainEach(keys []string, user ffc.User) ([]ffc.Explanation, error) {
	p.mu.Lock() // the server has what is shown
	data := p.server.Snapshot(p.shown.Load().view.withPrerequisites(keys)...)
	p.mu.Unlock()
	client, err := ffc.New(context.Background(), ffc.Config{
		Platform:  ffc.Platform(p.platform.String()),
		Offline:   true,
		Bootstrap: data,
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return nil, err
	}
	out := make([]ffc.Explanation, len(keys))
	for i, key := range keys {
		out[i] = client.Explain(key, user)
	}
	return out, client.Close(context.Background())
}

// withPrerequisites returns keys, and those of all flags that they depend on.
func (v *view) withPrerequisites(keys []string) []string {
	out := append([]string(nil), keys...)
	known := make(map[string]bool, len(keys))
	for _, key := range keys {
		known[key] = true
	}
	for i := 0; i < len(out); i++ {
		number, ok := v.doc.Index(out[i])
		if !ok {
			continue
		}
		for _, key := range v.prerequisites[number] {
			if !known[key] {
				known[key] = true
				out = append(out, key)
			}
		}
	}
	return out
}
