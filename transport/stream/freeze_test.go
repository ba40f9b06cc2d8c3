//go:build unix

package stream_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// A process that is frozen for longer than every timeout has the data of now
// when it goes on, whatever has become of its connection.
func TestFreeze(t *testing.T) {
	t.Parallel()
	const frozen = 1500 * time.Millisecond // longer than all of childSettings
	tests := []struct {
		name     string
		mode     string
		fetching bool // when it is frozen
		answered bool // before the data changes, or else after that
		cut      bool // its connection, meanwhile
	}{
		{"on demand", onDemandMode, false, false, false},
		{"on demand, answered before the change", onDemandMode, true, true, false},
		{"on demand, answered after it", onDemandMode, true, false, false},
		{"on demand, cut meanwhile", onDemandMode, true, false, true},
		{"push", push, false, false, false},
		{"push, cut meanwhile", push, false, false, true},
	}
	var thaws []func(t *testing.T)
	for _, tt := range tests { // all are frozen at the same time
		flag := ffctest.Flag("f").Variations("old", "new")
		srv := newServer(t, flag)
		c := startChild(t, tt.mode, srv.URL)
		c.await("old")
		resume := func() {}
		if tt.fetching {
			if err := srv.WaitConnections(testkit.Within(t), 0); err != nil {
				t.Fatal(err)
			}
			resume = srv.Stall(ffctest.Streaming)
			c.ask()
			if err := srv.WaitConnections(testkit.Within(t), 1); err != nil {
				t.Fatal(err)
			}
		}
		c.signal(syscall.SIGSTOP)
		if tt.answered {
			resume()
		}
		if tt.cut {
			srv.DropConnections()
		}
		srv.Put(flag.Serve("new"))
		thaws = append(thaws, func(t *testing.T) {
			resume()
			c.signal(syscall.SIGCONT)
			if tt.fetching {
				c.answer()
			}
			c.await("new")
			srv.Put(flag.Serve("old"))
			c.await("old")
		})
	}
	<-time.After(frozen) // the children's time is real
	for i, tt := range tests {
		t.Run(tt.name, thaws[i])
	}
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.process.Signal(s); err != nil {
		c.t.Fatalf("the child cannot be sent %v: %v", s, err)
	}
}
