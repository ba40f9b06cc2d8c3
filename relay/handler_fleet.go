package relay

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	// headFor is how long a head is served without reading it again.
	headFor = time.Second
	// cachedChunks is how many chunks of bodies are kept, and maxCached how many
	// bytes they have together, at most.
	cachedChunks = 64
	maxCached    = 64 << 20
	// engineTime bounds one read of the engine.
	engineTime = 10 * time.Second
)

// serveFleet serves what the engine has of an environment: the head and the bodies.
// The key must be that of the environment.
func (h *Handler) serveFleet(w http.ResponseWriter, r *http.Request, name string) {
	if !h.allow(w, r, routeFleet, http.MethodGet, http.MethodHead) {
		return
	}
	environment, ok := "", false
	for _, wire := range wires() {
		if environment, ok = h.environmentOf(wire.Secret(r), wire); ok {
			break
		}
	}
	object, mine := strings.CutPrefix(name, fleetdata.Name(environment, ""))
	switch {
	case !ok, !mine: // other environments do not exist for this key
		h.respond(w, routeFleet, http.StatusUnauthorized, "")
		return
	case object != fleetdata.HeadObject && !isChunk(object):
		h.respond(w, routeFleet, http.StatusNotFound, "")
		return
	}
	engine, ok := h.Engine(environment)
	if !ok {
		h.respond(w, routeFleet, http.StatusServiceUnavailable, httpclient.RelayHasNoEngine)
		return
	}
	if room := h.roomOf(environment); room != nil {
		room.report(r.Header)
	}
	if object == fleetdata.HeadObject {
		h.agents.of(r).polls.Add(1)
	}
	value, etag, err := h.cache.get(r.Context(), h, engine, name, object == fleetdata.HeadObject)
	switch {
	case errors.Is(err, fleet.ErrNotFound):
		h.respond(w, routeFleet, http.StatusNotFound, "")
		return
	case err != nil:
		h.respond(w, routeFleet, http.StatusServiceUnavailable, httpclient.RelayEngineFails)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	if object == fleetdata.HeadObject {
		header.Set("Content-Type", "application/json")
		header.Set("Cache-Control", "max-age=1")
	} else {
		header.Set("Cache-Control", "max-age=31536000, immutable")
	}
	header.Set("Etag", etag)
	header.Set("Content-Length", strconv.Itoa(len(value)))
	h.count(routeFleet, http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(value) // the client may be gone
	}
}

// isChunk reports whether an object is a chunk of a body: a SHA-256, a dot and a
// number.
func isChunk(object string) bool {
	sum, number, ok := strings.Cut(object, ".")
	return ok && len(sum) == 64 && strings.Trim(sum, "0123456789abcdef") == "" &&
		len(number) > 0 && len(number) < 7 && strings.Trim(number, "0123456789") == ""
}

// engineCache keeps what was read from engines for a short time, and reads each
// value once at a time.
type engineCache struct {
	mu     sync.Mutex
	values map[string]*cached
	order  []string // of chunks, the oldest first
	size   int      // of chunks
}

// cached is a value, or a read that is under way.
type cached struct {
	done  chan struct{}
	at    time.Time
	value []byte
	etag  string // not the engine's tag, which may be as long as the value
	err   error
}

// get returns a value of an engine and its entity tag.
func (c *engineCache) get(ctx context.Context, h *Handler, engine fleet.Backend, name string, head bool) ([]byte, string, error) {
	c.mu.Lock()
	if c.values == nil {
		c.values = make(map[string]*cached)
	}
	v := c.values[name]
	if v != nil {
		select {
		case <-v.done:
			if v.err != nil || head && time.Since(v.at) >= headFor {
				v = nil
			}
		default: // being read
		}
	}
	if v == nil {
		if !h.begin() {
			c.mu.Unlock()
			return nil, "", errClosing
		}
		v = &cached{done: make(chan struct{})}
		c.values[name] = v
		go func() {
			defer h.running.Done()
			c.read(h.ctx, engine, name, head, v)
		}()
	}
	c.mu.Unlock()
	select {
	case <-v.done:
		return v.value, v.etag, v.err
	case <-ctx.Done():
		return nil, "", context.Cause(ctx)
	}
}

var errClosing = errors.New("relay: the handler is closed")

func (c *engineCache) read(ctx context.Context, engine fleet.Backend, name string, head bool, v *cached) {
	ctx, cancel := context.WithTimeout(ctx, engineTime)
	defer cancel()
	v.err = safelog.Contain("relay: the engine", func() (err error) {
		v.value, _, err = engine.Get(ctx, name)
		return err
	})
	v.etag = `"` + fleetdata.Sum(v.value) + `"`
	c.mu.Lock()
	defer c.mu.Unlock()
	v.at = time.Now()
	close(v.done)
	switch {
	case v.err != nil:
		delete(c.values, name)
	case !head:
		c.order = append(c.order, name)
		c.size += len(v.value)
		for len(c.order) > 1 && (len(c.order) > cachedChunks || c.size > maxCached) {
			if old := c.values[c.order[0]]; old != nil {
				c.size -= len(old.value)
				delete(c.values, c.order[0])
			}
			c.order = c.order[1:]
		}
	}
}
