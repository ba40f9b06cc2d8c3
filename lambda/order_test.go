package lambda_test

import (
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// stale makes a client refresh at each invocation.
func stale(c *ffc.Config) { c.Transport = &poll.Transport{MaxAge: 1} }

// TestOrder: refresh, handler, response, events, and only then the next
// invocation.
func TestOrder(t *testing.T) { platforms.Each(t, testOrder) }

func testOrder(t *testing.T, p ffctest.Platform) {
	e := newEnvironmentOn(t, p, stale)
	e.runtime.Start(func() { lambda.Start(e.client, e.handler) })
	for range 3 {
		inv := e.invoke(`"ann"`)
		if inv.Err != nil || string(inv.Response) != `"on"` {
			t.Fatalf("response %s, error %v", inv.Response, inv.Err)
		}
		if got, want := names(inv.Timeline), "invoke refreshed handler response events delivered next"; got != want {
			t.Errorf("order is %s\n     want %s", got, want)
		}
	}
	e.checkBooks(3)
}

// TestStallDoesNotDelayTheResponse: the caller has its answer while the events
// endpoint is silent, and the function asks for the next invocation only when it
// speaks again.
func TestStallDoesNotDelayTheResponse(t *testing.T) {
	platforms.Each(t, testStallDoesNotDelayTheResponse)
}

func testStallDoesNotDelayTheResponse(t *testing.T, p ffctest.Platform) {
	e := newEnvironmentOn(t, p, nil)
	e.runtime.Start(func() { lambda.Start(e.client, e.handler) })
	resume := e.platform.Stall(ffctest.Events)
	call := e.runtime.Begin([]byte(`"ann"`))
	if inv := call.Answer(testkit.Within(t)); inv.Err != nil || string(inv.Response) != `"on"` {
		t.Fatalf("response %s, error %v", inv.Response, inv.Err)
	}
	if _, err := e.platform.WaitRequests(testkit.Within(t), ffctest.Events, 1); err != nil {
		t.Fatal(err)
	}
	resume()
	inv := call.End(testkit.Within(t))
	if got, want := names(inv.Timeline), "invoke handler response events delivered next"; got != want {
		t.Errorf("order is %s\n     want %s", got, want)
	}
	e.checkBooks(1)
}

// TestFresh: a change of a flag is there in the next invocation, with any
// transport that works on demand.
func TestFresh(t *testing.T) { platforms.Each(t, testFresh) }

func testFresh(t *testing.T, p ffctest.Platform) {
	for name, on := range map[string]transport.Transport{
		"poll":   &poll.Transport{MaxAge: 1},
		"stream": &stream.Transport{OnDemand: true, MaxAge: 1},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnvironmentOn(t, p, func(c *ffc.Config) { c.Transport = on })
			e.runtime.Start(func() { lambda.Start(e.client, e.handler) })
			for i := range 5 {
				value := fmt.Sprint("v", i)
				e.platform.Put(ffctest.Flag("a").Variations(value, "off"))
				if inv := e.invoke(`"ann"`); inv.Err != nil || string(inv.Response) != `"`+value+`"` {
					t.Errorf("response %s, error %v, want %s", inv.Response, inv.Err, value)
				}
			}
			e.checkBooks(5)
			if n := len(e.platform.Events()); n != 5 {
				t.Errorf("%d events arrived, want 5", n)
			}
		})
	}
}
