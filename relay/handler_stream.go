package relay

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

const (
	// maxMessage is the size of the largest message of a client, in bytes.
	maxMessage = 8 << 10
	// maxQueued is how many bytes of pushed messages wait for a client, at most. The
	// messages of one change may always wait. A client that is slower is cut: it
	// fetches all data when it connects again, which costs less than a queue.
	maxQueued = 1 << 20
	// maxAsked is how many messages of a client wait for a response, at most.
	maxAsked = 64
	// maxPushes is how many items are pushed one by one. SDKs of both platforms lose
	// items of a patch that has several.
	maxPushes = 200
	// writeTime is how long a message may take to be written; 2 s more for each MiB.
	writeTime = 10 * time.Second
	// closeHandshake is how long a client may take to close.
	closeHandshake = 2 * time.Second
	// silentFor is how long nothing may arrive until the client is probed, and
	// probeTime how long it then has.
	silentFor = time.Minute
	probeTime = 30 * time.Second
	// maxRefused is how many websockets may be refused at the same time: further
	// ones get 503.
	maxRefused = 256
	// refuseWait is how long the upgrade of a websocket waits that is refused for now:
	// some SDKs connect again at once after a close code.
	refuseWait = time.Second
	// dataWait is how long a websocket waits for the first data.
	dataWait = 10 * time.Second
)

// How websockets end. All SDKs connect again after code 1001. To libraries of some
// SDKs 1012 and 1013 are invalid codes, after which the original Python SDK stops.
var (
	closeInvalid = platformserver.Close{Code: platformserver.CloseInvalid, Reason: platformserver.CloseInvalidReason}
	closeRestart = platformserver.Close{Code: 1001, Reason: "the relay restarts"}
	closeNoData  = platformserver.Close{Code: 1001, Reason: httpclient.RelayHasNoData}
	closeBehind  = platformserver.Close{Code: 1001, Reason: httpclient.RelayIsBehind}
	closeFull    = platformserver.Close{Code: 1001, Reason: httpclient.RelayLimitsSockets}
)

// limits bound the websockets of a Handler.
var limits = platformserver.Limits{Message: maxMessage, Write: writeTime, Close: closeHandshake}

// member is a websocket of a room.
type member struct {
	room   *room
	key    string
	ours   bool // an SDK that reads asOf in pongs
	socket *platformserver.Socket
	since  time.Time

	mu      sync.Mutex
	synced  bool // the client has all data, or is about to get it
	pushes  [][]byte
	queued  int // bytes in pushes
	asked   []platformserver.Request
	waiting bool // a question waits for data
	probing bool
	bye     *platformserver.Close
}

// serveStream upgrades to a websocket and serves it until it ends. It checks the
// token before the upgrade. As on the platform, a rejection follows the upgrade: SDKs
// take an HTTP status for a mistake in the address.
func (h *Handler) serveStream(w http.ResponseWriter, r *http.Request) {
	if !platformserver.IsUpgrade(r) {
		h.respond(w, routeStream, http.StatusNotFound, "expected a websocket handshake")
		return
	}
	query := r.URL.Query()
	text, issued, err := platformserver.SplitToken(query.Get("token"))
	if err != nil || len(text) > maxKey {
		h.refuse(w, r, closeInvalid)
		return
	}
	key := text
	environment, ok := h.Keys(key)
	if !ok {
		key = platformserver.Padded(text)
		environment, ok = h.Keys(key)
	}
	if !ok {
		h.refuse(w, r, closeInvalid)
		return
	}
	room := h.roomOf(environment)
	if room == nil {
		h.refuse(w, r, closeNoData)
		return
	}
	wire := h.wireOf(environment)
	if e := room.now.Load(); e != nil {
		wire = e.wire
	}
	if wire == nil {
		h.refuse(w, r, closeNoData)
		return
	}
	if admitted, syncs := wire.Admits(query, issued, time.Now()); !admitted || !syncs {
		h.refuse(w, r, closeInvalid)
		return
	}
	m := &member{room: room, key: key, ours: strings.HasPrefix(r.UserAgent(), httpclient.Product), since: time.Now()}
	m.socket = platformserver.NewSocket(wire, m, limits)
	switch h.enter(m) {
	case entered:
	case full:
		h.refuse(w, r, closeFull)
		return
	case leaving:
		h.refuse(w, r, closeRestart)
		return
	}
	defer h.leave(m)
	h.count(routeStream, http.StatusSwitchingProtocols)
	room.report(r.Header)
	agent := h.agents.of(r)
	agent.websockets.Add(1)
	defer agent.websockets.Add(-1)
	if at, age, ok := room.asOf(); ok {
		seconds, asOf := ageHeaders(at, age)
		w.Header()["Age"] = []string{seconds}
		w.Header()["Ffc-As-Of"] = []string{asOf}
	}
	m.socket.Serve(w, r)
}

// refuse upgrades and closes the websocket. Unless the client is invalid, it waits
// first, and cuts the connection if too many wait: after an HTTP status the original
// Python SDK does not connect again.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, end platformserver.Close) {
	if !h.begin() {
		panic(http.ErrAbortHandler)
	}
	defer h.running.Done()
	defer h.refused.Add(-1)
	many := h.refused.Add(1) > maxRefused
	switch {
	case end != closeInvalid && many:
		panic(http.ErrAbortHandler)
	case many:
		h.respond(w, routeStream, http.StatusServiceUnavailable, httpclient.RelayLimitsInvalid)
		return
	case end != closeInvalid:
		wait := time.NewTimer(refuseWait)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-r.Context().Done():
		case <-h.ctx.Done():
		}
	}
	h.count(routeStream, http.StatusSwitchingProtocols)
	s := platformserver.NewSocket(wires()[0], nil, limits)
	defer context.AfterFunc(h.ctx, s.Cut)()
	s.Refuse(w, r, end)
}

// The results of enter.
type entry uint8

const (
	entered entry = iota
	full
	leaving
)

// enter adds a websocket to its room. If the result is entered, the caller must call
// leave.
func (h *Handler) enter(m *member) entry {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed, h.draining:
		return leaving
	case h.MaxWebsockets > 0 && h.sockets >= h.MaxWebsockets:
		return full
	}
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	if m.room.ended {
		return leaving
	}
	h.sockets++
	h.running.Add(1)
	m.room.members[m] = struct{}{}
	return entered
}

func (h *Handler) leave(m *member) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	h.sockets--
	delete(m.room.members, m)
	h.running.Done()
}

// count returns the number of websockets.
func (r *room) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.members)
}

func (r *room) appendMembers(all []*member) []*member {
	r.mu.Lock()
	defer r.mu.Unlock()
	for m := range r.members {
		all = append(all, m)
	}
	return all
}

// push sends changes to all websockets that have the data before them.
func (r *room) push(pushes []push) {
	var messages [][]byte
	wire := r.wire
	if len(pushes) > maxPushes {
		messages = [][]byte{wire.Message("patch", func(array int) (items [][]byte) {
			for _, p := range pushes {
				if p.array == array {
					items = append(items, p.item.raw)
				}
			}
			return items
		})}
	} else {
		for _, p := range pushes {
			messages = append(messages, wire.Message("patch", func(array int) [][]byte {
				if p.array == array {
					return [][]byte{p.item.raw}
				}
				return nil
			}))
		}
	}
	for _, m := range r.appendMembers(nil) {
		m.push(messages)
	}
}

// push queues the messages of a change, or cuts the websocket if too many wait.
func (m *member) push(messages [][]byte) {
	size := 0
	for _, message := range messages {
		size += len(message)
	}
	m.mu.Lock()
	m.waiting = false // there is data now
	cut := m.synced && m.queued > 0 && m.queued+size > maxQueued
	if m.synced && !cut {
		m.pushes = append(m.pushes, messages...)
		m.queued += size
	}
	m.mu.Unlock()
	if cut {
		m.socket.Cut()
		return
	}
	m.socket.Poke()
}

// end closes the websocket when what waits is written.
func (m *member) end(how platformserver.Close) {
	m.mu.Lock()
	if m.bye == nil {
		m.bye = &how
	}
	m.mu.Unlock()
	m.socket.Poke()
}

// Received implements platformserver.Owner.
func (m *member) Received(q platformserver.Request) {
	if !q.Ping {
		if e := m.room.now.Load(); e != nil && q.Since > e.top && !m.hasSynced() && !m.room.catchUp(m.room.h.ctx, q.Since) {
			m.end(closeBehind)
			return
		}
	}
	m.mu.Lock()
	flood := len(m.asked) == maxAsked
	if !flood {
		m.asked = append(m.asked, q)
	}
	m.mu.Unlock()
	if flood {
		m.socket.Cut()
		return
	}
	m.socket.Poke()
}

// hasSynced reports whether the client has what the room has: if its version is above
// that of the room, it is not that of a flag. featureflag.co's SDK for Go requests what
// is newer than its clock.
func (m *member) hasSynced() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.synced
}

// Next implements platformserver.Owner. Pushes go first: all of them are from before
// an answer that is made now.
func (m *member) Next() ([]byte, *platformserver.Close) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.pushes) > 0 {
		message := m.pushes[0]
		m.pushes[0] = nil // or the queue keeps it alive
		m.pushes = m.pushes[1:]
		if m.queued -= len(message); len(m.pushes) == 0 {
			m.pushes = nil
		}
		return message, nil
	}
	if m.bye != nil {
		return nil, m.bye
	}
	if len(m.asked) == 0 {
		return nil, nil
	}
	q := m.asked[0]
	if q.Ping {
		m.pop()
		return m.room.pong(m.ours), nil
	}
	before := m.synced
	m.synced = true // first: what is published from now on is pushed
	e := m.room.now.Load()
	if e == nil {
		m.synced, m.waiting = false, true
		return nil, nil
	}
	m.pop()
	if q.Since <= 0 || !before && !e.proves(q.Since) {
		return e.message(), nil
	}
	message, count := e.since(q.Since)
	if count > 1 && !before && !m.ours {
		return e.message(), nil // some SDKs lose items of a patch that has several
	}
	return message, nil
}

func (m *member) pop() {
	if m.asked = m.asked[1:]; len(m.asked) == 0 {
		m.asked = nil
	}
}

// pong returns the answer to a ping. SDKs of this module read asOf.
func (r *room) pong(ours bool) []byte {
	wire := r.h.wireOfRoom(r)
	at, _, ok := r.asOf()
	if !ours || !ok {
		return []byte(wire.Pong)
	}
	return []byte(wire.Pong[:len(wire.Pong)-1] + `,"asOf":"` + at.UTC().Format(asOfText) + `"}`)
}

// wireOfRoom returns the wire of a room that has websockets.
func (h *Handler) wireOfRoom(r *room) *platformserver.Wire {
	if e := r.now.Load(); e != nil {
		return e.wire
	}
	return h.wireOf(r.environment)
}
