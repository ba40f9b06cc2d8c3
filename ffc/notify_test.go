package ffc_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
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
			t.Errorf("the listener got a change in state %q", got)
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
		t.Errorf("the listener got %v after stop", keys)
	default:
	}
}

// TestReconnectReportsOnlyChanges: everything is asked for again on
// reconnecting, and what comes back the same is no change.
func TestReconnectReportsOnlyChanges(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testReconnectTellsOnlyOfChanges)
}

func testReconnectTellsOnlyOfChanges(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	// An answer that lacks more than a tenth of what is there is held back.
	others := []ffctest.Item{ffctest.Flag("a"), ffctest.Flag("b"), ffctest.Flag("c")}
	for i := range 7 {
		others = append(others, ffctest.Flag(fmt.Sprint("other-", i)))
	}
	server, client := connectedTo(t, p, nil, others...)
	changes := make(chan []string)
	defer client.OnChange(func(keys []string) { changes <- keys })()
	server.RejectUpgrade(503)
	server.DropConnections()
	waitFor(t, client, func() bool { return client.Status().State == ffc.StateInterrupted })
	server.Put(ffctest.Flag("b").Off())
	server.Archive("c") // the platform's next response no longer has it
	server.RejectUpgrade(0)
	if got := <-changes; !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("the listener got %v, want b and c", got)
	}
	if client.FlagKnown("c") {
		t.Error("a flag archived while disconnected is still there")
	}
}

func TestOnStatus(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testOnStatus)
}

func testOnStatus(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, nil, ffctest.Flag("a"))
	statuses := make(chan ffc.Status, 10)
	client.OnStatus(func(s ffc.Status) { statuses <- s })
	server.RejectUpgrade(503) // or the next status might come before this is told
	server.CloseConnections(1012, "restart")
	s := <-statuses
	if s.State != ffc.StateInterrupted || s.Err == nil {
		t.Errorf("after a close: %+v", s)
	}
	server.RejectUpgrade(0)
	if s := <-statuses; s.State != ffc.StateOK || s.Err != nil {
		t.Errorf("after reconnecting: %+v", s)
	}
	client.Close(t.Context())
	if s := <-statuses; s.State != ffc.StateOff || s.Err != ffc.ErrClosed {
		t.Errorf("after Close: %+v", s)
	}
}

// TestOnStatusGetsTheLatest: a listener that is slow gets no status that is
// over, and none twice.
func TestOnStatusGetsTheLatest(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testOnStatusGetsTheLatest)
}

func testOnStatusGetsTheLatest(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, nil, ffctest.Flag("a"))
	busy, statuses := make(chan struct{}), make(chan ffc.Status)
	client.OnStatus(func(s ffc.Status) {
		busy <- struct{}{}
		statuses <- s
	})
	drop := func() {
		server.RejectUpgrade(503)
		server.DropConnections()
		waitFor(t, client, func() bool { return client.Status().State == ffc.StateInterrupted })
	}
	recover := func() {
		server.RejectUpgrade(0)
		waitFor(t, client, func() bool { return client.Status().State == ffc.StateOK })
	}
	drop()
	<-busy
	recover()
	drop()
	recover()
	drop()
	if s := <-statuses; s.State != ffc.StateInterrupted {
		t.Errorf("first: %+v", s)
	}
	<-busy
	if s := <-statuses; s.Since != client.Status().Since {
		t.Errorf("second: %+v, not the latest", s)
	}
	client.Close(t.Context())
	<-busy
	if s := <-statuses; s.State != ffc.StateOff {
		t.Errorf("third: %+v", s)
	}
}

// TestStatusLog: the log says what an outage means.
func TestStatusLog(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	logTo := func(c *ffc.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }
	server, client := connected(t, logTo, ffctest.Flag("a"))
	server.RejectUpgrade(503)
	server.DropConnections()
	waitFor(t, client, func() bool { return client.Status().State == ffc.StateInterrupted })
	waitFor(t, client, func() bool { return kind(client.Status().Err) == transport.KindWebSocket })
	server.RejectUpgrade(0)
	waitFor(t, client, func() bool { return client.Status().State == ffc.StateOK })
	client.Close(t.Context())
	for _, want := range []string{
		"the data is up to date",
		"the platform is unreachable or unavailable; retrying, still serving cached data",
		string(transport.KindWebSocket), // another kind of error is logged again
	} {
		waitForLog(t, &log, want)
	}
}

func kind(err error) transport.Kind {
	var e *transport.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// TestPanicLog: a function that panics is told once, with where, but not with
// what, which may be anything.
func TestPanicLog(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	server, client := connected(t, func(c *ffc.Config) {
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
		c.OnEvaluation = func(context.Context, ffc.Evaluation) { panic(errors.New("hunter2")) }
	}, ffctest.Flag("a"))
	told := make(chan struct{}, 2)
	client.OnChange(func([]string) {
		defer func() { told <- struct{}{} }()
		panic("hunter2")
	})
	for range 2 {
		client.BoolVariation(t.Context(), "a", ffc.NewUser("u"), false)
		server.Put(ffctest.Flag("b"))
		<-told
	}
	server.Put(ffctest.Flag("c")) // its call comes when the panic of the last has been noted
	<-told
	for _, want := range []string{"function=Config.OnEvaluation panic=*errors.errorString", "function=OnChange panic=string"} {
		waitForLog(t, &log, want)
		if got := strings.Count(log.String(), want); got != 1 {
			t.Errorf("%d lines with %q:\n%s", got, want, log.String())
		}
	}
	if strings.Contains(log.String(), "hunter2") || !strings.Contains(log.String(), "TestPanicLog") {
		t.Errorf("expected the stack and not the value:\n%s", log.String())
	}
}

// TestBadListenersLeaveTheClientWorking: one blocks for good, one panics, one closes the
// client, and one gets everything.
func TestBadListenersLeaveTheClientWorking(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testBadListenersLeaveTheClientWorking)
}

func testBadListenersLeaveTheClientWorking(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, nil, ffctest.Flag("a").Variations("1", "2", "3"))
	block := make(chan struct{})
	defer close(block)
	client.OnChange(func([]string) { <-block })
	client.OnStatus(func(ffc.Status) { <-block })
	client.OnChange(func([]string) { runtime.Goexit() })
	exits := make(chan struct{})
	client.OnChange(func([]string) { exits <- struct{}{}; runtime.Goexit() })
	panics := make(chan struct{})
	client.OnChange(func([]string) { panics <- struct{}{}; panic("the application's mistake") })
	told := make(chan []string, 1)
	client.OnChange(func(keys []string) { told <- keys })
	user := ffc.NewUser("u")
	for _, value := range []string{"2", "3", "1"} {
		server.Put(ffctest.Flag("a").Variations("1", "2", "3").Serve(value))
		<-told
		<-panics // it is told again although it panicked
		<-exits  // or ended its goroutine
		if got := client.Variation(t.Context(), "a", user, ""); got != value {
			t.Errorf("got %q, want %q", got, value)
		}
	}
	closed := make(chan error, 1)
	client.OnChange(func([]string) { closed <- client.Close(t.Context()) })
	server.Put(ffctest.Flag("b"))
	<-panics
	<-exits
	if err := <-closed; err != nil {
		t.Errorf("Close from a listener: %v", err)
	}
}

// TestExitOfListenerIsLogged: as a listener that ends its goroutine makes no
// noise itself, the log says so, once.
func TestExitOfListenerIsLogged(t *testing.T) {
	t.Parallel()
	var log testkit.Log
	server, client := connected(t, func(c *ffc.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) }, ffctest.Flag("a").Variations("1", "2"))
	calls := make(chan struct{})
	client.OnChange(func([]string) { calls <- struct{}{}; runtime.Goexit() })
	for _, value := range []string{"2", "1"} {
		server.Put(ffctest.Flag("a").Variations("1", "2").Serve(value))
		<-calls
	}
	const line = "ended its goroutine"
	waitForLog(t, &log, line)
	if err := client.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), line); n != 1 || !strings.Contains(log.String(), "function=OnChange") {
		t.Errorf("%d lines: %s", n, log.String())
	}
}
