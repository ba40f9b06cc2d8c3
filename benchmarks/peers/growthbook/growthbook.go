// Package growthbook adapts github.com/growthbook/growthbook-golang, fed the
// body of its features endpoint.
package growthbook

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"

	gb "github.com/growthbook/growthbook-golang"
)

// Peer is this row. The user type is a child client: that is how the SDK
// binds attributes.
var Peer = sdk.Peer[*gb.Client]{Encode: Encode, Open: Open, Events: true}

type m = map[string]any

func attr(a string) string {
	if a == "key" {
		return "id"
	}
	return a
}

// Encode writes a features endpoint body.
func Encode(d *fixture.Dataset) ([]byte, error) {
	feats, groups := m{}, m{}
	force := func(rule m, s fixture.Serve) m {
		rule["force"] = true
		if s.Split {
			rule["coverage"], rule["hashAttribute"] = 0.5, "id"
		}
		return rule
	}
	for _, f := range d.Flags {
		var rules []m
		if f.Targets != nil {
			rules = append(rules, m{"id": "t", "condition": m{"id": m{"$in": f.Targets}}, "force": true})
		}
		for _, r := range f.Rules {
			cond := m{}
			for _, c := range r.Clauses {
				switch c.Operator {
				case fixture.In:
					cond[attr(c.Attribute)] = m{"$in": c.Values}
				case fixture.AtLeast:
					cond[c.Attribute] = m{"$gte": c.Number}
				case fixture.EndsWith: // there is no ends-with operator
					cond[c.Attribute] = m{"$regex": strings.ReplaceAll(c.Values[0], ".", `\.`) + "$"}
				case fixture.Matches:
					cond[c.Attribute] = m{"$regex": c.Values[0]}
				case fixture.InSegment:
					cond["id"] = m{"$inGroup": c.Values[0]}
				}
			}
			rules = append(rules, force(m{"id": "r", "condition": cond}, r.Serve))
		}
		def := f.Fallthrough.Value
		if f.Fallthrough.Split {
			rules = append(rules, force(m{"id": "split"}, f.Fallthrough))
		}
		feats[f.Key] = m{"defaultValue": def, "rules": rules}
	}
	for _, s := range d.Segments {
		groups[s.Key] = s.Included
	}
	return json.Marshal(m{"status": 200, "features": feats, "savedGroups": groups, "dateUpdated": "2026-11-22T00:00:00Z"})
}

type client struct{ c *gb.Client }

// Open starts the SDK on a snapshot.
func Open(cfg sdk.Config) (sdk.Client[*gb.Client], error) {
	raw, err := os.ReadFile(cfg.Snapshot)
	if err != nil {
		return nil, err
	}
	var opts []gb.ClientOption
	if cfg.Events {
		opts = append(opts, gb.WithClientKey("sdk-abc"), gb.WithGrowthBookTracking(gb.TrackingPluginConfig{IngestorHost: cfg.Sink, BatchTimeout: time.Second}))
	}
	c, err := gb.NewClient(context.Background(), opts...)
	if err != nil {
		return nil, err
	}
	if err := c.UpdateFromApiResponseJSON(string(raw)); err != nil {
		return nil, err
	}
	return &client{c: c}, nil
}

func (c *client) User(u fixture.User) *gb.Client {
	child, _ := c.c.WithAttributes(gb.Attributes{"id": u.Key, "name": u.Name, "email": u.Email, "country": u.Country, "plan": u.Plan, "age": u.Age})
	return child
}

func (c *client) Bool(flag string, u *gb.Client) bool {
	return u.EvalFeature(context.Background(), flag).On
}

// All loops over the features: the SDK has no call for it.
func (c *client) All(u *gb.Client) int {
	out := map[string]any{}
	for k := range c.c.Features() {
		out[k] = u.EvalFeature(context.Background(), k).Value
	}
	return len(out)
}

func (c *client) Close() { c.c.Close() }
