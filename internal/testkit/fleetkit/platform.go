// Package fleetkit has what tests of publishers need beside an engine: a platform
// that remembers its history, with servers that lag, are empty or down; connections
// that can be cut and frozen; and what people do with pins. For tests of backends a
// World has a platform, a publisher and a reader around an engine.
package fleetkit

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

const (
	// Environment is the environment of a Platform.
	Environment = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"
	// Secret is its secret: two GUIDs as .NET writes them.
	Secret = "AAAAAAAAAAAAAAAAAAAAAQ_xmWb4aLEdC0LQDPT8lk_w"
)

// Change is one version of a flag.
type Change struct {
	On       bool
	Archived bool
	Value    string // instead of true or false
	at       time.Time
}

// Platform is FeatBit. It remembers all versions of its flags. Its methods may be
// called concurrently.
type Platform struct {
	mu      sync.Mutex
	history map[string][]Change
	route   func() Server
	asked   int
}

// Server is one server of the platform. The zero Server is up to date.
type Server struct {
	Down    bool
	Rejects bool // the server rejects the secret
	Empty   bool
	Lag     time.Duration
}

// NewPlatform returns a platform without flags, all of whose servers are up to date.
func NewPlatform() *Platform {
	return &Platform{history: make(map[string][]Change), route: func() Server { return Server{} }}
}

// Set gives a flag its next version, now.
func (p *Platform) Set(key string, on bool) { p.Add(key, Change{On: on}) }

// Archive archives a flag.
func (p *Platform) Archive(key string) { p.Add(key, Change{Archived: true}) }

// Add gives a flag its next version, now.
func (p *Platform) Add(key string, c Change) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.at = now()
	versions := p.history[key]
	if n := len(versions); n > 0 && !c.at.After(versions[n-1].at) {
		c.at = versions[n-1].at.Add(time.Millisecond)
	}
	p.history[key] = append(versions, c)
}

// Beside returns the same platform with servers of its own: those that others
// reach. It has the history of now.
func (p *Platform) Beside() *Platform {
	p.mu.Lock()
	defer p.mu.Unlock()
	other := NewPlatform()
	other.history = maps.Clone(p.history)
	return other
}

// Config returns the configuration of a client, without a transport.
func (p *Platform) Config() ffc.Config {
	return ffc.Config{
		EnvSecret: Secret, Platform: ffc.PlatformFeatBit, BaseURL: "http://platform.test",
		HTTPClient: &http.Client{Transport: p},
		Logger:     slog.New(slog.DiscardHandler),
	}
}

// now is the platform's time, in milliseconds.
func now() time.Time { return time.Now().Truncate(time.Millisecond) }

// Routed changes the servers that respond.
func (p *Platform) Routed(route func() Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.route = route
}

// Only lets one server respond.
func (p *Platform) Only(s Server) { p.Routed(func() Server { return s }) }

// Requests returns how many requests there were.
func (p *Platform) Requests() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// ErrDown is the error of what is down or cut off.
var ErrDown = errors.New("connection refused")

// RoundTrip implements http.RoundTripper.
func (p *Platform) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	s := p.route()
	if s.Down {
		return nil, ErrDown
	}
	if s.Rejects {
		return &http.Response{StatusCode: 401, Request: r, Header: http.Header{}, Body: io.NopCloser(new(bytes.Buffer))}, nil
	}
	since, _ := strconv.ParseInt(r.URL.Query().Get("timestamp"), 10, 64)
	body := p.response(s, since)
	return &http.Response{
		StatusCode: 200, Request: r, Header: http.Header{"Date": {now().UTC().Format(http.TimeFormat)}},
		Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

// response is what a server sends. The lock is held.
func (p *Platform) response(s Server, since int64) []byte {
	var items []byte
	keys := make([]string, 0, len(p.history))
	for key := range p.history {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		var last *Change
		for i := range p.history[key] {
			if c := &p.history[key][i]; !s.Empty && !c.at.After(now().Add(-s.Lag)) {
				last = c
			}
		}
		if last == nil || last.at.UnixMilli() <= since {
			continue
		}
		if len(items) > 0 {
			items = append(items, ',')
		}
		items = appendFlag(items, key, *last)
	}
	kind := "full"
	if since > 0 {
		kind = "patch"
		if len(items) == 0 {
			return nil
		}
	}
	return fmt.Appendf(nil, `{"messageType":"data-sync","data":{"eventType":%q,"featureFlags":[%s],"segments":[]}}`, kind, items)
}

func appendFlag(dst []byte, key string, c Change) []byte {
	if c.Value != "" {
		return fmt.Appendf(dst, `{"id":%q,"key":%q,"name":%q,"updatedAt":%q,"isEnabled":false,"isArchived":false,"variationType":"string","disabledVariationId":"v",`+
			`"variations":[{"id":"v","value":%q}],"targetUsers":[],"rules":[],"fallthrough":{"variations":[]}}`,
			key, key, key, c.at.UTC().Format("2006-01-02T15:04:05.000Z"), c.Value)
	}
	return fmt.Appendf(dst, `{"id":%q,"key":%q,"name":%q,"updatedAt":%q,"isEnabled":%t,"isArchived":%t,"variationType":"boolean","disabledVariationId":"f",`+
		`"variations":[{"id":"t","value":"true"},{"id":"f","value":"false"}],"targetUsers":[],"rules":[],`+
		`"fallthrough":{"includedInExpt":false,"variations":[{"id":"t","rollout":[0,1],"exptRollout":1}]}}`,
		key, key, key, c.at.UTC().Format("2006-01-02T15:04:05.000Z"), c.On, c.Archived)
}
