package stream_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// When the socket works the fallback is stopped at once, and nothing that it
// still brings counts.
func TestFallbackStopsForTheSocket(t *testing.T) {
	for name, stubborn := range map[string]bool{"ends": false, "does not end": true} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				if stubborn {
					f.stubborn = make(chan struct{})
				}
				s.run()
				s.p.accept().refuse("502 Bad Gateway")
				second := f.next()
				second.serve()
				mark := second.store.Mark()
				c := s.back()
				sent := time.Now()
				second.isStopped()
				synctest.Wait()
				s.store.checkTold()
				if _, err := second.store.Apply([]byte(full), mark); err == nil {
					t.Error("a late answer was taken")
				}
				second.store.Confirm()
				second.store.Interrupted(errSecond)
				second.store.Off(errSecond)
				s.store.checkTold()
				for range 10 {
					c.send(patch)
					s.store.await("patch")
					s.store.await("confirmed")
				}
				checkExactly(t, "time that the socket was held up", time.Since(sent), 0)
				if !stubborn {
					select {
					case <-second.ended:
					default:
						t.Error("the fallback has not ended")
					}
					return
				}
				closed := call(func() error {
					s.close()
					return nil
				})
				time.Sleep(30 * time.Minute)
				if len(closed) > 0 {
					t.Error("Run returned before the fallback had ended")
				}
				close(f.stubborn)
				checkExactly(t, "Run returned after", s.wait(closed).took, 30*time.Minute)
			})
		})
	}
}

// The socket may take over while an answer of the fallback is stored, which
// takes its time.
func TestFallbackStopsWhileItStores(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		s.run()
		s.p.accept().refuse("502 Bad Gateway")
		second := f.next()
		c := s.p.accept().upgrade()
		c.expect(opText, syncRequest)
		stored := make(chan struct{})
		s.store.onApply = func() error {
			<-stored
			return nil
		}
		applied := call(func() error { return second.apply(full) })
		synctest.Wait()
		s.store.onApply = nil
		s.store.await("interrupted")
		c.send(full)
		synctest.Wait()
		s.store.checkTold("full", "confirmed")
		close(stored)
		s.wait(applied)
		synctest.Wait()
		s.store.checkTold("full") // but the fallback does not serve
	})
}

// Each outage has a session of its own; what one of before still brings does
// not count for it.
func TestFallbackForEachOutage(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		f.stubborn = make(chan struct{})
		s.run()
		c := s.ready()
		var sessions []*secondSession
		for range 5 {
			c.cut()
			second := f.next()
			s.store.await("interrupted")
			synctest.Wait()
			s.store.checkTold()
			for _, old := range sessions {
				if err := old.apply(full); err == nil {
					t.Error("a late answer was taken")
				}
				old.store.Confirm()
				old.store.Interrupted(errSecond)
			}
			s.store.checkTold()
			second.serve()
			s.store.checkTold("full", "fallback true", "confirmed")
			for _, old := range sessions {
				old.store.Interrupted(errSecond)
			}
			s.store.checkTold()
			sessions = append(sessions, second)
			c = s.back()
			second.isStopped()
			c.answerPings(61 * time.Second)
			s.store.forget()
		}
		close(f.stubborn)
		if got := f.opened.Load(); got != 6 {
			t.Errorf("the fallback was opened %d times, want once for a look and 5 times for use", got)
		}
	})
}

// A fallback that works on demand is asked each second, from when it has loaded
// its data.
func TestFallbackOnDemand(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		f.onDemand = true
		s.run()
		for range 3 {
			second := f.next()
			time.Sleep(10 * time.Millisecond)
			if len(second.asked) > 0 {
				t.Error("asked before it has loaded")
			}
			second.serve()
			loaded := time.Now()
			second.loaded <- nil
			for n := range 20 {
				select {
				case at := <-second.asked:
					checkExactly(t, "asked", at.Sub(loaded), time.Duration(n+1)*time.Second)
				case <-time.After(time.Minute):
					t.Fatal("not asked")
				}
			}
			c := s.back()
			second.isStopped()
			asked := len(second.asked)
			c.answerPings(61 * time.Second)
			if n := len(second.asked) - asked; n > 0 {
				t.Errorf("asked %d times after it was stopped", n)
			}
			c.cut()
		}
	})
}

// It is asked even if it could not load, as the next time may be better.
func TestFallbackOnDemandThatFails(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s, f := fallingBack(t, stream.Transport{})
		f.onDemand = true
		s.run()
		s.p.accept().refuse("403 Forbidden")
		second := f.next()
		second.store.Interrupted(errSecond)
		second.loaded <- context.DeadlineExceeded
		select {
		case <-second.asked:
		case <-time.After(time.Minute):
			t.Error("not asked")
		}
	})
}
