package lambda_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// bubble is a function, its runtime and a platform, all in memory and in fake
// time.
type bubble struct {
	t       *testing.T
	runtime *lambdatest.Runtime
	client  *ffc.Client
	// handler can be set before an invocation.
	handler func(ctx context.Context) error

	*platforms.Memory
}

// inBubble runs a test with a function that evaluates the flag "a" for a user
// with the request's number. configure may be nil.
func inBubble(t *testing.T, configure func(*bubble, *ffc.Config), test func(*bubble), opts ...lambda.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, Memory: platforms.NewMemory(t, ffctest.Flag("a").Variations("on", "off"))}
		cfg := ffc.Config{
			EnvSecret:  ffctest.EnvSecret,
			BaseURL:    "http://platform.test",
			Transport:  &poll.Transport{},
			HTTPClient: &http.Client{Transport: b},
			Logger:     testkit.Quiet(),
		}
		b.handler = func(context.Context) error { return nil }
		if configure != nil {
			configure(b, &cfg)
		}
		listener := testkit.NewListener()
		transport := http.DefaultTransport
		defer func() { http.DefaultTransport = transport }()
		http.DefaultTransport = &http.Transport{DialContext: listener.Dial}
		b.runtime = lambdatest.NewRuntimeOn(listener)
		defer b.runtime.Close()
		b.runtime.Start(func() {
			client, err := ffc.New(context.Background(), cfg)
			if err != nil {
				panic(err)
			}
			b.client = client
			awslambda.Start(lambda.Wrap(client, b.serve, opts...))
		})
		defer func() { _ = b.client.Close(context.Background()) }()
		test(b)
	})
}

func (b *bubble) serve(ctx context.Context, user string) (string, error) {
	b.runtime.Note("handler")
	value := b.client.Variation(ctx, "a", ffc.NewUser(user), "fallback")
	return value, b.handler(ctx)
}

// invoke invokes the function for a user.
func (b *bubble) invoke(user string) lambdatest.Invocation {
	b.t.Helper()
	payload, err := json.Marshal(user)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.runtime.Invoke(b.t.Context(), payload)
}

func (b *bubble) checkCounts(recorded int) {
	b.t.Helper()
	b.CheckCounts(b.client.Stats().Events, recorded)
}

// after returns when something first happened in an invocation, counted from its
// delivery.
func after(t testing.TB, inv lambdatest.Invocation, name string) time.Duration {
	t.Helper()
	for _, e := range inv.Timeline {
		if e.Name == name {
			return e.At.Sub(inv.Timeline[0].At)
		}
	}
	t.Fatalf("no %q in: %s", name, names(inv.Timeline))
	return 0
}
