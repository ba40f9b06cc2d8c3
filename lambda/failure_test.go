package lambda_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// TestFailureDeliversFirst: where no code of the SDK runs afterwards, events are
// delivered before Lambda gets the response.
func TestFailureDeliversFirst(t *testing.T) {
	tests := []struct {
		name  string
		fail  func() error
		order string
	}{
		{"error", func() error { return errors.New("failed") }, "invoke handler events delivered error next"},
		{"panic", func() error { panic("failed") }, "invoke handler events delivered error exit"},
		{"log.Fatal", func() error { runtime.Goexit(); return nil }, "invoke handler events delivered exit"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := newEnvironment(t, nil)
			e.runtime.Start(func() {
				lambda.Start(e.client, func(ctx context.Context, user string) (string, error) {
					value, _ := e.handler(ctx, user)
					return value, test.fail()
				})
			})
			inv := e.invoke(`"ann"`)
			if got := names(inv.Timeline); got != test.order {
				t.Errorf("order is %s\n     want %s", got, test.order)
			}
			e.checkBooks(1)
		})
	}
}

// TestBeforeResponse: events leave before the caller has its answer.
func TestBeforeResponse(t *testing.T) { platforms.Each(t, testBeforeResponse) }

func testBeforeResponse(t *testing.T, p ffctest.Platform) {
	e := newEnvironmentOn(t, p, nil)
	e.runtime.Start(func() { lambda.Start(e.client, e.handler, lambda.BeforeResponse()) })
	inv := e.invoke(`"ann"`)
	if got, want := names(inv.Timeline), "invoke handler events delivered response next"; got != want {
		t.Errorf("order is %s\n     want %s", got, want)
	}
	e.checkBooks(1)
}

// TestFlagProblemsFailNoInvocation: panics of what the application gave the
// client stay with the client.
func TestFlagProblemsFailNoInvocation(t *testing.T) {
	inBubble(t, func(_ *bubble, c *ffc.Config) { stale(c) }, func(b *bubble) {
		time.Sleep(time.Second)
		b.Set(platforms.Reply{Panics: true}, platforms.Reply{Panics: true})
		for i := range 3 {
			inv := b.invoke(fmt.Sprint(i))
			if inv.Err != nil || string(inv.Response) != `"on"` || inv.End != lambdatest.Completed {
				t.Errorf("response %s, error %v, %s", inv.Response, inv.Err, inv.End)
			}
		}
		b.Set(platforms.Reply{}, platforms.Reply{})
		time.Sleep(time.Minute)
		b.invoke("last")
		b.checkCounts(4)
		if polls, _ := b.Requests(); polls < 3 || b.Users() != 4 {
			t.Errorf("%d requests for data, events of %d users", polls, b.Users())
		}
	})
}

// TestTransportPanics: so does a panic of a transport of the application's.
func TestTransportPanics(t *testing.T) {
	client, err := ffc.New(t.Context(), ffc.Config{EnvSecret: ffctest.EnvSecret, Transport: panickingTransport{}, StartWait: -1, Bootstrap: bootstrap(), Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	handler := func(ctx context.Context) (string, error) {
		return client.Variation(ctx, "a", ffc.NewUser("u"), ""), nil
	}
	for _, inv := range invoke(t, []string{"{}", "{}"}, lambda.Wrap(client, handler)) {
		if inv.Err != nil || string(inv.Response) != `"bootstrap"` || inv.End != lambdatest.Completed {
			t.Errorf("response %s, error %v, %s", inv.Response, inv.Err, inv.End)
		}
	}
}

// panickingTransport is a transport, and its session.
type panickingTransport struct{}

func (t panickingTransport) Open(transport.Env) (transport.Session, error) { return t, nil }
func (panickingTransport) Stats() transport.Stats                          { return transport.Stats{} }
func (panickingTransport) Load(context.Context) error                      { return nil }
func (panickingTransport) Refresh(context.Context) error                   { panic("the application's mistake") }
func (panickingTransport) Close()                                          {}

// TestClosedClient: a function goes on with a client that has been closed.
func TestClosedClient(t *testing.T) { platforms.Each(t, testClosedClient) }

func testClosedClient(t *testing.T, p ffctest.Platform) {
	e := newEnvironmentOn(t, p, nil)
	e.runtime.Start(func() { lambda.Start(e.client, e.handler) })
	lambda.Close(e.client)
	if inv := e.invoke(`"ann"`); inv.Err != nil || string(inv.Response) != `"fallback"` {
		t.Errorf("response %s, error %v", inv.Response, inv.Err)
	}
}

// TestCloseIsBounded: the end of an environment waits 300 ms for an endpoint
// that does not answer.
func TestCloseIsBounded(t *testing.T) {
	inBubble(t, nil, func(b *bubble) {
		b.Set(platforms.Reply{}, platforms.Reply{Hang: true})
		for i := range 4000 { // several batches
			b.client.Variation(t.Context(), "a", ffc.NewUser(fmt.Sprint(i)), "")
		}
		began := time.Now()
		lambda.Close(b.client)
		if took := time.Since(began); took != 300*time.Millisecond {
			t.Errorf("it took %v", took)
		}
		if _, posts := b.Requests(); posts != 1 {
			t.Errorf("%d requests, want 1 before the first answer", posts)
		}
		b.checkCounts(4000)
	})
}

// TestMisuse: mistakes are told when the function starts.
func TestMisuse(t *testing.T) {
	client := offline(t)
	tests := []struct {
		name, want string
		f          func()
	}{
		{"nil client", "lambda: the client is nil", func() { lambda.Wrap(nil, func() {}) }},
		{"margin", "lambda: Margin is -1ns", func() { lambda.Wrap(client, func() {}, lambda.Margin(-1)) }},
		{"every", "lambda: FlushEvery(-1s, 1)", func() { lambda.FlushEvery(-time.Second, 1) }},
		{"events", "lambda: FlushEvery(1s, 0)", func() { lambda.FlushEvery(time.Second, 0) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.HasPrefix(got, test.want) {
					t.Errorf("panic is %q, want %q", got, test.want)
				}
			}()
			test.f()
		})
	}
}

// TestLeavesNothing: after Close there are as many goroutines as before.
func TestLeavesNothing(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("function", func(t *testing.T) {
		e := newEnvironment(t, stale)
		e.runtime.Start(func() { awslambda.Start(lambda.Wrap(e.client, e.handler)) })
		e.invoke(`"ann"`)
	})
	testkit.GoroutinesEnd(t, before)
}
