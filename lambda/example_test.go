package lambda_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// snapshot is embedded in the program: see examples/lambda.
var snapshot []byte

// The main function of a Lambda function.
func ExampleStart() {
	main := func() {
		client, err := ffc.New(context.Background(), ffc.Config{
			EnvSecret: os.Getenv("FFC_ENV_SECRET"),
			Transport: &poll.Transport{},
			Bootstrap: snapshot,
			StartWait: 500 * time.Millisecond,
		})
		if err != nil {
			log.Fatal(err)
		}
		lambda.Start(client, func(ctx context.Context, req events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
			user := ffc.NewUser(req.QueryStringParameters["user"])
			body := client.Variation(ctx, "banner", user, "none")
			return events.APIGatewayV2HTTPResponse{StatusCode: 200, Body: body}, nil
		})
	}
	_ = main // does not return
}

// A function without a way to the platform.
func ExampleStart_fleet() {
	main := func(handler func(context.Context) error) {
		client, err := ffc.New(context.Background(), ffc.Config{
			Platform: ffc.PlatformFeatBit,
			Transport: &fleet.Transport{
				Backends:    []fleet.Backend{fleet.Dir{Path: "/mnt/flags"}},
				Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
			},
			Events:    flush.Config{Disabled: true},
			StartWait: 500 * time.Millisecond,
		})
		if err != nil {
			log.Fatal(err)
		}
		lambda.Start(client, handler)
	}
	_ = main // does not return
}

// With options of aws-lambda-go.
func ExampleWrap() {
	start := func(ctx context.Context, client *ffc.Client, handler func(context.Context) error) {
		awslambda.StartWithOptions(lambda.Wrap(client, handler),
			awslambda.WithContext(ctx),
			awslambda.WithEnableSIGTERM(func() { lambda.Close(client) }))
	}
	_ = start // does not return
}

// Many short invocations: events leave every 10 s, or when 500 wait.
func ExampleFlushEvery() {
	start := func(client *ffc.Client, handler func(context.Context) error) {
		lambda.Start(client, handler, lambda.FlushEvery(10*time.Second, 500))
	}
	_ = start // does not return
}

// Behaviour of single functions.
func ExampleOption() {
	start := func(client *ffc.Client, handler func(context.Context) error) {
		lambda.Start(client, handler,
			lambda.Margin(250*time.Millisecond), // a runtime with slow extensions
			lambda.EscapeHTML(),                 // as aws-lambda-go's WithSetEscapeHTML
			lambda.Indent("", "  "))             // as aws-lambda-go's WithSetIndent
	}
	_ = start // does not return
}

// A function that closes connections of its own on SIGTERM, which takes longer
// than the client's Close.
func ExampleKeepProcess() {
	start := func(client *ffc.Client, handler func(context.Context) error) {
		lambda.Start(client, handler, lambda.KeepProcess())
	}
	_ = start // does not return
}

// A queue: messages that fail are reported one by one, so that SQS delivers them
// again (ReportBatchItemFailures). Events of the whole batch leave after it.
func Example_sqs() {
	start := func(client *ffc.Client, handle func(ctx context.Context, body string, anew bool) error) {
		lambda.Start(client, func(ctx context.Context, batch events.SQSEvent) (response events.SQSEventResponse, err error) {
			for _, message := range batch.Records {
				user := ffc.NewUser(message.Attributes["SenderId"])
				anew := client.IsEnabled(ctx, "new-parser", user)
				if err := handle(ctx, message.Body, anew); err != nil {
					failed := events.SQSBatchItemFailure{ItemIdentifier: message.MessageId}
					response.BatchItemFailures = append(response.BatchItemFailures, failed)
				}
			}
			return response, nil
		})
	}
	_ = start // does not return
}

// An event function, such as for a rule of EventBridge.
func Example_eventBridge() {
	start := func(client *ffc.Client, ship func(ctx context.Context, order string, carrier string) error) {
		lambda.Start(client, func(ctx context.Context, event events.EventBridgeEvent) error {
			var order struct{ ID, Customer string }
			if err := json.Unmarshal(event.Detail, &order); err != nil {
				return err
			}
			carrier := client.Variation(ctx, "carrier", ffc.NewUser(order.Customer), "post")
			return ship(ctx, order.ID, carrier)
		})
	}
	_ = start // does not return
}

// Callers that look at the events at once wait for them.
func ExampleBeforeResponse() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("banner")))
	defer platform.Close()
	client, err := ffc.New(ctx, ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &poll.Transport{}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	handler := awslambda.NewHandler(lambda.Wrap(client, func(ctx context.Context) (bool, error) {
		return client.IsEnabled(ctx, "banner", ffc.NewUser("ann")), nil
	}, lambda.BeforeResponse()))
	response, err := handler.Invoke(ctx, nil)
	fmt.Println(string(response), err, len(platform.Events()))
	// Output: true <nil> 1
}

// A test holds that events leave before the freeze.
func Example_freeze() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("banner").Variations("summer", "winter")))
	defer platform.Close()
	client, err := ffc.New(ctx, ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &poll.Transport{}, Logger: slog.New(slog.DiscardHandler)})
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
	fmt.Println(string(inv.Response), inv.Err, "with", len(platform.Events()), "event before the freeze")
	// Output: "summer" <nil> with 1 event before the freeze
}

// A client that is offline needs no platform: a handler can be called in a test
// as any function.
func Example_offline() {
	client, _ := ffc.New(context.Background(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(ffctest.Flag("a"))})
	handler := awslambda.NewHandler(lambda.Wrap(client, func(ctx context.Context, user string) (map[string]bool, error) {
		return map[string]bool{"a": client.BoolVariation(ctx, "a", ffc.NewUser(user), false)}, nil
	}))
	response, err := handler.Invoke(context.Background(), json.RawMessage(`"ann"`))
	fmt.Println(string(response), err)
	// Output: {"a":true} <nil>
}
