// Package openfeature adapts github.com/open-feature/go-sdk with its
// in-memory provider, which has no rule engine: this row is the cost of the
// OpenFeature API itself.
package openfeature

import (
	"context"
	"encoding/json"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/memprovider"
)

// Peer is this row.
var Peer = sdk.Peer[of.EvaluationContext]{Encode: Encode, Open: Open, NoRules: true}

// Encode writes the flags' fallthrough values.
func Encode(d *fixture.Dataset) ([]byte, error) {
	m := map[string]bool{}
	for _, f := range d.Flags {
		m[f.Key] = f.Fallthrough.Value
	}
	return json.Marshal(m)
}

type client struct {
	c    of.IClient
	keys []string
}

// Open starts the SDK on a snapshot.
func Open(cfg sdk.Config) (sdk.Client[of.EvaluationContext], error) {
	raw, err := os.ReadFile(cfg.Snapshot)
	if err != nil {
		return nil, err
	}
	m := map[string]bool{}
	if err := json.Unmarshal(raw, &m); err != nil {
		return nil, err
	}
	flags := map[string]memprovider.InMemoryFlag{}
	c := &client{}
	for k, v := range m {
		def := "off"
		if v {
			def = "on"
		}
		flags[k] = memprovider.InMemoryFlag{Key: k, State: memprovider.Enabled, DefaultVariant: def, Variants: map[string]any{"on": true, "off": false}}
		c.keys = append(c.keys, k)
	}
	if err := of.SetProviderAndWait(memprovider.NewInMemoryProvider(flags)); err != nil {
		return nil, err
	}
	c.c = of.NewClient("bench")
	return c, nil
}

func (c *client) User(u fixture.User) of.EvaluationContext {
	return of.NewEvaluationContext(u.Key, map[string]any{"name": u.Name, "email": u.Email, "country": u.Country, "plan": u.Plan, "age": u.Age})
}

func (c *client) Bool(flag string, u of.EvaluationContext) bool {
	v, _ := c.c.BooleanValue(context.Background(), flag, false, u)
	return v
}

// All loops over the keys: OpenFeature has no call for it.
func (c *client) All(u of.EvaluationContext) int {
	out := map[string]bool{}
	for _, k := range c.keys {
		out[k], _ = c.c.BooleanValue(context.Background(), k, false, u)
	}
	return len(out)
}

func (c *client) Close() { of.Shutdown() }
