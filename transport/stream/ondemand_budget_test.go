package stream_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// Data younger than MaxAge, less a tenth, is not asked for.
func TestOnDemandMaxAge(t *testing.T) {
	tests := []struct {
		name     string
		settings stream.Transport
		want     time.Duration
	}{
		{"default", stream.Transport{}, 30 * time.Second},
		{"configured", stream.Transport{MaxAge: 10 * time.Minute}, 10 * time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := onDemand(t, inMemory(t), tt.settings)
				for n := range 3 {
					began := time.Now()
					s.refreshed()
					for _, age := range []time.Duration{0, tt.want / 2, tt.want*9/10 - time.Millisecond} {
						time.Sleep(age - time.Since(began))
						if o := s.wait(s.refresh()); o.err != nil || o.took != 0 {
							t.Errorf("Refresh after %v: got %v after %v", age, o.err, o.took)
						}
					}
					if got, want := s.stats().Connects, uint64(n+1); got != want {
						t.Errorf("got %d connections, want %d", got, want)
					}
					time.Sleep(tt.want - time.Since(began))
				}
			})
		})
	}
}

// How long Refresh waits for a platform that does not answer.
func TestOnDemandBudget(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name     string
		settings stream.Transport
		deadline time.Duration // of the caller; 0: no deadline
		cancel   time.Duration // by the caller; 0 is never
		want     time.Duration
	}{
		{"default", stream.Transport{}, 0, 0, 500 * ms},
		{"configured", stream.Transport{Budget: 2 * time.Second}, 0, 0, 2 * time.Second},
		{"deadline is near", stream.Transport{}, 400 * ms, 0, 100 * ms},
		{"deadline is far", stream.Transport{}, time.Minute, 0, 500 * ms},
		{"deadline and a large budget", stream.Transport{Budget: time.Minute}, 6 * time.Second, 0, 1500 * ms},
		{"budget beyond ConnectTimeout", stream.Transport{Budget: time.Minute, ConnectTimeout: 3 * time.Second}, 0, 0, 3*time.Second + grace},
		{"cancelled", stream.Transport{}, 0, 70 * ms, 70 * ms},
		{"no time", stream.Transport{}, 1, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := onDemand(t, inMemory(t), tt.settings)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tt.deadline > 0 {
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				if tt.cancel > 0 {
					defer time.AfterFunc(tt.cancel, cancel).Stop()
				}
				done := s.refreshWith(ctx)
				s.p.accept().upgrade()
				o := s.wait(done)
				checkExactly(t, "Refresh", o.took, tt.want)
				if o.err == nil {
					t.Error("Refresh returned no error")
				}
				if tt.cancel > 0 && !errors.Is(o.err, context.Canceled) {
					t.Errorf("got %v, want context.Canceled", o.err)
				}
			})
		})
	}
}

// A platform that is dead costs one unit of work Budget for each attempt, of
// which there are few, and the others nothing.
func TestOnDemandOutageTax(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		s.refreshed()
		time.Sleep(30 * time.Second)
		waited := 0
		for range 600 {
			o := s.wait(s.refresh())
			if o.err == nil || o.took != 0 && o.took != 500*time.Millisecond {
				t.Errorf("Refresh: got %v after %v, want an error at once or after its budget", o.err, o.took)
			}
			if o.took > 0 {
				waited++
				s.p.accept() // and nothing more
			}
			time.Sleep(time.Second)
		}
		if attempts := int(s.stats().Connects) - 1; waited != attempts || attempts < 8 || attempts > 25 {
			t.Errorf("%d of 600 units of work have waited, for %d attempts; want one for each of about 15", waited, attempts)
		}
	})
}

// An answer that comes after Budget counts, from when it was asked for. Until
// then no call waits for it again, and no other request is sent.
func TestOnDemandLateAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		began := time.Now()
		done := s.refresh()
		c := s.p.accept().upgrade()
		if o := s.wait(done); o.err == nil || o.took != 500*time.Millisecond {
			t.Errorf("Refresh: got %v after %v, want an error after its budget", o.err, o.took)
		}
		for range 5 {
			time.Sleep(time.Second)
			s.checkNotTried()
		}
		if n := s.store.told(); n > 0 {
			t.Errorf("the store was told %d things before the answer", n)
		}
		c.exchange()
		s.store.await("full")
		s.store.await("confirmed")
		time.Sleep(26900*time.Millisecond - time.Since(began))
		if o := s.wait(s.refresh()); o.err != nil || o.took != 0 {
			t.Errorf("Refresh after the answer: got %v after %v", o.err, o.took)
		}
		if got, want := s.stats(), (transport.Stats{Connects: 1, Fetches: 1, FetchTime: 5500 * time.Millisecond}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		time.Sleep(30*time.Second - time.Since(began))
		s.refreshed()
		if n := s.store.count("interrupted"); n > 0 {
			t.Errorf("interrupted %d times", n)
		}
	})
}

// ConnectTimeout bounds the whole exchange, not each part of it.
func TestOnDemandConnectTimeout(t *testing.T) {
	tests := []struct {
		name     string
		settings stream.Transport
		want     time.Duration
	}{
		{"default", stream.Transport{}, 10 * time.Second},
		{"configured", stream.Transport{ConnectTimeout: 20 * time.Second}, 20 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s := onDemand(t, inMemory(t), tt.settings)
				began := time.Now()
				done := s.refresh()
				c := s.p.accept()
				s.wait(done)
				time.Sleep(tt.want * 7 / 10)
				c.upgrade().expect(opText, syncRequest)
				for {
					f, ok := c.next()
					if !ok {
						t.Fatal("no close frame")
					}
					if f.op == opClose {
						checkExactly(t, "close frame", f.at.Sub(began), tt.want)
						break
					}
				}
				// What it answers now is no reason.
				c.closeWith(1000, "")
				e := s.store.awaitError("interrupted", transport.KindNetwork, "did not respond")
				checkExactly(t, "told", e.at.Sub(began), tt.want)
				s.checkQuiet()
			})
		})
	}
}

// A fetch that has been given up stores nothing, even if its answer comes while
// its socket is being closed.
func TestOnDemandGivenUp(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{})
		done := s.refresh()
		old := s.p.accept()
		old.accepted()
		if f, err := readFrame(old.buffer); err != nil || f.payload != syncRequest {
			t.Fatalf("got %q, %v", f.payload, err)
		}
		s.wait(done)
		// The socket ends half a second after the exchange's time is up, as the
		// platform does not read the close frame.
		time.Sleep(10*time.Second - 400*time.Millisecond)
		s.wait(s.refresh())
		s.store.awaitError("interrupted", transport.KindNetwork, "not responded")
		_, _ = old.conn.Write(append(head(true, opText, len(full)), full...))
		time.Sleep(time.Second)
		if n := s.store.count("full") + s.store.count("confirmed"); n > 0 {
			t.Errorf("the store was told %d things of the old answer", n)
		}
		s.refreshed()
		if n := s.store.count("full"); n != 1 {
			t.Errorf("%d answers were stored, want 1", n)
		}
		s.checkQuiet()
	})
}
