// Package statsig adapts github.com/statsig-io/go-sdk, bootstrapped from a
// config-specs document.
package statsig

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"

	st "github.com/statsig-io/go-sdk"
)

// Peer is this row.
var Peer = sdk.Peer[st.User]{Encode: Encode, Open: Open, Events: true}

type m = map[string]any

// Encode writes a download_config_specs document.
func Encode(d *fixture.Dataset) ([]byte, error) {
	gate := func(name, typ string, rules []m) m {
		return m{"name": name, "type": typ, "salt": "50ad5c60-9e7a-42ce-86c6-" + name, "enabled": true, "defaultValue": false, "rules": rules, "isDeviceBased": false, "idType": "userID", "entity": typ}
	}
	rule := func(id string, pct int, conds []m) m {
		return m{"name": id, "id": id, "groupName": id, "salt": "f2ac6975-174d-497e-be7f-" + id, "passPercentage": pct, "conditions": conds, "returnValue": true, "idType": "userID"}
	}
	var gates []m
	for _, s := range d.Segments {
		gates = append(gates, gate("segment:"+s.Key, "segment", []m{rule("in", 100, []m{{"type": "unit_id", "operator": "any", "targetValue": s.Included, "field": nil, "additionalValues": m{}, "idType": "userID"}})}))
	}
	for _, f := range d.Flags {
		rules := []m{}
		if f.Targets != nil {
			rules = append(rules, rule("targets", 100, []m{{"type": "unit_id", "operator": "any", "targetValue": f.Targets, "field": nil, "additionalValues": m{}, "idType": "userID"}}))
		}
		for i, r := range f.Rules {
			var cs []m
			for _, c := range r.Clauses {
				j := m{"type": "user_field", "field": c.Attribute, "additionalValues": m{}, "idType": "userID"}
				switch c.Operator {
				case fixture.In:
					j["operator"], j["targetValue"] = "any", c.Values
				case fixture.AtLeast:
					j["operator"], j["targetValue"] = "gte", c.Number
				case fixture.EndsWith:
					j["operator"], j["targetValue"] = "str_ends_with_any", c.Values
				case fixture.Matches:
					j["operator"], j["targetValue"] = "str_matches", c.Values[0]
				case fixture.InSegment:
					j["type"], j["operator"], j["targetValue"] = "pass_gate", nil, "segment:"+c.Values[0]
				}
				cs = append(cs, j)
			}
			rules = append(rules, rule(fmt.Sprintf("r%d", i), 100, cs))
		}
		pct := 0
		if f.Fallthrough.Split {
			pct = 50
		} else if f.Fallthrough.Value {
			pct = 100
		}
		if pct > 0 {
			rules = append(rules, rule("everyone", pct, []m{{"type": "public", "targetValue": nil, "operator": nil, "field": nil, "additionalValues": m{}, "idType": "userID"}}))
		}
		gates = append(gates, gate(f.Key, "feature_gate", rules))
	}
	return json.Marshal(m{"has_updates": true, "time": 1700000000000, "feature_gates": gates, "dynamic_configs": []m{}, "layer_configs": []m{}, "layers": m{}, "id_lists": m{}})
}

type client struct {
	c      *st.Client
	events bool
}

// Open starts the SDK on a snapshot.
func Open(cfg sdk.Config) (sdk.Client[st.User], error) {
	raw, err := os.ReadFile(cfg.Snapshot)
	if err != nil {
		return nil, err
	}
	opt := &st.Options{BootstrapValues: string(raw), LocalMode: true}
	if cfg.Events {
		opt.LocalMode, opt.API = false, cfg.Sink
		opt.LoggingInterval, opt.ConfigSyncInterval, opt.IDListSyncInterval = time.Second, time.Hour, time.Hour
		opt.StatsigLoggerOptions.DisableInitDiagnostics = true
		opt.OutputLoggerOptions.LogCallback = func(string, error) {}
	}
	return &client{st.NewClientWithOptions("secret-key", opt), cfg.Events}, nil
}

func (c *client) User(u fixture.User) st.User {
	return st.User{UserID: u.Key, Email: u.Email, Country: u.Country, Custom: map[string]any{"name": u.Name, "plan": u.Plan, "age": u.Age}}
}

func (c *client) Bool(flag string, u st.User) bool {
	if c.events {
		return c.c.CheckGate(u, flag)
	}
	return c.c.CheckGateWithExposureLoggingDisabled(u, flag)
}

func (c *client) All(u st.User) int {
	n := 0
	for range c.c.GetClientInitializeResponse(u, "", false).FeatureGates {
		n++
	}
	return n
}

func (c *client) Close() { c.c.Shutdown() }
