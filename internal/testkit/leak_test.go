package testkit

import (
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

func TestGoroutinesOfACallAreAwaited(t *testing.T) {
	var released atomic.Bool
	release := make(chan struct{})
	time.AfterFunc(20*time.Millisecond, func() {
		released.Store(true)
		close(release)
	})
	LeavesNoGoroutine(t, func() { go func() { go func() { <-release }() }() })
	if !released.Load() {
		t.Error("the goroutine of a goroutine still ran")
	}
}

func TestWorkIsSeen(t *testing.T) {
	WorkEnds(t)
	end, began := make(chan struct{}), make(chan struct{})
	go func() {
		close(began)
		<-end
	}()
	<-began
	if !working() {
		t.Error("a goroutine of this module does not count as work")
	}
	close(end)
	WorkEnds(t)
}

func TestUsedResourcesAreSeen(t *testing.T) {
	before := Used()
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted on Linux only")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if now := Used(); now.files <= before.files {
		t.Errorf("%d open files with a listener, %d before", now.files, before.files)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	before.Returned(t)
}
