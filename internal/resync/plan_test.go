package resync_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// store is a transport.Store that knows its version and nothing else.
type store struct {
	transport.Store
	version int64
}

func (s *store) Version() int64       { return s.version }
func (s *store) Mark() transport.Mark { return 7 }

// ms is now in Unix milliseconds, less some time.
func ms(ago time.Duration) int64 { return time.Now().Add(-ago).UnixMilli() }

func since(t *testing.T, what string, q resync.Request, want int64) {
	t.Helper()
	if q.Since != want {
		t.Errorf("%s: asked since %v, want %v", what, time.UnixMilli(q.Since).UTC(), time.UnixMilli(want).UTC())
	}
	if q.Mark != 7 {
		t.Errorf("%s: mark %d", what, q.Mark)
	}
}

// answer is a complete answer now, which held nothing back.
func answer() resync.Answer { return resync.Answer{At: time.Now()} }

// held is an answer that held something back.
func held(answers int, over time.Duration) resync.Answer {
	return resync.Answer{At: time.Now(), Applied: transport.Applied{Held: 1, Answers: answers, For: over}}
}

// TestCursors: what is asked for, by the newest version and the time of the
// last complete answer.
func TestCursors(t *testing.T) {
	const young, old, ahead = time.Minute, 24 * time.Hour, -24 * time.Hour
	for _, test := range []struct {
		name        string
		version     time.Duration // how long ago the newest version is
		answered    bool
		again, poll time.Duration // how long ago what is asked for is
	}{
		{"a change a minute ago", young, true, 10 * time.Minute, young},
		{"no change for a day", old, true, old, old},
		{"a version from tomorrow", ahead, true, 10 * time.Minute, 0},
		{"the platform's time is unknown", young, false, 11 * time.Minute, young},
		{"the platform's time is unknown, no change for a day", old, false, old + 10*time.Minute, old},
		{"the platform's time is unknown, a version from tomorrow", ahead, false, 10 * time.Minute, ahead},
	} {
		t.Run(test.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := &store{}
				p := resync.New(s, 0, 0)
				q := p.Again()
				since(t, "without data", q, 0)
				s.version = ms(test.version)
				a := answer()
				if !test.answered {
					a.At = time.Time{}
				}
				p.Answered(q, a)
				since(t, "again", p.Again(), ms(test.again))
				since(t, "polled", p.Poll(), ms(test.poll))
				since(t, "everything", p.Everything(), 0)
			})
		})
	}
}

// TestTimes: what may have been missed is asked for within Resync, everything
// within FullResync, both less a random part of up to a fifth.
func TestTimes(t *testing.T) {
	for _, test := range []struct {
		name                 string
		resync, full         time.Duration
		wantResync, wantFull time.Duration // 0 is never
		wantHold             time.Duration
	}{
		{name: "defaults", wantResync: 5 * time.Minute, wantFull: time.Hour, wantHold: 5 * time.Minute},
		{name: "set", resync: 30 * time.Second, full: 5 * time.Minute, wantResync: 30 * time.Second, wantFull: 5 * time.Minute, wantHold: 30 * time.Second},
		{name: "never", resync: -1, full: -1, wantHold: 5 * time.Minute},
		{name: "everything only", resync: -1, wantFull: time.Hour, wantHold: 5 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				spread := make(map[time.Duration]bool)
				for range 50 {
					s := &store{}
					p := resync.New(s, test.resync, test.full)
					if got := p.HoldFor(); got != test.wantHold {
						t.Fatalf("answers must agree over %v, want %v", got, test.wantHold)
					}
					p.Answered(p.Again(), answer()) // everything, as there is no data yet
					s.version = ms(time.Second)
					began, fullAt := time.Now(), time.Duration(0)
					last := began
					for fullAt == 0 && time.Since(began) < 3*time.Hour {
						time.Sleep(max(time.Second, p.Due()))
						if p.Due() > 0 {
							continue
						}
						if fullAt == 0 && p.Again().Since == 0 {
							fullAt = time.Since(began)
							break
						}
						if d := time.Since(last); d > test.wantResync || d < test.wantResync*4/5 {
							t.Fatalf("asked again after %v, want up to a fifth less than %v", d, test.wantResync)
						}
						last = time.Now()
						spread[fullAt] = true
						p.Answered(p.Again(), answer())
					}
					if fullAt > test.wantFull+time.Second || fullAt < test.wantFull*4/5 {
						t.Fatalf("asked for everything after %v, want up to a fifth less than %v", fullAt, test.wantFull)
					}
					spread[fullAt] = true
				}
				if test.wantFull > 0 && len(spread) < 20 {
					t.Errorf("the times are not spread: %v", spread)
				}
			})
		})
	}
}

// TestPollAsksAgain: among polls for what is new, one in Resync goes back.
func TestPollAsksAgain(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := &store{version: ms(0)}
		p := resync.New(s, 0, -1)
		since(t, "a session that has not asked yet", p.Poll(), ms(10*time.Minute))
		p.Answered(p.Poll(), answer())
		back := 0
		for range 600 {
			time.Sleep(time.Second)
			s.version = ms(0)
			q := p.Poll()
			if q.Since <= ms(9*time.Minute) {
				back++
			}
			p.Answered(q, answer())
		}
		if back != 2 {
			t.Errorf("%d of 600 polls in 10 min went back, want 2", back)
		}
	})
}

// TestFailedRequestsAreRepeated: only answers move anything on.
func TestFailedRequestsAreRepeated(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := &store{version: ms(0)}
		p := resync.New(s, 0, 0)
		p.Answered(p.Everything(), answer())
		at := ms(10 * time.Minute)
		time.Sleep(59 * time.Minute)
		for range 3 {
			time.Sleep(time.Minute)
			since(t, "everything is due", p.Poll(), 0)
		}
		p.Answered(p.Poll(), held(1, 0))
		since(t, "an answer was held back", p.Again(), at)
	})
}

// TestHeldAnswersAreAskedForAgain: the same request comes again after half of
// the time and at its end, the last of them on a new connection. A cursor is also
// what polls in between ask with.
func TestHeldAnswersAreAskedForAgain(t *testing.T) {
	for _, everything := range []bool{true, false} {
		bubbleName := map[bool]string{true: "everything", false: "a cursor"}[everything]
		t.Run(bubbleName, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := &store{version: ms(0)}
				p := resync.New(s, time.Minute, -1)
				p.Answered(p.Everything(), answer())
				q := p.Again()
				if everything {
					q = p.Everything()
				}
				p.Answered(q, held(1, 0))
				first := time.Now()

				time.Sleep(20 * time.Second)
				if everything {
					since(t, "a poll in between", p.Poll(), s.version)
					p.Answered(p.Poll(), answer()) // says nothing about what is held
				} else {
					since(t, "a poll in between", p.Poll(), q.Since)
				}

				time.Sleep(10 * time.Second)
				since(t, "half-way", p.Again(), q.Since)
				if p.Due() > 0 || p.Renew() {
					t.Errorf("half-way: due in %v, on a new connection %v", p.Due(), p.Renew())
				}
				p.Answered(p.Again(), held(2, 30*time.Second))
				if p.Renew() {
					t.Error("a new connection is wanted too early")
				}
				time.Sleep(p.Due())
				for !p.Renew() { // an ordinary request may be due before
					if everything {
						p.Answered(p.Again(), answer())
					} else {
						p.Answered(p.Again(), held(2, time.Since(first)))
					}
					time.Sleep(p.Due())
				}
				if got := time.Since(first); got != time.Minute {
					t.Errorf("the last request comes after %v, want 1m", got)
				}
				since(t, "at the end", p.Again(), q.Since)
				p.Answered(p.Again(), answer())
				if p.Renew() {
					t.Error("nothing is held any more, and a new connection is wanted")
				}
			})
		})
	}
}

// TestPollBetweenLooksForHeldItems: while a response to a request for everything is
// held, polls request the stored versions of the held items, at low cost.
func TestPollBetweenLooksForHeldItems(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := &store{version: ms(0)}
		p := resync.New(s, time.Minute, -1)
		a := held(1, 0)
		a.HeldVersion = ms(time.Hour)
		p.Answered(p.Everything(), a)
		since(t, "a poll in between", p.Poll(), a.HeldVersion-1)
		time.Sleep(30 * time.Second)
		since(t, "half-way", p.Poll(), 0)
	})
}

// TestEarlierHeldRequestIsRepeated: if responses to several requests are held, the
// request that goes back most is repeated.
func TestEarlierHeldRequestIsRepeated(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := resync.New(&store{version: ms(0)}, time.Minute, -1)
		p.Answered(p.Again(), held(1, 0))
		p.Answered(p.Everything(), held(1, 0))
		time.Sleep(30 * time.Second)
		since(t, "half-way", p.Again(), 0)
	})
}

// TestHeldRequestIsNotRepeatedAtOnce: also when responses have agreed for long enough
// but more of them are needed, and with a short Resync.
func TestHeldRequestIsNotRepeatedAtOnce(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers int
		over    time.Duration
		alone   bool
		want    time.Duration
	}{
		{"two responses, too early", 2, 15 * time.Second, false, 5 * time.Second},
		{"two responses, long enough", 2, 20 * time.Second, false, 10 * time.Second},
		{"two responses, long enough, nothing else confirms", 2, 21 * time.Second, true, 5 * time.Second},
		{"one response, nothing else confirms", 1, 0, true, 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := resync.New(&store{version: ms(0)}, 20*time.Second, -1)
				p.Answered(p.Everything(), answer())
				a := held(test.answers, test.over)
				a.Alone = test.alone
				p.Answered(p.Everything(), a)
				if got := p.Due(); got != test.want {
					t.Errorf("due in %v, want %v", got, test.want)
				}
			})
		})
	}
}

// TestFullAnswerCounts: a complete answer to a smaller request is as good as one to a
// request for everything.
func TestFullAnswerCounts(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := &store{version: ms(0)}
		p := resync.New(s, -1, time.Hour)
		p.Answered(p.Everything(), answer())
		time.Sleep(40 * time.Minute)
		a := answer()
		a.Full = true
		p.Answered(p.Poll(), a)
		time.Sleep(40 * time.Minute)
		since(t, "40 min after the full answer", p.Poll(), s.version)
	})
}

// TestUnknownTimeMovesNoCursor: changes that came late since the last answer whose time
// is known may still be missing.
func TestUnknownTimeMovesNoCursor(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := &store{version: ms(0)}
		p := resync.New(s, 0, -1)
		p.Answered(p.Everything(), answer())
		want := ms(10 * time.Minute)
		time.Sleep(30 * time.Minute)
		s.version = ms(0)
		p.Answered(p.Again(), resync.Answer{})
		since(t, "again", p.Again(), want)
	})
}

// witness is a store that is notified.
type witness struct {
	store
	answered []time.Time
}

func (w *witness) Answered(at time.Time) { w.answered = append(w.answered, at) }

// TestWitnessHearsNothingWhileItemsAreHeld: answers to smaller requests do not show
// whether the platform has the held items.
func TestWitnessHearsNothingWhileItemsAreHeld(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		w := &witness{store: store{version: ms(0)}}
		p := resync.New(w, 0, -1)
		a := answer()
		p.Answered(p.Everything(), a)
		if len(w.answered) != 1 || !w.answered[0].Equal(a.At) {
			t.Errorf("heard %v, want %v", w.answered, a.At)
		}
		p.Answered(p.Everything(), held(1, 0))
		p.Answered(p.Poll(), answer())
		if n := len(w.answered); n != 1 {
			t.Errorf("heard %d times while items are held", n-1)
		}
		p.Answered(p.Everything(), answer())
		if n := len(w.answered); n != 2 {
			t.Errorf("heard %d times after nothing is held any more, want 1", n-1)
		}
	})
}

// TestLagging: while nothing else confirms the data the request comes again
// soon, as servers lag by seconds.
func TestLagging(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := &store{version: ms(0)}
		p := resync.New(s, 0, 0)
		a := held(1, 0)
		a.Alone = true
		p.Answered(p.Again(), a)
		if got := p.Due(); got != 15*time.Second {
			t.Errorf("due in %v, want 15s", got)
		}
		time.Sleep(15 * time.Second)
		p.Answered(p.Again(), answer())
		if got := p.Due(); got < 4*time.Minute-20*time.Second {
			t.Errorf("due in %v after an answer that held nothing back", got)
		}
	})
}

// TestUnanswered: requests that are ignored are repeated at their usual times.
// After three times FullResync the connection is replaced.
func TestUnanswered(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := resync.New(&store{version: ms(0)}, time.Minute, 10*time.Minute)
		p.Answered(p.Everything(), answer())
		began, ignored := time.Now(), 0
		for {
			time.Sleep(p.Due())
			ignored++
			if p.Unanswered() {
				break
			}
			if ignored > 100 {
				t.Fatal("ignored without end")
			}
		}
		if d := time.Since(began); d < 30*time.Minute || d > 31*time.Minute || ignored < 30 {
			t.Errorf("too long after %v and %d requests", d, ignored)
		}
	})
}

// TestNotUnansweredTooLong: a connection is not replaced for want of an answer before
// the first one, nor if FullResync is off.
func TestNotUnansweredTooLong(t *testing.T) {
	for name, full := range map[string]time.Duration{"before the first answer": time.Minute, "FullResync is off": -1} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := resync.New(&store{version: ms(0)}, time.Minute, full)
				if full < 0 {
					p.Answered(p.Everything(), answer())
				}
				for range 10 {
					time.Sleep(time.Minute)
					if p.Unanswered() {
						t.Fatal("too long")
					}
				}
			})
		})
	}
}
