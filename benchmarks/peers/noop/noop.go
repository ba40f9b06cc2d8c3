// Package noop is the harness's own floor: a map look-up behind the same
// interface calls as every other row.
package noop

import (
	"encoding/json"
	"os"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// Peer is the control row.
var Peer = sdk.Peer[fixture.User]{Encode: Encode, Open: Open, NoRules: true}

// Encode writes the flags' fallthrough values.
func Encode(d *fixture.Dataset) ([]byte, error) {
	m := map[string]bool{}
	for _, f := range d.Flags {
		m[f.Key] = f.Fallthrough.Value
	}
	return json.Marshal(m)
}

type client map[string]bool

// Open reads them.
func Open(cfg sdk.Config) (sdk.Client[fixture.User], error) {
	raw, err := os.ReadFile(cfg.Snapshot)
	if err != nil {
		return nil, err
	}
	c := client{}
	return c, json.Unmarshal(raw, &c)
}

func (c client) User(u fixture.User) fixture.User { return u }

func (c client) Bool(flag string, u fixture.User) bool { return c[flag] }

func (c client) All(u fixture.User) int {
	n := 0
	for range c {
		n++
	}
	return n
}

func (c client) Close() {}
