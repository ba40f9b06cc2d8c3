package stream_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// Run ends in whatever state the fallback is, and nothing of either is left.
func TestFallbackCloses(t *testing.T) {
	tests := []struct {
		name   string
		script func(t *testing.T, s *session, f *second) *secondSession // which must end
		want   time.Duration
	}{
		{"waiting with data", func(_ *testing.T, s *session, _ *second) *secondSession {
			s.run()
			s.ready().cut()
			s.store.await("interrupted")
			return nil
		}, 0},
		{"waiting for the first attempt", func(_ *testing.T, s *session, _ *second) *secondSession {
			s.run()
			s.p.accept()
			time.Sleep(4 * time.Second)
			return nil
		}, 0},
		{"begun", func(_ *testing.T, s *session, f *second) *secondSession {
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			return f.next()
		}, 0},
		{"serves", func(_ *testing.T, s *session, f *second) *secondSession {
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			second := f.next()
			second.serve()
			return second
		}, 0},
		{"refused", func(_ *testing.T, s *session, f *second) *secondSession {
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			second := f.next()
			second.store.Off(errSecond)
			return second
		}, 0},
		{"loading on demand", func(_ *testing.T, s *session, f *second) *secondSession {
			f.onDemand = true
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			return f.next()
		}, 0},
		{"on demand", func(_ *testing.T, s *session, f *second) *secondSession {
			f.onDemand = true
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			second := f.next()
			second.serve()
			second.loaded <- nil
			time.Sleep(3500 * time.Millisecond)
			return second
		}, 0},
		{"slow to end", func(t *testing.T, s *session, f *second) *secondSession {
			f.stubborn = make(chan struct{})
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			second := f.next()
			time.AfterFunc(time.Minute, func() { close(f.stubborn) })
			return second
		}, time.Minute},
		{"stopped, slow to end", func(t *testing.T, s *session, f *second) *secondSession {
			f.stubborn = make(chan struct{})
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			second := f.next()
			s.ready().cut()
			f.next().serve()
			time.AfterFunc(time.Minute, func() { close(f.stubborn) })
			return second
		}, time.Minute},
		{"taken over", func(_ *testing.T, s *session, f *second) *secondSession {
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			second := f.next()
			second.serve()
			c := s.ready()
			go func() {
				c.expect(opClose, normalClose)
				c.closeWith(1000, "")
			}()
			return second
		}, 0},
		{"refused for good", func(_ *testing.T, s *session, f *second) *secondSession {
			s.run()
			s.p.accept().refuse("502 Bad Gateway")
			second := f.next()
			second.serve()
			s.p.accept().upgrade().closeWith(4003, "")
			s.store.await("off")
			return second
		}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				s, f := fallingBack(t, stream.Transport{})
				second := tt.script(t, s, f)
				synctest.Wait()
				checkExactly(t, "Run returned after", s.close(), tt.want)
				checkNothingRuns(t)
				if second != nil {
					select {
					case <-second.ended:
					default:
						t.Error("the fallback has not ended")
					}
				}
				told := s.store.told()
				if want := s.store.count("fallback true"); s.store.count("fallback false") != want {
					t.Errorf("the fallback began to serve %d times and ended %d times", want, s.store.count("fallback false"))
				}
				time.Sleep(time.Hour)
				if len(f.started) > 0 || s.store.told() != told {
					t.Error("the fallback goes on")
				}
			})
		})
	}
}

// Without a fallback nothing runs for it.
func TestNoFallback(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		p.onDial = func(context.Context) error { return errors.New("no route") }
		s := start(t, p, stream.Transport{FallbackAfter: time.Millisecond})
		for range 10 {
			s.store.await("interrupted")
			time.Sleep(100 * time.Millisecond)
			if stacks := running(t, "/transport/stream."); len(stacks) != 1 {
				t.Errorf("%d goroutines run, want that of Run only:\n%s", len(stacks), strings.Join(stacks, "\n\n"))
			}
		}
		if n := s.store.told() - s.store.count("interrupted"); n > 0 {
			t.Errorf("the store was told %d other things", n)
		}
	})
}
