// Package posthog adapts github.com/posthog/posthog-go with local evaluation,
// its definitions request answered from the snapshot file.
package posthog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"

	ph "github.com/posthog/posthog-go"
)

// Peer is this row.
var Peer = sdk.Peer[ph.FeatureFlagPayload]{Encode: Encode, Open: Open, Events: true}

type m = map[string]any

// Encode writes a local_evaluation body.
func Encode(d *fixture.Dataset) ([]byte, error) {
	cohorts := m{}
	for _, s := range d.Segments {
		cohorts[s.Key] = m{"type": "OR", "values": []m{{"type": "AND", "values": []m{{"key": "key", "operator": "exact", "type": "person", "value": s.Included, "negation": false}}}}}
	}
	var flags []m
	for _, f := range d.Flags {
		var groups []m
		add := func(pct int, props []m) {
			groups = append(groups, m{"properties": props, "rollout_percentage": pct, "variant": nil})
		}
		if f.Targets != nil {
			add(100, []m{{"key": "key", "operator": "exact", "type": "person", "value": f.Targets}})
		}
		for _, r := range f.Rules {
			var ps []m
			for _, c := range r.Clauses {
				switch c.Operator {
				case fixture.In:
					ps = append(ps, m{"key": c.Attribute, "operator": "exact", "type": "person", "value": c.Values})
				case fixture.AtLeast:
					ps = append(ps, m{"key": c.Attribute, "operator": "gte", "type": "person", "value": c.Number})
				case fixture.EndsWith: // there is no ends-with operator
					ps = append(ps, m{"key": c.Attribute, "operator": "regex", "type": "person", "value": strings.ReplaceAll(c.Values[0], ".", `\.`) + "$"})
				case fixture.Matches:
					ps = append(ps, m{"key": c.Attribute, "operator": "regex", "type": "person", "value": c.Values[0]})
				case fixture.InSegment:
					ps = append(ps, m{"key": "id", "type": "cohort", "value": c.Values[0]})
				}
			}
			add(100, ps)
		}
		switch {
		case f.Fallthrough.Split:
			add(50, []m{})
		case f.Fallthrough.Value:
			add(100, []m{})
		}
		flags = append(flags, m{"id": 1, "name": "", "key": f.Key, "active": true, "filters": m{"groups": groups, "payloads": m{}, "multivariate": nil}, "ensure_experience_continuity": false})
	}
	return json.Marshal(m{"flags": flags, "group_type_mapping": m{}, "cohorts": cohorts})
}

type transport struct {
	raw  []byte
	sink bool
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "local_evaluation") {
		return &http.Response{StatusCode: 200, Status: "200 OK", Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(t.raw)), Request: r}, nil
	}
	if t.sink {
		return http.DefaultTransport.RoundTrip(r)
	}
	return nil, errors.New("no network here")
}

type quiet struct{}

func (quiet) Logf(string, ...any)   {}
func (quiet) Errorf(string, ...any) {}
func (quiet) Debugf(string, ...any) {}
func (quiet) Warnf(string, ...any)  {}

type client struct {
	c      ph.Client
	events *bool
}

// Open starts the SDK on a snapshot.
func Open(cfg sdk.Config) (sdk.Client[ph.FeatureFlagPayload], error) {
	raw, err := os.ReadFile(cfg.Snapshot)
	if err != nil {
		return nil, err
	}
	conf := ph.Config{PersonalApiKey: "phx_key", Endpoint: "http://127.0.0.1:1", Transport: transport{raw, cfg.Events}, Logger: quiet{}, Interval: time.Second, DefaultFeatureFlagsPollingInterval: time.Hour}
	if cfg.Events {
		conf.Endpoint = cfg.Sink
	}
	c, err := ph.NewWithConfig("phc_key", conf)
	return client{c, &cfg.Events}, err
}

func (c client) User(u fixture.User) ph.FeatureFlagPayload {
	return ph.FeatureFlagPayload{DistinctId: u.Key, OnlyEvaluateLocally: true, SendFeatureFlagEvents: c.events,
		PersonProperties: ph.NewProperties().Set("key", u.Key).Set("name", u.Name).Set("email", u.Email).Set("country", u.Country).Set("plan", u.Plan).Set("age", u.Age)}
}

func (c client) Bool(flag string, u ph.FeatureFlagPayload) bool {
	u.Key = flag
	v, _ := c.c.IsFeatureEnabled(u)
	b, _ := v.(bool)
	return b
}

func (c client) All(u ph.FeatureFlagPayload) int {
	all, _ := c.c.GetAllFlags(ph.FeatureFlagPayloadNoKey{DistinctId: u.DistinctId, OnlyEvaluateLocally: true, PersonProperties: u.PersonProperties, SendFeatureFlagEvents: c.events})
	return len(all)
}

func (c client) Close() { c.c.Close() }
