package event

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// limited refuses requests with more than some events, or with one that is too
// large on its own.
func limited(most int, huge ...string) *testPlatform {
	return &testPlatform{answer: func(_ int, items []item) reply {
		if len(items) > most {
			return reply{status: 413}
		}
		for i := range items {
			for _, name := range huge {
				if items[i].name() == name {
					return reply{status: 413}
				}
			}
		}
		return reply{}
	}}
}

func numbered(n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("f%02d", i))
	}
	return names
}

// arrived lists what the platform took, in order.
func (p *testPlatform) arrived() string {
	var names []string
	for _, r := range p.seen() {
		if r.reply.status == 200 {
			names = append(names, r.names())
		}
	}
	return strings.Join(names, " ")
}

// TestSplit splits one user's events, which are one item of FeatBit.
func TestSplit(t *testing.T) {
	tests := []struct {
		name     string
		most     int
		huge     []string
		events   int
		requests int
	}{
		{name: "nothing to split", most: 16, events: 16, requests: 1},
		{name: "once", most: 8, events: 16, requests: 3},
		{name: "odd", most: 4, events: 15, requests: 2 + 5},        // 15 7 3 3 3 3 3
		{name: "down to one", most: 1, events: 8, requests: 3 + 8}, // 8 4 2 1...
		{name: "nothing goes", most: 0, events: 4, requests: 2 + 4},
		{name: "first too large", most: 16, huge: []string{"f00"}, events: 8, requests: 4 + 3},   // 8 4 2 1, 1 2 4
		{name: "last too large", most: 16, huge: []string{"f07"}, events: 8, requests: 4 + 3},    // 8 4, 4 2, 2 1, 1
		{name: "two too large", most: 16, huge: []string{"f00", "f01"}, events: 4, requests: 6},  // 4 2 1, 1, 1 2... of 2 left
		{name: "limit and too large", most: 2, huge: []string{"f00"}, events: 8, requests: 9},    // 8 4 2 1, 1 2, 4 2 2
		{name: "all too large", most: 16, huge: numbered(8), events: 8, requests: 3 + 8},         // 8 4 2 1...
		{name: "many after one", most: 100, huge: []string{"f00"}, events: 100, requests: 7 + 7}, // 100 50 25 12 6 3 1, 1 2 4 8 16 32 36
	}
	onBoth(t, func(t *testing.T, d *platform.Protocol) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					sink := limited(test.most, test.huge...)
					p := inMemoryOf(d, flush.Config{Requests: 1, Capacity: 100}, sink)
					names := numbered(test.events)
					record(p, user("u"), names...)
					err := p.Flush(t.Context())

					var want []string
					for _, name := range names {
						if test.most > 0 && !strings.Contains(strings.Join(test.huge, " "), name) {
							want = append(want, name)
						}
					}
					lost := len(names) - len(want)
					if lost > 0 {
						checkError(t, err, &flush.Error{Delivered: len(want), Dropped: lost})
					} else {
						checkError(t, err, nil)
					}
					if got := sink.arrived(); got != strings.Join(want, " ") {
						t.Errorf("arrived: %s\nexpected: %s", got, strings.Join(want, " "))
					}
					s := flush.Stats{Recorded: uint64(len(names)), Delivered: uint64(len(want)), Requests: uint64(test.requests)}
					s.Dropped.TooLarge = uint64(lost)
					checkStats(t, p, s)
				})
			})
		}
	})
}

// TestSplitInLanes: lanes split on their own and keep the order of each user.
func TestSplitInLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := limited(3, "f17")
		p := inMemory(flush.Config{BatchSize: 20, Requests: 4}, sink)
		for i := range 50 {
			for u := range 5 {
				record(p, user(fmt.Sprintf("u%d", u)), fmt.Sprintf("f%02d", i))
			}
		}
		checkError(t, p.Flush(t.Context()), &flush.Error{Delivered: 245, Dropped: 5})
		last := map[string]string{}
		for _, r := range sink.seen() {
			if r.reply.status != 200 {
				continue
			}
			for i := range r.items {
				who, name := r.items[i].User.KeyID, r.items[i].name()
				if name <= last[who] {
					t.Errorf("%s: %s after %s", who, name, last[who])
				}
				last[who] = name
			}
		}
		checkBooks(t, p.Stats())
	})
}

// TestBodySize: requests are closed before they get too large, whatever
// BatchSize says.
func TestBodySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		p := inMemory(flush.Config{BatchSize: 10_000, Requests: 1}, &sink)
		u := user("u")
		u.Set("big", strings.Repeat("x", 100<<10))
		record(p, u, numbered(20)...)
		u = user("v")
		u.Set("huge", strings.Repeat("x", maxBody+(64<<10)))
		record(p, u, numbered(2)...)
		checkError(t, p.Flush(t.Context()), nil)
		for i, r := range sink.seen() {
			if last := bytes.LastIndex(r.body, []byte(`{"user":`)); last > maxBody {
				t.Errorf("request %d has an event that starts at %d", i, last)
			}
		}
		if got := sink.arrived(); got != strings.Join(append(numbered(20), numbered(2)...), " ") {
			t.Errorf("arrived: %s", got)
		}
	})
}
