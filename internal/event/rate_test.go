package event

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// distant is a platform that takes some time for each request, and reads none.
type distant struct {
	roundTrip time.Duration
	connect   time.Duration // for each connection
	requests  atomic.Int64
	idle      atomic.Int64 // connections
}

// RoundTrip implements http.RoundTripper.
func (d *distant) RoundTrip(req *http.Request) (*http.Response, error) {
	_, _ = io.Copy(io.Discard, req.Body)
	d.requests.Add(1)
	if d.idle.Add(-1) < 0 {
		d.idle.Add(1)
		time.Sleep(d.connect)
	}
	if trace := httptrace.ContextClientTrace(req.Context()); trace != nil { // as net/http does
		trace.GotConn(httptrace.GotConnInfo{})
	}
	time.Sleep(d.roundTrip)
	d.idle.Add(1)
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

// report records events at a rate for some time and returns the counts at its end,
// before what is queued has left.
func report(t *testing.T, cfg flush.Config, over *distant, users, perSecond int, reporting time.Duration) (s flush.Stats) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		to := destination("http://platform.test", &http.Client{Transport: over})
		to.OnDemand = false
		p := New(cfg, to)
		stop := run(p)
		known := make([]*eval.User, users)
		for i := range known {
			known[i] = large(i)
		}
		r := served("flag", "1", "true")
		const step = 10 * time.Millisecond
		n := 0
		for i := range int(reporting / step) {
			for ; n < perSecond*(i+1)/int(time.Second/step); n++ {
				p.RecordEvaluation(known[n%users], nil, &r)
			}
			time.Sleep(step)
		}
		stop()
		s = p.Stats()
		checkBooks(t, s)
	})
	return s
}

// TestRate shows how much a process can report without a loss: with
// default settings at least two thirds of what the formula in docs/failure.md
// gives.
func TestRate(t *testing.T) {
	t.Parallel()
	reporting := 10 * time.Second
	if testkit.All() {
		reporting *= 3
	}
	for _, users := range []int{10, 100_000} {
		for _, test := range []struct {
			roundTrip time.Duration
			perSecond int
		}{
			{150 * time.Millisecond, 2000},
			{150 * time.Millisecond, 4000},
			{150 * time.Millisecond, 4 * 1000 * 1000 / 150 * 2 / 3},
			{2 * time.Second, 2 * 1000 * 1000 / 2000 * 2 / 3}, // two requests at once
		} {
			t.Run(fmt.Sprintf("%d events a second of %d users, %v", test.perSecond, users, test.roundTrip), func(t *testing.T) {
				s := report(t, flush.Config{}, &distant{roundTrip: test.roundTrip}, users, test.perSecond, reporting)
				if s.Dropped.Total() > 0 || s.Queued > 20_000*3/4 {
					t.Errorf("Stats: %+v", s)
				}
			})
		}
	}
}

// TestRateFromColdConnection reports 20,000 events a second from the first moment
// on, while each connection takes two round trips to open, for TCP and TLS 1.3.
func TestRateFromColdConnection(t *testing.T) {
	t.Parallel()
	const roundTrip = 150 * time.Millisecond
	seconds := 5
	if testkit.All() {
		seconds = 30
	}
	for _, users := range []int{10, 1000, 100_000} {
		t.Run(fmt.Sprintf("%d users", users), func(t *testing.T) {
			s := report(t, flush.Config{}, &distant{roundTrip: roundTrip, connect: 2 * roundTrip}, users, 20_000, time.Duration(seconds)*time.Second)
			if s.Dropped.Total() > 0 || s.Recorded != 20_000*uint64(seconds) {
				t.Errorf("Stats: %+v", s)
			}
		})
	}
}

// usersOf says whose an event is, in the ways in which programs evaluate.
var usersOf = []struct {
	name string
	user func(i int) int
}{
	{name: "one event of each user", user: func(i int) int { return i }},
	{name: "ten events of each user", user: func(i int) int { return i / 10 }},
	{name: "one user", user: func(int) int { return 0 }},
	{name: "seven users in turn", user: func(i int) int { return i % 7 }},
	{name: "a hundred users in turn", user: func(i int) int { return i % 100 }},
	{name: "one user in nine of ten events", user: func(i int) int {
		if i%10 > 0 {
			return 0
		}
		return i
	}},
}

// TestFewRequests sends events in one Flush.
func TestFewRequests(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, d *platform.Protocol) {
		for _, test := range usersOf {
			for events, most := range map[int]uint64{10_000: 12, 5000: 7, 2500: 4, 1010: 2} {
				t.Run(fmt.Sprintf("%s, %d events", test.name, events), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						p := inMemoryOf(d, flush.Config{}, &distant{})
						for i := range events {
							record(p, large(test.user(i)), "flag")
						}
						checkError(t, p.Flush(t.Context()), nil)
						if s := p.Stats(); s.Delivered != uint64(events) || s.Requests > most {
							t.Errorf("%d requests, want at most %d: %+v", s.Requests, most, s)
						}
					})
				})
			}
		}
	})
}

// TestFewRequestsInBackground records 10,000 events at once, or over 300 ms, while
// Run delivers them.
func TestFewRequestsInBackground(t *testing.T) {
	t.Parallel()
	for _, test := range usersOf {
		for _, burst := range []int{10_000, 1500, 700, 90} {
			t.Run(fmt.Sprintf("%s, %d at a time", test.name, burst), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					p := inMemory(flush.Config{Interval: 3 * time.Second}, &distant{roundTrip: 5 * time.Millisecond})
					stop := run(p)
					for i := range 10_000 {
						record(p, large(test.user(i)), "flag")
						if i%burst == burst-1 {
							time.Sleep(300 * time.Millisecond / time.Duration(10_000/burst))
						}
					}
					time.Sleep(time.Second)
					if s := p.Stats(); s.Queued >= 1000 {
						t.Errorf("a full request waits for the interval: %+v", s)
					}
					time.Sleep(2 * time.Second)
					stop()
					if s := p.Stats(); s.Delivered != 10_000 || s.Requests > 12 {
						t.Errorf("Stats: %+v", s)
					}
				})
			})
		}
	}
}

var longName = strings.Repeat("x", 230)

// large returns a user with 230 bytes of text.
func large(i int) *eval.User {
	return &eval.User{Key: "user-" + strconv.Itoa(i), Name: longName}
}

// TestRateWithRejectedEvents shows that events that the platform rejects do not
// slow others down.
func TestRateWithRejectedEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rejects := testkit.RoundTrip(func(req *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			time.Sleep(150 * time.Millisecond)
			if bytes.Contains(body, []byte("bad")) {
				return &http.Response{StatusCode: 500, Body: http.NoBody}, nil
			}
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		})
		to := destination("http://platform.test", &http.Client{Transport: rejects})
		to.OnDemand = false
		p := New(flush.Config{Interval: 10 * time.Second}, to) // full requests start deliveries
		stop := run(p)
		const perStep, steps, bad = 40, 2000, 5
		good := served("good", "1", "true")
		users := make([]*eval.User, 50_000)
		for i := range users {
			users[i] = user(fmt.Sprint("u", i))
		}
		for i := range steps { // 4,000 a second for 20 s
			for n := range perStep {
				p.RecordEvaluation(users[(i*perStep+n)%len(users)], nil, &good)
			}
			if i%300 == 150 && i < 300*bad {
				record(p, user(fmt.Sprint("v", i)), "bad")
			}
			time.Sleep(10 * time.Millisecond)
		}
		for i := range 300 { // a minute with little to do
			p.RecordEvaluation(users[i], nil, &good)
			time.Sleep(200 * time.Millisecond)
		}
		stop()
		s := p.Stats()
		checkBooks(t, s)
		if s.Dropped != (flush.Dropped{Rejected: bad}) || s.Queued > 100 {
			t.Errorf("Stats: %+v", s)
		}
	})
}

// TestPlacesAreFreedWithEachAnswer shows that room is made while a delivery is
// under way.
func TestPlacesAreFreedWithEachAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(flush.Config{Capacity: 100, BatchSize: 10, Requests: 1}, destination("http://platform.test", &http.Client{
			Transport: &distant{roundTrip: time.Second},
		}))
		record(p, user("u"), numbered(100)...)
		done := start(t, p, t.Context())
		for i := range 10 {
			checkStats(t, p, flush.Stats{Recorded: 100, Delivered: uint64(10 * i), Queued: uint64(100 - 10*i), Requests: uint64(i + 1)})
			time.Sleep(time.Second)
			synctest.Wait()
		}
		checkError(t, <-done, nil)
		record(p, user("u"), numbered(100)...)
		done = start(t, p, t.Context())
		time.Sleep(time.Second)
		synctest.Wait()
		record(p, user("u"), numbered(11)...)
		checkStats(t, p, flush.Stats{Recorded: 211, Delivered: 110, Queued: 100, Dropped: flush.Dropped{QueueFull: 1}, Requests: 12})
		checkError(t, <-done, &flush.Error{Delivered: 100, Retained: 0, Dropped: 1})
	})
}
