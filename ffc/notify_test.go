package ffc_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

func TestOnChangeNamesAffectedFlags(t *testing.T) {
	t.Parallel()
	gate := ffctest.Flag("gate")
	testers := ffctest.Segment("testers").Include("u1")
	outer := ffctest.Segment("outer").Rule(ffctest.InSegment("testers"))
	server, client := connected(t, nil, gate, testers, outer,
		ffctest.Flag("gated").Prerequisite(gate, "true"),
		ffctest.Flag("gated-again").Prerequisite(ffctest.Flag("gated"), "true"),
		ffctest.Flag("by-segment").Rule("true", ffctest.InSegment("testers")).Serve("false"),
		ffctest.Flag("by-outer").Rule("true", ffctest.NotInSegment("outer")).Serve("false"),
		ffctest.Flag("alone"))
	changes := make(chan []string, 1)
	stop := client.OnChange(func(keys []string) {
		if got := client.Status().State; got != ffc.StateOK {
			t.Errorf("told of a change in state %q", got)
		}
		changes <- keys
	})
	steps := []struct {
		name   string
		change func()
		want   []string
	}{
		{"a flag", func() { server.Put(ffctest.Flag("alone").Off()) }, []string{"alone"}},
		{"a prerequisite", func() { server.Put(gate.Off()) }, []string{"gate", "gated", "gated-again"}},
		{"a segment", func() { server.Put(testers.Include("u2")) }, []string{"by-outer", "by-segment"}},
		{"an archived segment", func() { server.ArchiveSegment("outer") }, []string{"by-outer"}},
		{"a new flag", func() { server.Put(ffctest.Flag("new")) }, []string{"new"}},
		{"an archived flag", func() { server.Archive("gate") }, []string{"gate", "gated", "gated-again"}},
	}
	for _, step := range steps {
		step.change()
		if got := <-changes; !slices.Equal(got, step.want) {
			t.Errorf("%s: got %v, want %v", step.name, got, step.want)
		}
	}
	stop()
	stop()
	server.Put(ffctest.Flag("alone").On())
	waitFor(t, client, func() bool { return client.BoolVariation(t.Context(), "alone", ffc.NewUser("u"), false) })
	select {
	case keys := <-changes:
		t.Errorf("told of %v after stop", keys)
	default:
	}
}

// TestReconnectTellsOnlyOfChanges: everything is asked for again on
// reconnecting, and what comes back the same is no change.
func TestReconnectTellsOnlyOfChanges(t *testing.T) {
	t.Parallel()
	server, client := connected(t, nil, ffctest.Flag("a"), ffctest.Flag("b"), ffctest.Flag("c"))
	changes := make(chan []string)
	defer client.OnChange(func(keys []string) { changes <- keys })()
	server.RejectUpgrade(503)
	server.DropConnections()
	waitFor(t, client, func() bool { return client.Status().State == ffc.StateInterrupted })
	server.Put(ffctest.Flag("b").Off())
	server.Archive("c") // no longer in what the platform answers
	server.RejectUpgrade(0)
	if got := <-changes; !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("told of %v, want b and c", got)
	}
	if client.FlagKnown("c") {
		t.Error("a flag archived while disconnected is still there")
	}
}

func TestOnStatus(t *testing.T) {
	t.Parallel()
	server, client := connected(t, nil, ffctest.Flag("a"))
	statuses := make(chan ffc.Status, 10)
	client.OnStatus(func(s ffc.Status) { statuses <- s })
	server.CloseConnections(1012, "restart")
	s := <-statuses
	if s.State != ffc.StateInterrupted || s.Err == nil || !strings.Contains(s.Err.Error(), "1012") {
		t.Errorf("after a close: %+v", s)
	}
	if s := <-statuses; s.State != ffc.StateOK || s.Err != nil {
		t.Errorf("after reconnecting: %+v", s)
	}
	client.Close(t.Context())
	if s := <-statuses; s.State != ffc.StateOff || s.Err != ffc.ErrClosed {
		t.Errorf("after Close: %+v", s)
	}
}

// TestListenersHarmNobody: one blocks for good, one panics, one closes the
// client, and one gets everything.
func TestListenersHarmNobody(t *testing.T) {
	t.Parallel()
	server, client := connected(t, nil, ffctest.Flag("a").Variations("1", "2", "3"))
	block := make(chan struct{})
	defer close(block)
	client.OnChange(func([]string) { <-block })
	client.OnStatus(func(ffc.Status) { <-block })
	var panics atomic.Int32
	client.OnChange(func([]string) { panics.Add(1); panic("the application's mistake") })
	told := make(chan []string, 1)
	client.OnChange(func(keys []string) { told <- keys })
	user := ffc.NewUser("u")
	for _, value := range []string{"2", "3", "1"} {
		server.Put(ffctest.Flag("a").Variations("1", "2", "3").Serve(value))
		<-told
		if got := client.Variation(t.Context(), "a", user, ""); got != value {
			t.Errorf("got %q, want %q", got, value)
		}
	}
	closed := make(chan error, 1)
	client.OnChange(func([]string) { closed <- client.Close(t.Context()) })
	server.Put(ffctest.Flag("b"))
	if err := <-closed; err != nil {
		t.Errorf("Close from a listener: %v", err)
	}
	if panics.Load() < 3 {
		t.Errorf("a listener that panics was called %d times", panics.Load())
	}
}
