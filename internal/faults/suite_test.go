package faults_test

import (
	"slices"
	"testing"
)

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
// to. After each the client has the server's data without a restart, has
// evaluated all the time, has said rightly how it stood, has delivered every
// event and leaves nothing behind.
func TestFaults(t *testing.T) {
	// What the process makes once does not count.
	t.Run("calm", func(t *testing.T) { playOn(t, scenario{modes: all, play: calm}) })
	for _, s := range slices.Concat(network, handshakes, sessions, messages, lies, clocks, ways) {
		t.Run(s.name, func(t *testing.T) { playOn(t, s) })
	}
}

func calm(w *world) string {
	w.put("v1")
	return "v1"
}

func playOn(t *testing.T, s scenario) {
	for _, g := range generations {
		for _, m := range s.modes {
			// Polls for changes mostly have no answer to break.
			if g.changes && (s.everything || !m.socket) {
				continue
			}
			t.Run(g.name+", "+m.name, func(t *testing.T) {
				before := used()
				play(t, &g, m, s)
				if s.name != "" {
					settled(t, before)
				}
			})
		}
	}
}

func play(t *testing.T, g *generation, m *mode, s scenario) {
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
