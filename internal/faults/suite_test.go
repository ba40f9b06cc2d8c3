package faults_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestMain runs more parallel tests at once than there are processors: the tests mostly
// wait. Their timeouts are short, though.
func TestMain(m *testing.M) { testkit.Main(m, playing/4) }

// scenario is something that goes wrong while a client runs, and then not any
// more.
type scenario struct {
	name  string
	modes []*mode
	// everything: it needs a platform that is asked for everything each time.
	everything bool
	// before prepares the world before there is a client.
	before func(w *world)
	// play is what happens. The flags are v0 before, and those that it returns
	// in the end.
	play func(w *world) (value string)
}

// TestFaults plays all scenarios, with every transport that they mean something
// to, on each platform, or on one in turn. After each the client has the server's data without a restart, has
// evaluated all the time, has said rightly how it stood and has delivered every
// event. Behind all of them nothing is left.
//
// To see which scenario leaves something behind, run it alone.
func TestFaults(t *testing.T) {
	play(t, slices.Concat(network, handshakes, sessions, messages, lies, clocks, ways))
}

// play plays scenarios and checks that they leave nothing behind.
func play(t *testing.T, scenarios []scenario) {
	warmUp.Do(func() { playCalm(t) })
	before := testkit.Used()
	slots := make(chan struct{}, playing)
	var running sync.WaitGroup
	for i, s := range scenarios {
		for j, m := range s.modes {
			for _, g := range s.platforms(m, i+j) {
				running.Go(func() {
					slots <- struct{}{}
					defer func() { <-slots }()
					t.Run(s.name+"/"+g.name+", "+m.name, func(t *testing.T) { s.on(t, &g, m) })
				})
			}
		}
	}
	running.Wait()
	before.Returned(t)
}

// platforms returns the platforms on which a scenario is played with a transport:
// all, or the one whose turn it is.
func (s *scenario) platforms(m *mode, turn int) (played []platformCase) {
	for _, g := range allPlatforms {
		// Polls for changes mostly have no answer to break.
		if !g.changes || !s.everything && m.socket {
			played = append(played, g)
		}
	}
	if !testkit.All() {
		return played[turn%len(played):][:1]
	}
	return played
}

// warmUp has the process make what it makes once, which does not count as left
// behind. It is no test of its own, so that a scenario can be run alone.
var warmUp sync.Once

// playCalm plays with every transport on each platform, while nothing goes wrong.
func playCalm(t *testing.T) {
	calm := scenario{play: func(w *world) string {
		w.put("v1")
		return "v1"
	}}
	for _, g := range allPlatforms {
		for _, m := range all {
			calm.on(t, &g, m)
		}
	}
}

// on plays a scenario.
func (s *scenario) on(t *testing.T, g *platformCase, m *mode) {
	w := newWorld(t, g, m)
	if s.before != nil {
		s.before(w)
	}
	w.open()
	if s.before == nil {
		w.heals("v0")
	}
	value := s.play(w)
	w.heals(value)
	w.close()
}
