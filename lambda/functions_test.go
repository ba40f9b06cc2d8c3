package lambda_test

import (
	"cmp"
	"context"
	"os"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// functions are those that tests run in a process of their own. They evaluate
// the flag "a", on the platform that the environment names.
var functions = map[string]func(){
	"evaluate": func() {
		client := childClient()
		lambda.Start(client, evaluating(client))
	},
	"gather": func() {
		client := childClient()
		lambda.Start(client, evaluating(client), lambda.FlushEvery(time.Hour, 1000))
	},
	"gather, killed": func() { // without SIGTERM
		client := childClient()
		awslambda.Start(lambda.Wrap(client, evaluating(client), lambda.FlushEvery(time.Hour, 1000)))
	},
	"together": func() { // 16 at a time
		client := childClient()
		evaluate := evaluating(client)
		var together barrier
		lambda.Start(client, func(ctx context.Context, user string) (string, error) {
			value, err := evaluate(ctx, user)
			together.wait(16)
			return value, err
		})
	},
	"no client": func() {
		awslambda.Start(func(_ context.Context, user string) (string, error) { return user, nil })
	},
	"wait for data": func() {
		client := childClient(func(c *ffc.Config) { c.StartWait = 0 })
		lambda.Start(client, evaluating(client))
	},
	"snapshot": func() {
		snapshot, err := os.ReadFile(os.Getenv("TEST_SNAPSHOT"))
		if err != nil {
			panic(err)
		}
		client := childClient(func(c *ffc.Config) { c.Bootstrap = snapshot })
		lambda.Start(client, evaluating(client))
	},
	"gather, keep": func() {
		client := childClient()
		lambda.Start(client, evaluating(client), lambda.FlushEvery(time.Hour, 1000), lambda.KeepProcess())
	},
	"slow": func() {
		client := childClient()
		evaluate := evaluating(client)
		lambda.Start(client, func(ctx context.Context, user string) (string, error) {
			value, err := evaluate(ctx, user)
			time.Sleep(50 * time.Millisecond)
			return value, err
		})
	},
	"stuck":         func() { startStuck() },
	"stuck, keep":   func() { startStuck(lambda.KeepProcess()) },
	"asleep":        func() { lambda.Start(childClient(), sleeping) },
	"asleep, plain": func() { awslambda.Start(sleeping) },
}

// startStuck runs a handler that never returns.
func startStuck(opts ...lambda.Option) {
	client := childClient()
	evaluate := evaluating(client)
	lambda.Start(client, func(ctx context.Context, user string) (string, error) {
		_, _ = evaluate(ctx, user)
		select {}
	}, opts...)
}

func childClient(configure ...func(*ffc.Config)) *ffc.Client {
	cfg := ffc.Config{
		EnvSecret: cmp.Or(os.Getenv("TEST_SECRET"), ffctest.EnvSecret),
		BaseURL:   os.Getenv("TEST_PLATFORM"),
		Transport: &poll.Transport{MaxAge: time.Hour},
		StartWait: -1, // the first invocation gets the data
		Logger:    testkit.Quiet(),
	}
	for _, c := range configure {
		c(&cfg)
	}
	client, err := ffc.New(context.Background(), cfg)
	if err != nil {
		panic(err)
	}
	return client
}

func evaluating(client *ffc.Client) func(context.Context, string) (string, error) {
	return func(ctx context.Context, user string) (string, error) {
		return client.Variation(ctx, "a", ffc.NewUser(user), "fallback"), nil
	}
}

func sleeping(context.Context) error { select {} }

// barrier lets callers go on when there are as many as they wait for.
type barrier struct {
	mu      sync.Mutex
	waiting int
	open    chan struct{}
}

func (b *barrier) wait(n int) {
	b.mu.Lock()
	if b.open == nil {
		b.open = make(chan struct{})
	}
	open := b.open
	if b.waiting++; b.waiting == n {
		close(open)
		b.open, b.waiting = nil, 0
	}
	b.mu.Unlock()
	<-open
}
