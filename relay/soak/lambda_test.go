package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// TestMain runs a function instead of the tests in a child process of theirs.
func TestMain(m *testing.M) {
	runNATS()
	runFunction()
	runRelay()
	lambdatest.Function("publisher", publisherFunction)
	lambdatest.Function("reader", readerFunction)
	testkit.Main(m, 8)
}

// answer is what both functions return.
type answer struct {
	Environment string
	Revision    int64
	Value       string
}

func functionEngine() *fleetredis.Backend {
	return (&redis{address: os.Getenv("FFC_REDIS")}).backend()
}

// publisherFunction is a publisher that a schedule invokes.
func publisherFunction() {
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: os.Getenv("FFC_ENV_SECRET"), BaseURL: os.Getenv("FFC_BASE_URL"), Transport: &poll.Transport{}},
		Backend: functionEngine(),
		Beat:    5 * time.Minute,
	}
	awslambda.Start(func(ctx context.Context) (answer, error) {
		err := publisher.Once(ctx)
		return answer{Environment: publisher.Status().Environment, Revision: publisher.Status().Revision}, err
	})
}

// readerFunction is a function that reads flags from the engine.
func readerFunction() {
	client, err := ffc.New(context.Background(), ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends: []fleet.Backend{functionEngine()}, Environment: os.Getenv("FFC_ENVIRONMENT"), MaxAge: 1, Budget: 10 * time.Second,
		},
		Events:    flush.Config{Disabled: true},
		StartWait: 10 * time.Second,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(client, func(ctx context.Context, _ struct{}) (answer, error) {
		return answer{Revision: client.Status().Source.Revision, Value: client.Variation(ctx, "flag", ffc.NewUser("u"), "none")}, nil
	})
}

// function runs a function in its own process, which is frozen between invocations.
func function(t *testing.T, name string, log io.Writer, env ...string) (invoke func() (answer, error)) {
	t.Helper()
	rt := lambdatest.NewRuntime()
	t.Cleanup(rt.Close)
	cmd := lambdatest.Command(name)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = log
	if _, err := rt.StartProcess(cmd); err != nil {
		t.Fatal(err)
	}
	return func() (a answer, err error) {
		invocation := rt.Invoke(testkit.Within(t), []byte("{}"))
		if invocation.Err != nil {
			return a, invocation.Err
		}
		return a, json.Unmarshal(invocation.Response, &a)
	}
}

// A schedule invokes a publisher, and a function reads what it has written to Redis.
// Both are frozen between invocations, and Redis closes all connections meanwhile.
func TestFunctionsOnRedis(t *testing.T) {
	t.Parallel()
	r, err := startRedis()
	if errors.Is(err, testkit.ErrNoRedis) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	flag := ffctest.Flag("flag").Variations(values(4)...)
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(flag.Serve("0")))
	defer platform.Close()
	publish := function(t, "publisher", io.Discard, "FFC_REDIS="+r.address, "FFC_ENV_SECRET="+platform.EnvSecret, "FFC_BASE_URL="+platform.URL)
	first, err := publish()
	if err != nil {
		t.Fatal(err)
	}
	log := new(testkit.Log)
	read := function(t, "reader", log, "FFC_REDIS="+r.address, "FFC_ENVIRONMENT="+first.Environment)
	last := first.Revision
	for n := range 4 {
		if got, err := read(); err != nil || got.Value != fmt.Sprint(n) || got.Revision != last {
			t.Errorf("the function returns %+v, error %v, want value %d of revision %d", got, err, n, last)
		}
		if n == 3 {
			break
		}
		if err := r.admin.Do(t.Context(), r.admin.B().ClientKill().TypeNormal().SkipmeYes().Build()).Error(); err != nil {
			t.Fatal(err)
		}
		platform.Put(flag.Serve(fmt.Sprint(n + 1)))
		published, err := publish()
		if err != nil || published.Revision <= last {
			t.Fatalf("the publisher returns %+v, error %v, want a revision after %d", published, err, last)
		}
		last = published.Revision
	}
	if want := fmt.Sprint(" revision=", first.Revision); strings.Count(log.String(), want) != 1 {
		t.Errorf("the log of the function does not have%s:\n%s", want, log)
	}
	platform.Close()
	if _, err := publish(); err == nil {
		t.Error("the publisher succeeds without the platform")
	}
	r.close()
	if got, err := read(); err != nil || got.Value != "3" || got.Revision != last {
		t.Errorf("with everything gone the function returns %+v, error %v, want value 3 of revision %d", got, err, last)
	}
}
