package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

const (
	// maxListeners is how many pages may be open.
	maxListeners = 32
	// keptEvents is how many events a page may lag behind before it misses
	// some. It misses no counts.
	keptEvents = 500
	// batchInterval is the minimum time between two batches for a page.
	batchInterval = 200 * time.Millisecond
	// keepAlive is the interval of keep-alives to a page.
	keepAlive = 15 * time.Second
	// maxText is the maximum length of a text of an event on a page, in bytes.
	maxText = 200
)

// live notifies pages of changes and events. Its memory is bounded. Each page
// fetches what it has not had yet, so a slow page delays no other page.
type live struct {
	platform *Platform
	// writeTimeout is how long a page may take to read a batch.
	writeTimeout time.Duration

	mu        sync.Mutex
	listeners map[chan struct{}]struct{}  // each of capacity 1
	states    uint64                      // how often the state has changed
	events    [keptEvents]eventView       // event number n is at n % keptEvents
	head      uint64                      // the number of the next event
	flags     map[string]map[string]int64 // by flag that has had an event, and variation
	totals    totals
}

type totals struct {
	Evaluations int64 `json:"evaluations"`
	Metrics     int64 `json:"metrics"`
}

type eventView struct {
	Number      uint64  `json:"number"` // from 1
	Time        int64   `json:"time"`
	User        string  `json:"user"`
	Flag        string  `json:"flag"`
	Variation   string  `json:"variation"`
	Value       string  `json:"value"`
	Reason      string  `json:"reason"`
	Metric      string  `json:"metric"`
	MetricValue float64 `json:"metricValue"`
}

func newLive(p *Platform) *live {
	return &live{
		platform:     p,
		writeTimeout: 10 * time.Second,
		listeners:    make(map[chan struct{}]struct{}),
		flags:        make(map[string]map[string]int64),
	}
}

// record adds events of clients. It never waits for a page.
func (l *live) record(events []ffctest.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range events {
		e := &events[i]
		if e.Metric != "" {
			l.totals.Metrics++
		} else {
			l.totals.Evaluations++
			// Only variations of the flags are counted one by one: clients may
			// send any text.
			if l.flags[e.FlagKey] == nil {
				l.begin(e.FlagKey)
			}
			if counts := l.flags[e.FlagKey]; counts != nil {
				if _, known := counts[e.VariationID]; known {
					counts[e.VariationID]++
				}
			}
		}
		v := viewEvent(e)
		v.Number = l.head + 1
		l.events[l.head%keptEvents] = v
		l.head++
	}
	l.wake()
}

// begin begins to count the variations of a flag, if there is such a flag.
func (l *live) begin(key string) {
	view := l.platform.shown.Load().view
	if _, ok := view.index(key); ok {
		l.flags[strings.Clone(key)] = newCounts(l.platform.variationIDs(view.codec, key), nil)
	}
}

// newCounts returns the counts of variations, as far as they are counted by now.
func newCounts(ids []string, by map[string]int64) map[string]int64 {
	counts := make(map[string]int64, len(ids))
	for _, id := range ids {
		counts[id] = by[id]
	}
	return counts
}

func viewEvent(e *ffctest.Event) eventView {
	return eventView{
		Time:        e.Time.UnixMilli(),
		User:        short(e.UserKey),
		Flag:        short(e.FlagKey),
		Variation:   short(e.VariationID),
		Value:       short(e.Value),
		Reason:      short(e.Reason),
		Metric:      short(e.Metric),
		MetricValue: e.MetricValue,
	}
}

// short cuts a text, and copies it so that the rest is not kept.
func short(s string) string {
	if len(s) <= maxText {
		return s
	}
	return strings.ToValidUTF8(strings.Clone(s[:maxText]), "") + "…"
}

// flagsChanged keeps the counts of the variations that still exist.
func (l *live) flagsChanged(v *view) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, counts := range l.flags {
		i, ok := v.index(key)
		switch {
		case !ok:
			delete(l.flags, key)
		case v.doc.Same(i):
		default:
			if ids := l.platform.variationIDs(v.codec, key); !isFor(counts, ids) {
				l.flags[key] = newCounts(ids, counts)
			}
		}
	}
	l.states++
	l.wake()
}

// isFor reports whether a flag's counts are those of its variations.
func isFor(counts map[string]int64, ids []string) bool {
	if len(counts) != len(ids) {
		return false
	}
	for _, id := range ids {
		if _, ok := counts[id]; !ok {
			return false
		}
	}
	return true
}

func (l *live) stateChanged() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states++
	l.wake()
}

// wake notifies all listeners. The caller holds the lock.
func (l *live) wake() {
	for c := range l.listeners {
		select {
		case c <- struct{}{}:
		default: // already notified
		}
	}
}

// counts returns the evaluations of each flag by variation, without zeros.
func (l *live) counts() (map[string]map[string]int64, totals) {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[string]map[string]int64)
	for key, counts := range l.flags {
		for id, n := range counts {
			if n == 0 {
				continue
			}
			if out[key] == nil {
				out[key] = make(map[string]int64)
			}
			out[key][id] = n
		}
	}
	return out, l.totals
}

// progress is how much a page has had.
type progress struct{ states, head uint64 }

// since returns the events after p, and the progress with them. Events are copies,
// at most as many as are kept.
func (l *live) since(p progress) (events []eventView, now progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := p.head
	if l.head-from > keptEvents {
		from = l.head - keptEvents
	}
	for ; from < l.head; from++ {
		events = append(events, l.events[from%keptEvents])
	}
	return events, progress{l.states, l.head}
}

// listen adds a page, unless there are too many.
func (l *live) listen() (wake chan struct{}, at progress, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.listeners) == maxListeners {
		return nil, progress{}, false
	}
	wake = make(chan struct{}, 1)
	l.listeners[wake] = struct{}{}
	return wake, progress{l.states, l.head}, true
}

func (l *live) leave(wake chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.listeners, wake)
}

// serve writes server-sent events until the page disconnects or the platform stops.
func (l *live) serve(w http.ResponseWriter, r *http.Request) {
	wake, told, ok := l.listen()
	if !ok {
		writeError(w, http.StatusServiceUnavailable, fmt.Sprintf("%d pages are open, which is the maximum: close one", maxListeners))
		return
	}
	defer l.leave(wake)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	send := sender(w, l.writeTimeout)
	// A page that is reloaded shows the same events.
	recent, _ := l.since(progress{})
	recent = slices.DeleteFunc(recent, func(e eventView) bool { return e.Number > told.head })
	if !l.sendState(send) || !send(appendFrame(nil, "recent", append([]eventView{}, recent...))) {
		return
	}
	for {
		// Events within the interval form one batch.
		if !pause(r.Context(), batchInterval) {
			return
		}
		var batch []byte
		select {
		case <-wake:
			events, now := l.since(told)
			if now.states != told.states && !l.sendState(send) {
				return
			}
			if now.head != told.head {
				counts, totals := l.counts()
				batch = appendFrame(batch, "events", events)
				batch = appendFrame(batch, "counts", countsView{counts, totals})
			}
			told = now
		case <-alive.C:
			batch = []byte(":\n\n")
		case <-r.Context().Done():
			return
		}
		if !send(batch) {
			return
		}
	}
}

// sendState sends a state part by part.
func (l *live) sendState(send func([]byte) bool) bool {
	if !send([]byte("event: state\ndata: ")) {
		return false
	}
	for part := range l.platform.state() {
		if !send(part) {
			return false
		}
	}
	return send([]byte("\n\n"))
}

type countsView struct {
	Flags map[string]map[string]int64 `json:"flags"`
	totals
}

// sender returns a function that writes and flushes, and reports whether the page
// has read the batch in time.
func sender(w http.ResponseWriter, writeTimeout time.Duration) func([]byte) bool {
	control := http.NewResponseController(w)
	return func(batch []byte) bool {
		if control.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
			return false
		}
		_, err := w.Write(batch)
		return err == nil && control.Flush() == nil
	}
}

// appendFrame appends an event.
func appendFrame(out []byte, event string, data any) []byte {
	buffer := bytes.NewBuffer(append(out, "event: "+event+"\ndata: "...))
	encoder := json.NewEncoder(buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil { // which ends the line
		panic("local: " + err.Error())
	}
	return append(buffer.Bytes(), '\n')
}

// pause waits for d. It reports false if ctx ends before.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
