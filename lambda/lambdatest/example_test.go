package lambdatest_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// Events leave before the freeze: what a test of a function can hold.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("banner").Variations("summer", "winter")))
	defer platform.Close()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &poll.Transport{},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	handler := func(ctx context.Context, user string) (string, error) {
		return client.Variation(ctx, "banner", ffc.NewUser(user), "none"), nil
	}

	rt := lambdatest.NewRuntime()
	defer rt.Close()
	rt.Start(func() { lambda.Start(client, handler) })

	inv := rt.Invoke(ctx, []byte(`"ann"`)) // until the function asks for the next invocation
	fmt.Println("response:", string(inv.Response), inv.Err)
	fmt.Println("events before the freeze:", len(platform.Events()))
	// Output:
	// response: "summer" <nil>
	// events before the freeze: 1
}

// An events endpoint that hangs delays no response.
func ExampleCall_Answer() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("banner")))
	defer platform.Close()
	client, _ := ffc.New(ctx, ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &poll.Transport{}, Logger: slog.New(slog.DiscardHandler)})
	rt := lambdatest.NewRuntime()
	defer rt.Close()
	rt.Start(func() {
		lambda.Start(client, func(ctx context.Context) (bool, error) {
			return client.BoolVariation(ctx, "banner", ffc.NewUser("ann"), false), nil
		})
	})

	resume := platform.Stall(ffctest.Events)
	call := rt.Begin([]byte(`{}`))
	fmt.Println("response:", string(call.Answer(ctx).Response))
	resume()
	for _, e := range call.End(ctx).Timeline {
		fmt.Println(e.Name)
	}
	// Output:
	// response: true
	// invoke
	// response
	// next
}

// The timeout is the function's, as on Lambda.
func ExampleNewRuntime() {
	rt := lambdatest.NewRuntime()
	defer rt.Close()
	rt.SetTimeout(time.Minute)
	rt.Start(func() {
		awslambda.Start(func(_ context.Context, name string) (string, error) { return "hello " + name, nil })
	})

	inv := rt.Invoke(context.Background(), []byte(`"ann"`))
	fmt.Println(string(inv.Response), inv.End)
	// Output: "hello ann" completed
}

func ExampleNewRuntimeOn() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	rt := lambdatest.NewRuntimeOn(listener)
	defer rt.Close()
	fmt.Println(rt.Address == listener.Addr().String())
	// Output: true
}

// The test binary is the function: see TestMain of this package, which begins
// with
//
//	lambdatest.Function("echo", func() { awslambda.Start(echo) })
func ExampleProcess() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	rt := lambdatest.NewRuntime()
	defer rt.Close()
	cmd := lambdatest.Command("echo")
	cmd.Stderr = os.Stderr
	process, err := rt.StartProcess(cmd)
	if err != nil {
		fmt.Println(err)
		return
	}

	inv := rt.Invoke(ctx, []byte(`"ann"`)) // then the process is stopped
	fmt.Println(string(inv.Response), inv.Err)
	process.Terminate() // SIGTERM and, 500 ms later, SIGKILL
	// Output: "ann" <nil>
}

// functions is called first in TestMain.
func functions(main func()) { lambdatest.Function("checkout", main) }

var _ = functions
