package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest"
)

// TestMain runs a function instead of the tests in a child process of theirs.
func TestMain(m *testing.M) {
	lambdatest.Function("fleetaws", main)
	os.Exit(m.Run())
}

// start runs the program as a function in its own process, which is frozen between
// invocations, and returns what invokes it.
func start(t *testing.T, env ...string) (invoke func(payload, response any)) {
	t.Helper()
	rt := lambdatest.NewRuntime()
	t.Cleanup(rt.Close)
	cmd := lambdatest.Command("fleetaws")
	cmd.Env = append(cmd.Env, env...)
	if _, err := rt.StartProcess(cmd); err != nil {
		t.Fatal(err)
	}
	return func(payload, response any) {
		t.Helper()
		text, err := json.Marshal(payload)
		if err != nil {
			t.Fatal(err)
		}
		invocation := rt.Invoke(within(t), text)
		if invocation.Err != nil {
			t.Fatal(invocation.Err)
		}
		if err := json.Unmarshal(invocation.Response, response); err != nil {
			t.Fatal(err)
		}
	}
}

// Events of a function that is frozen after each invocation reach the platform through
// SQS, each of them once, although the platform is down for a while.
func TestFunctions(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGSTOP")
	}
	sqs, err := enginetest.StartSQS()
	if errors.Is(err, enginetest.ErrNoFauxqs) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sqs.Close)
	queueURL, err := enginetest.NewQueue(sqs.Endpoint, "events")
	if err != nil {
		t.Fatal(err)
	}
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(ffctest.Flag("checkout").Variations("three-steps", "one-page").Serve("one-page")))
	t.Cleanup(platform.Close)
	dir := t.TempDir()
	publisher := &relay.Publisher{
		Config:  ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Logger: slog.New(slog.DiscardHandler)},
		Backend: fleet.Dir{Path: dir},
	}
	if err := publisher.Once(within(t)); err != nil {
		t.Fatal(err)
	}
	environment := "FFC_ENVIRONMENT=" + publisher.Status().Environment

	serve := start(t, environment, "FFC_DIR="+dir, "FFC_QUEUE_URL="+queueURL, "FFC_SQS_ENDPOINT="+sqs.Endpoint,
		"AWS_REGION=eu-central-1", "AWS_ACCESS_KEY_ID=function", "AWS_SECRET_ACCESS_KEY=secret")
	forward := start(t, environment, "FFC_ENV_SECRET="+platform.EnvSecret, "FFC_EVENTS_URL="+platform.URL)

	var messages []events.SQSMessage
	// arrive invokes the first function, and waits for the message with its event.
	arrive := func(user string) {
		t.Helper()
		var r response
		if serve(request{user}, &r); r.Checkout != "one-page" {
			t.Errorf("checkout is %q", r.Checkout)
		}
		bodies, err := enginetest.Messages(within(t), sqs.Endpoint, queueURL)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range bodies {
			messages = append(messages, events.SQSMessage{MessageId: fmt.Sprint("message ", len(messages)), Body: body})
		}
	}
	// deliver invokes the second function with messages, and returns which have failed.
	deliver := func(messages ...events.SQSMessage) (failed []string) {
		t.Helper()
		var r events.SQSEventResponse
		forward(events.SQSEvent{Records: messages}, &r)
		for _, f := range r.BatchItemFailures {
			failed = append(failed, f.ItemIdentifier)
		}
		return failed
	}

	for _, user := range []string{"ann", "bob", "cid"} {
		arrive(user)
	}
	if len(messages) != 3 {
		t.Fatalf("%d messages", len(messages))
	}
	other := events.SQSMessage{MessageId: "other", Body: "of another program"}
	if failed := deliver(append(messages[:2:2], other)...); !slices.Equal(failed, []string{"other"}) {
		t.Errorf("failed: %q", failed)
	}
	platform.FailNext(ffctest.Events, 3, ffctest.Failure{Status: 503}) // also the retries
	if failed := deliver(messages[2]); !slices.Equal(failed, []string{"message 2"}) {
		t.Errorf("failed: %q", failed)
	}
	for len(deliver(messages[2])) > 0 { // SQS delivers it again
		time.Sleep(50 * time.Millisecond)
	}
	var users []string
	for _, e := range platform.Events() {
		users = append(users, e.UserKey)
	}
	if slices.Sort(users); !slices.Equal(users, []string{"ann", "bob", "cid"}) {
		t.Errorf("events of %q arrived", users)
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
