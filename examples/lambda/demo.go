//go:build !lambda.norpc

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// demo invokes the function with a Runtime API in this process. A build for Lambda
// does not contain this file: see nodemo.go.
func demo() {
	platform := ffctest.NewServer(ffctest.Snapshot(
		ffctest.Flag("checkout-button").Variations("green", "orange").Target("orange", "ann"),
		ffctest.Flag("discount").Variations("10", "0"),
	))
	defer platform.Close()
	runtime := lambdatest.NewRuntime()
	defer runtime.Close()
	runtime.Start(func() { start(platform.EnvSecret, platform.URL) })

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, request := range []struct{ route, user string }{
		{"GET /checkout", "ann"}, {"POST /purchase", "ann"}, {"GET /checkout", "bob"}, {"GET /basket", "bob"},
	} {
		payload, err := json.Marshal(events.APIGatewayV2HTTPRequest{
			RouteKey:              request.route,
			QueryStringParameters: map[string]string{"user": request.user},
		})
		if err != nil {
			panic(err)
		}
		invocation := runtime.Invoke(ctx, payload)
		var answer events.APIGatewayV2HTTPResponse
		if err := json.Unmarshal(invocation.Response, &answer); err != nil {
			fmt.Println(request.route, "failed:", invocation.Err)
			continue
		}
		fmt.Printf("%s of %s: %d %s\n", request.route, request.user, answer.StatusCode, answer.Body)
		fmt.Printf("  when Lambda would freeze the function, the platform has %d events\n", len(platform.Events()))
	}
}
