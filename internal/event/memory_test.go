package event

import (
	"fmt"
	"runtime"
	"testing"
	"weak"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// TestLetsGo: users and flags can be collected once their events have left the
// queue, however they did.
func TestLetsGo(t *testing.T) {
	tests := []struct {
		name   string
		status int
		leave  func(p *Processor)
	}{
		{name: "delivered", status: 200, leave: func(p *Processor) { _ = p.Flush(t.Context()) }},
		{name: "too large", status: 413, leave: func(p *Processor) { _ = p.Flush(t.Context()) }},
		{name: "refused", status: 401, leave: func(p *Processor) { _ = p.Close(t.Context()) }},
		{name: "closed", status: 302, leave: func(p *Processor) { _ = p.Close(t.Context()) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := inMemory(flush.Config{}, &testPlatform{answer: func(int, []item) reply { return reply{status: test.status} }})
			var users []weak.Pointer[eval.User]
			var flags []weak.Pointer[eval.Flag]
			for i := range 20 {
				u := user(fmt.Sprint(i))
				r := served("f", "1", "true")
				p.RecordEvaluation(u, []eval.Result{r}, &r)
				users = append(users, weak.Make(u))
				flags = append(flags, weak.Make(r.Flag))
			}
			alive := func() (n int) {
				runtime.GC()
				for i := range users {
					if users[i].Value() != nil || flags[i].Value() != nil {
						n++
					}
				}
				return n
			}
			if got := alive(); got != 20 {
				t.Errorf("%d of 20 are left while they are queued", got)
			}
			test.leave(p)
			// A register or a dead stack slot may hold on to one for a while.
			if got := alive(); got > 1 {
				t.Errorf("%d users or flags are still there", got)
			}
			checkBooks(t, p.Stats())
			runtime.KeepAlive(p)
		})
	}
}

// TestLetsGoOfRetained: compacting the queue leaves no second copy behind.
func TestLetsGoOfRetained(t *testing.T) {
	q := newQueue(10, 100)
	var users []weak.Pointer[eval.User]
	for i := range 10 {
		u := user(fmt.Sprint(i))
		users = append(users, weak.Make(u))
		q.put(0, u, metric{})
	}
	q.leave(func(i int) bool { return i%3 != 0 })
	runtime.GC()
	for i := range users {
		if gone := users[i].Value() == nil; gone != (i%3 != 0) {
			t.Errorf("user %d: gone is %v", i, gone)
		}
	}
	q.leave(everything)
	runtime.GC()
	for i := range users {
		if users[i].Value() != nil {
			t.Errorf("user %d is still there", i)
		}
	}
	runtime.KeepAlive(q)
}
