// Package launchdarkly adapts github.com/launchdarkly/go-server-sdk/v7, fed by
// its file data source.
package launchdarkly

import (
	"encoding/json"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"

	"github.com/launchdarkly/go-sdk-common/v3/ldcontext"
	ld "github.com/launchdarkly/go-server-sdk/v7"
	"github.com/launchdarkly/go-server-sdk/v7/interfaces"
	"github.com/launchdarkly/go-server-sdk/v7/ldcomponents"
	"github.com/launchdarkly/go-server-sdk/v7/ldfiledata"
)

// Peer is this row.
var Peer = sdk.Peer[ldcontext.Context]{Encode: Encode, Open: Open, Events: true}

type m = map[string]any

// Encode writes the flag data in the SDK's own JSON schema.
func Encode(d *fixture.Dataset) ([]byte, error) {
	serve := func(s fixture.Serve) m {
		if s.Split {
			return m{"rollout": m{"variations": []m{{"variation": 0, "weight": 50000}, {"variation": 1, "weight": 50000}}}}
		}
		if s.Value {
			return m{"variation": 0}
		}
		return m{"variation": 1}
	}
	flags, segs := m{}, m{}
	for _, f := range d.Flags {
		rules := []m{}
		for _, r := range f.Rules {
			var cs []m
			for _, c := range r.Clauses {
				j := m{"attribute": c.Attribute, "contextKind": "user", "negate": false}
				switch c.Operator {
				case fixture.In:
					j["op"], j["values"] = "in", c.Values
				case fixture.AtLeast:
					j["op"], j["values"] = "greaterThan", []int{c.Number - 1} // there is no ">=" operator
				case fixture.EndsWith:
					j["op"], j["values"] = "endsWith", c.Values
				case fixture.Matches:
					j["op"], j["values"] = "matches", c.Values
				case fixture.InSegment:
					j["attribute"], j["op"], j["values"] = "", "segmentMatch", c.Values
				}
				cs = append(cs, j)
			}
			rule := serve(r.Serve)
			rule["id"], rule["clauses"], rule["trackEvents"] = f.Key+"-rule", cs, false
			rules = append(rules, rule)
		}
		targets := []m{}
		if f.Targets != nil {
			targets = append(targets, m{"values": f.Targets, "variation": 0})
		}
		flags[f.Key] = m{"key": f.Key, "version": 1, "on": true, "targets": targets, "contextTargets": []m{}, "rules": rules, "prerequisites": []m{},
			"fallthrough": serve(f.Fallthrough), "offVariation": 1, "variations": []bool{true, false}, "salt": "salt-" + f.Key,
			"clientSideAvailability": m{"usingMobileKey": true, "usingEnvironmentId": false}, "trackEvents": false, "trackEventsFallthrough": false, "debugEventsUntilDate": nil, "deleted": false}
	}
	for _, s := range d.Segments {
		segs[s.Key] = m{"key": s.Key, "version": 1, "included": s.Included, "excluded": []string{}, "rules": []m{}, "salt": "salt-" + s.Key}
	}
	return json.Marshal(m{"flags": flags, "segments": segs})
}

type client struct{ c *ld.LDClient }

// Open starts the SDK on a snapshot.
func Open(cfg sdk.Config) (sdk.Client[ldcontext.Context], error) {
	conf := ld.Config{
		DataSource:       ldfiledata.DataSource().FilePaths(cfg.Snapshot),
		Logging:          ldcomponents.NoLogging(),
		Events:           ldcomponents.NoEvents(),
		DiagnosticOptOut: true,
	}
	if cfg.Events {
		conf.Events = ldcomponents.SendEvents().FlushInterval(time.Second)
		conf.ServiceEndpoints = interfaces.ServiceEndpoints{Streaming: cfg.Sink, Polling: cfg.Sink, Events: cfg.Sink}
	}
	c, err := ld.MakeCustomClient("sdk-key", conf, 10*time.Second)
	return client{c}, err
}

func (c client) User(u fixture.User) ldcontext.Context {
	return ldcontext.NewBuilder(u.Key).Name(u.Name).SetString("email", u.Email).SetString("country", u.Country).
		SetString("plan", u.Plan).SetInt("age", u.Age).Build()
}

func (c client) Bool(flag string, u ldcontext.Context) bool {
	v, _ := c.c.BoolVariation(flag, u, false)
	return v
}

func (c client) All(u ldcontext.Context) int { return len(c.c.AllFlagsState(u).ToValuesMap()) }

func (c client) Close() { c.c.Close() }
