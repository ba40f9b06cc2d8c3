package stream_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

const (
	featBitPing = `{"messageType":"ping","data":{}}`
	featBitPong = `{"messageType":"pong","data":{}}`
)

// resumeRequest asks for what is newer than a store has.
// The request goes back by ten minutes: behind the time in a bubble, as the
// versions there are from its future.
var resumeRequest = syncSince(946684800000 - 600_000)

func syncSince(version int64) string {
	return fmt.Sprintf(`{"messageType":"data-sync","data":{"timestamp":%d}}`, version)
}

func featBit(t *testing.T) *platform {
	t.Helper()
	p := inMemory(t)
	p.name = "featbit"
	return p
}

// resume accepts a connection that asks for changes.
func (p *platform) resume() *peer {
	p.t.Helper()
	c := p.accept().upgrade()
	if query := c.request.URL.Query(); query.Get("type") != "server" || query.Has("version") {
		p.t.Errorf("got query %v", query)
	}
	c.expect(opText, resumeRequest)
	c.expect(opText, featBitPing)
	return c
}

// TestFeatBitResumes: changes that are pushed look like the answer to the
// request for changes. The answer has come when the pong has that follows it.
func TestFeatBitResumes(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, featBit(t), stream.Transport{})
		c := s.p.resume()
		steps := []struct {
			message string
			want    int // confirmed so often
		}{
			{patch, 0}, // pushed
			{patch, 0},
			{featBitPong, 1},
			{patch, 2},
			{featBitPong, 3},
		}
		for _, step := range steps {
			c.send(step.message)
			synctest.Wait()
			if got := s.store.count("confirmed"); got != step.want {
				t.Fatalf("after %s: confirmed %d times, want %d", step.message, got, step.want)
			}
		}
		if got := s.store.count("patch"); got != 3 {
			t.Errorf("%d patches", got)
		}
	})
}

// TestFeatBitPongIsNoAnswer: a pong alone confirms nothing.
func TestFeatBitPongIsNoAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, featBit(t), stream.Transport{})
		c := s.p.resume()
		c.send(featBitPong)
		synctest.Wait()
		if got := s.store.count("confirmed"); got != 0 {
			t.Errorf("confirmed %d times", got)
		}
		c.send(patch)
		s.store.await("confirmed")
		c.send(full) // not asked for, and taken
		s.store.await("full")
	})
}

// TestFeatBitPings: every 15 s, with an object as data.
func TestFeatBitPings(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, featBit(t), stream.Transport{})
		c := s.p.resume()
		c.send(full)
		for range 3 {
			before := time.Now()
			c.expect(opText, featBitPing)
			checkExactly(t, "pause", time.Since(before), 15*time.Second)
			c.send(featBitPong)
		}
	})
}

// TestFeatBitOnDemand: one answer, which is not what is pushed before it.
func TestFeatBitOnDemand(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, featBit(t), stream.Transport{})
		done := s.refresh()
		c := s.p.resume()
		c.send(patch)
		c.send(patch)
		c.send(featBitPong)
		if o := s.wait(done); o.err != nil {
			t.Errorf("got %v", o.err)
		}
		if _, bye := c.end(); !strings.HasPrefix(bye.payload, "\x03\xe8") { // 1000
			t.Errorf("got close frame %q", bye.payload)
		}
		if patches, confirmed := s.store.count("patch"), s.store.count("confirmed"); patches != 2 || confirmed != 1 {
			t.Errorf("%d patches, confirmed %d times", patches, confirmed)
		}
	})
}
