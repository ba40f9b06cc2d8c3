package fleetredis_test

import (
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

func TestRedisConforms(t *testing.T) {
	t.Parallel()
	s := start(t)
	fleettest.Run(t, func(*testing.T) fleet.Backend { return s.open() })
}

func TestPrefixAndDatabaseSeparateFleets(t *testing.T) {
	t.Parallel()
	s := start(t)
	backends := []*fleetredis.Backend{
		s.open(),
		s.open(func(c *fleetredis.Config) { c.Prefix = "other" }),
		s.open(func(c *fleetredis.Config) { c.Database = 1 }),
	}
	for i, b := range backends {
		if _, err := b.Swap(testkit.Within(t), "env/head", []byte{'0' + byte(i)}, ""); err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range backends {
		value, _, err := b.Get(testkit.Within(t), "env/head")
		if err != nil || string(value) != string('0'+byte(i)) {
			t.Errorf("backend %d has %q, error %v", i, value, err)
		}
	}
	if got := s.command("GET", "{ffc:env}/head"); got != "0" {
		t.Errorf("the key {ffc:env}/head has %q, want 0", got)
	}
}

func TestValuesDoNotExpire(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.open()
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("head"), ""); err != nil {
		t.Fatal(err)
	}
	s.command("PEXPIRE", "{ffc:env}/head", "1000000")
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("next"), "head"); err != nil {
		t.Fatal(err)
	}
	if got := s.command("EVAL", "return tostring(redis.call('PTTL', KEYS[1]))", "1", "{ffc:env}/head"); got != "-1" {
		t.Errorf("the value expires in %s ms", got)
	}
}

// An empty value would have the tag of a missing one.
func TestEmptyValuesAreRejected(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.open()
	if err := b.Put(testkit.Within(t), "env/body", nil); err == nil {
		t.Error("Put accepts an empty value")
	}
	if _, err := b.Swap(testkit.Within(t), "env/head", nil, ""); err == nil || errors.Is(err, fleet.ErrConflict) {
		t.Errorf("Swap to an empty value: error %v", err)
	}
	s.command("SET", "{ffc:env}/head", "")
	if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("Get of an empty value: error %v, want ErrNotFound", err)
	}
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("head"), ""); err != nil {
		t.Errorf("Swap in place of an empty value: %v", err)
	}
}

func TestServerRestartsBetweenCalls(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.open()
	if err := b.Put(testkit.Within(t), "env/body", []byte("body")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		s.restart()
		if _, err := b.Swap(testkit.Within(t), "env/head", []byte("head"), ""); err != nil {
			t.Fatal(err)
		}
		s.restart()
		if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
			t.Fatalf("Get after the restart: error %v, want ErrNotFound", err)
		}
	}
}

func TestServerDown(t *testing.T) {
	t.Parallel()
	b := open(t, func(c *fleetredis.Config) { c.Addresses = []string{newPort(t).Address} })
	_, _, err := b.Get(testkit.Within(t), "env/head")
	if !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want that the connection was refused", err)
	}
	if err := b.Watch(testkit.Within(t), "env/head", func() {}); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Watch: error %v, want that the connection was refused", err)
	}
}

// A call on a server that is stopped returns with its context. The next one uses
// another connection.
func TestServerThatStops(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.open()
	if err := b.Put(testkit.Within(t), "env/body", []byte("body")); err != nil {
		t.Fatal(err)
	}
	before := s.accepted()
	if err := s.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, _, err := b.Get(ctx, "env/body"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Get: error %v, want DeadlineExceeded", err)
	}
	if err := s.process.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Get(testkit.Within(t), "env/body"); err != nil {
		t.Errorf("Get after the server went on: %v", err)
	}
	if after := s.accepted(); after != before+2 {
		t.Errorf("the server has accepted %d connections since, want that of the test and a new one of the backend", after-before)
	}
}

func TestWatchEndsWithTheServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.open()
	watching, ended := make(chan struct{}, 10), make(chan error, 1)
	go func() { ended <- b.Watch(testkit.Within(t), "env/head", func() { watching <- struct{}{} }) }()
	<-watching
	testkit.Kill(s.process)
	if err := <-ended; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that the connection broke", err)
	}
}

func TestCloseEndsCallsAndReturnsEverything(t *testing.T) {
	s := start(t)
	before := testkit.Used()
	b := s.open()
	if err := b.Put(testkit.Within(t), "env/body", []byte("body")); err != nil {
		t.Fatal(err)
	}
	watching, ended := make(chan struct{}, 10), make(chan error, 2)
	go func() { ended <- b.Watch(context.Background(), "env/head", func() { watching <- struct{}{} }) }()
	<-watching
	if err := s.process.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _, err := b.Get(context.Background(), "env/body")
		ended <- err
	}()
	b.Close()
	b.Close()
	for range 2 {
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("a call that ran returned the error %v, want that the backend is closed", err)
		}
	}
	if _, _, err := b.Get(context.Background(), "env/body"); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a later call returned the error %v, want that the backend is closed", err)
	}
	if err := b.Watch(context.Background(), "env/body", func() {}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a later Watch returned the error %v, want that the backend is closed", err)
	}
	before.Returned(t)
}

func TestNewReportsAllProblems(t *testing.T) {
	t.Parallel()
	_, err := fleetredis.New(fleetredis.Config{Addresses: []string{"localhost", ":6379"}, Database: -1, Prefix: "{ffc}"})
	for _, want := range []string{`"localhost"`, `":6379"`, "Database -1", "braces"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want that it has %s", err, want)
		}
	}
	if _, err := fleetredis.New(fleetredis.Config{}); err == nil || !strings.Contains(err.Error(), "missing Addresses") {
		t.Errorf("error %v, want that Addresses are missing", err)
	}
}
