package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// TestStallCosts: an events endpoint that takes 2 s delays no response, and all
// of the next invocation.
func TestStallCosts(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.Set(platforms.Reply{}, platforms.Reply{After: 2 * time.Second})
		for i := range 3 {
			inv := b.invoke(fmt.Sprint(i))
			if d := after(t, inv, "response"); d != 0 {
				t.Errorf("the response came after %v", d)
			}
			if d := after(t, inv, "next"); d != 2*time.Second {
				t.Errorf("the next invocation was asked for after %v", d)
			}
		}
		b.checkCounts(3)
		if users := b.Users(); users != 3 {
			t.Errorf("events of %d users arrived, want 3", users)
		}
	})
}

// TestDeliveryIsBounded: a delivery to an endpoint that does not answer ends in
// time, and a later invocation delivers what it left.
func TestDeliveryIsBounded(t *testing.T) {
	errFailed := errors.New("failed")
	tests := []struct {
		name    string
		timeout time.Duration
		handler time.Duration // how long it takes
		err     error
		opts    []lambda.Option
		over    time.Duration // when the invocation is
	}{
		{name: "100 ms before the deadline", timeout: time.Second, over: 900 * time.Millisecond},
		{name: "5% before the deadline", timeout: 4 * time.Second, over: 3800 * time.Millisecond},
		{name: "of the remaining time", timeout: 4 * time.Second, handler: 3 * time.Second, over: 3900 * time.Millisecond},
		{name: "no time", timeout: time.Second, handler: 950 * time.Millisecond, over: 950 * time.Millisecond},
		{name: "too late", timeout: time.Second, handler: 900 * time.Millisecond, over: 900 * time.Millisecond},
		{name: "more time than needed", timeout: 15 * time.Minute, over: 5 * time.Second},
		{name: "margin", timeout: 2 * time.Second, opts: []lambda.Option{lambda.Margin(700 * time.Millisecond)}, over: 1300 * time.Millisecond},
		{name: "no margin", timeout: 2 * time.Second, handler: time.Second, opts: []lambda.Option{lambda.Margin(time.Millisecond)}, over: 1999 * time.Millisecond},
		{name: "before the response", timeout: time.Minute, opts: []lambda.Option{lambda.BeforeResponse()}, over: 2 * time.Second},
		{name: "before the response, little time", timeout: time.Second, opts: []lambda.Option{lambda.BeforeResponse()}, over: 900 * time.Millisecond},
		{name: "failed", timeout: time.Minute, err: errFailed, over: 2 * time.Second},
		{name: "failed, little time", timeout: time.Second, err: errFailed, over: 900 * time.Millisecond},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.runtime.SetTimeout(test.timeout)
				b.Set(platforms.Reply{}, platforms.Reply{Hang: true})
				b.handler = func(context.Context) error {
					time.Sleep(test.handler)
					return test.err
				}
				inv := b.invoke("first")
				if d := after(t, inv, "next"); d != test.over || inv.End != lambdatest.Completed {
					t.Errorf("%s after %v, want %v", inv.End, d, test.over)
				}
				b.checkCounts(1)
				if n := b.client.Stats().Events.Queued; n != 1 {
					t.Errorf("%d events wait, want 1", n)
				}
				b.Set(platforms.Reply{}, platforms.Reply{})
				b.handler = func(context.Context) error { return nil }
				time.Sleep(time.Minute) // past the pause that follows a delivery with much time
				b.invoke("second")
				b.checkCounts(2)
				if users := b.Users(); users != 2 {
					t.Errorf("the next invocation delivered the events of %d users, want 2", users)
				}
			}, test.opts...)
		})
	}
}

// TestRefreshIsBounded: a platform that does not answer costs an invocation the
// transport's budget or a quarter of its time, and the handler is called even
// if there is none.
func TestRefreshIsBounded(t *testing.T) {
	tests := []struct {
		timeout, handler time.Duration
	}{
		{timeout: 3 * time.Second, handler: 500 * time.Millisecond},
		{timeout: time.Second, handler: 225 * time.Millisecond}, // of what is left before the margin
		{timeout: 104 * time.Millisecond, handler: time.Millisecond},
		{timeout: 100 * time.Millisecond, handler: 0},
		{timeout: 50 * time.Millisecond, handler: 0},
	}
	for _, test := range tests {
		t.Run(test.timeout.String(), func(t *testing.T) {
			inBubble(t, func(_ *bubble, c *ffc.Config) { stale(c) }, func(b *bubble) {
				b.runtime.SetTimeout(test.timeout)
				time.Sleep(time.Second)
				b.Set(platforms.Reply{Hang: true}, platforms.Reply{})
				inv := b.invoke("u")
				if d := after(t, inv, "handler"); d != test.handler || string(inv.Response) != `"on"` {
					t.Errorf("the handler was called after %v, want %v; response %s", d, test.handler, inv.Response)
				}
			})
		})
	}
}

// TestOutage: an endpoint that is down or silent does not cost each invocation,
// and when it is back nothing has been lost.
func TestOutage(t *testing.T) {
	for name, down := range map[string]platforms.Reply{"down": {Err: platforms.ErrDown}, "silent": {Hang: true}, "503": {Status: 503}} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, nil, func(b *bubble) {
				b.Set(platforms.Reply{}, down)
				held := 0
				for i := range 600 { // 10 minutes
					time.Sleep(time.Second)
					inv := b.invoke(fmt.Sprint(i))
					if after(t, inv, "response") != 0 {
						t.Error("a response was late")
					}
					if after(t, inv, "next") > 0 {
						held++
					}
				}
				if held < 8 || held > 25 {
					t.Errorf("%d of 600 invocations tried to deliver, want 8 to 25", held)
				}
				b.Set(platforms.Reply{}, platforms.Reply{})
				time.Sleep(time.Minute)
				b.invoke("last")
				b.checkCounts(601)
				if users := b.Users(); users != 601 {
					t.Errorf("events of %d users arrived, want 601", users)
				}
			})
		})
	}
}

// TestBlackHoleBillsOneInvocation: an endpoint that does not answer costs one of
// several invocations the time of a delivery, not each.
func TestBlackHoleBillsOneInvocation(t *testing.T) {
	for _, timeout := range []time.Duration{3 * time.Second, time.Minute} {
		for _, every := range []time.Duration{0, time.Second} {
			inBubble(t, nil, func(b *bubble) {
				b.runtime.SetTimeout(timeout)
				b.Set(platforms.Reply{}, platforms.Reply{Hang: true})
				billed := 0
				for i := range 5 {
					if after(t, b.invoke(fmt.Sprint(i)), "next") > time.Second {
						billed++
					}
					time.Sleep(every)
				}
				if billed != 1 {
					t.Errorf("timeout %v, an invocation every %v: %d of 5 invocations waited for the endpoint, want 1", timeout, every, billed)
				}
			})
		}
	}
}

// TestFlakyEndpoint: with an endpoint that fails in many ways the books balance
// after 100 invocations, none of which is late or fails, and in the end every
// event has arrived.
func TestFlakyEndpoint(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			faults := []platforms.Reply{{Status: 503}, {Status: 429}, {Err: platforms.ErrDown}, {Lost: true}, {Hang: true}, {After: 700 * time.Millisecond}}
			flaky := func(int) platforms.Reply {
				if random.Float64() < 0.3 {
					return faults[random.IntN(len(faults))]
				}
				return platforms.Reply{After: 20 * time.Millisecond}
			}
			inBubble(t, nil, func(b *bubble) {
				b.SetEach(platforms.Always(platforms.Reply{}), flaky)
				for i := range 100 {
					time.Sleep(time.Duration(i%5) * 300 * time.Millisecond)
					b.runtime.SetTimeout([]time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second}[i%3])
					inv := b.invoke(fmt.Sprint(i))
					if inv.Err != nil || inv.End != lambdatest.Completed || after(t, inv, "response") > 0 {
						t.Errorf("invocation %d: %v, %s", i, inv.Err, names(inv.Timeline))
					}
					b.checkCounts(i + 1)
				}
				if b.client.Stats().Events.Dropped.Total() != 0 {
					t.Errorf("events were dropped: %+v", b.client.Stats().Events)
				}
				b.Set(platforms.Reply{}, platforms.Reply{})
				time.Sleep(time.Minute)
				b.invoke("last")
				b.checkCounts(101)
				if users := b.Users(); users != 101 || b.client.Stats().Events.Queued != 0 {
					t.Errorf("events of %d users arrived, want 101", users)
				}
			})
		})
	}
}

// TestFlushEvery: events gather until it is time or there are enough.
func TestFlushEvery(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		for i := range 100 { // one each second
			b.invoke(fmt.Sprint(i))
			time.Sleep(time.Second)
		}
		if _, posts := b.Requests(); posts != 10 || b.Users() != 91 { // at 0, 10, 20 ... 90 s
			t.Errorf("%d deliveries of %d events, want 10 of 91", posts, b.Users())
		}
		for i := range 100 { // at once
			b.invoke(fmt.Sprint("more", i))
		}
		if _, posts := b.Requests(); posts != 12 || b.Users() != 151 { // at 100 s, and after 50
			t.Errorf("%d deliveries of %d events, want 12 of 151", posts, b.Users())
		}
		b.checkCounts(200)
	}, lambda.FlushEvery(10*time.Second, 50))
}

// TestColdStartDuringOutage: a platform that does not answer costs the start no
// more than StartWait, the function works with the bootstrap, and with the
// platform's data as soon as there is some.
func TestColdStartDuringOutage(t *testing.T) {
	down := func(b *bubble, c *ffc.Config) {
		b.Set(platforms.Reply{Hang: true}, platforms.Reply{})
		c.StartWait = time.Second
		c.Bootstrap = bootstrap()
	}
	inBubble(t, down, func(b *bubble) {
		timeline := b.runtime.Timeline()
		if got, took := names(timeline), timeline[1].At.Sub(timeline[0].At); got != "start next" || took != time.Second {
			t.Fatalf("%s took %v, want 1 s", got, took)
		}
		if inv := b.invoke("u"); inv.Err != nil || string(inv.Response) != `"bootstrap"` {
			t.Errorf("response %s, error %v", inv.Response, inv.Err)
		}
		b.Set(platforms.Reply{}, platforms.Reply{})
		time.Sleep(time.Minute)
		if inv := b.invoke("u"); string(inv.Response) != `"on"` {
			t.Errorf("response %s after the outage", inv.Response)
		}
		b.checkCounts(2)
	})
}
