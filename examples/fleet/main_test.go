package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// TestMain runs a function instead of the tests in a child process of theirs.
func TestMain(m *testing.M) {
	lambdatest.Function("fleet", main)
	os.Exit(m.Run())
}

// TestDemonstration is what go run ./examples/fleet does.
func TestDemonstration(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(within(t), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"at first: ann gets checkout=three-steps",
		"after a change: ann gets checkout=one-page",
		"ann gets checkout=one-page; status INTERRUPTED",
		"the publisher does not reach the platform: the platform confirmed the data last at",
		"the platform is back: ann gets checkout=one-page; status OK",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	// The age counts from the platform's last response, not from the last read.
	times := regexp.MustCompile(`is down for (\S+): .* confirmed by the platform (\S+) ago`).FindStringSubmatch(out.String())
	if times == nil {
		t.Fatalf("no age in\n%s", out.String())
	}
	down, _ := time.ParseDuration(times[1])
	age, _ := time.ParseDuration(times[2])
	if down <= 0 || age < down || age < 3*time.Second {
		t.Errorf("age %v, %v after the platform's end: expected at least both that and StaleAfter", age, down)
	}
}

// start runs the program as a function in its own process, which is frozen between
// invocations, and returns what invokes it.
func start(t *testing.T, env ...string) (invoke func(payload string, response any) error) {
	t.Helper()
	rt := lambdatest.NewRuntime()
	t.Cleanup(rt.Close)
	cmd := lambdatest.Command("fleet")
	cmd.Env = append(cmd.Env, env...)
	if _, err := rt.StartProcess(cmd); err != nil {
		t.Fatal(err)
	}
	return func(payload string, response any) error {
		invocation := rt.Invoke(within(t), []byte(payload))
		if invocation.Err != nil {
			return invocation.Err
		}
		return json.Unmarshal(invocation.Response, response)
	}
}

// TestFunction: a function that is frozen between invocations gets a change from the
// publisher that a schedule invokes, and serves on when the publisher and the platform
// are gone.
func TestFunction(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no SIGSTOP")
	}
	checkout := ffctest.Flag("checkout").Variations("three-steps", "one-page")
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(checkout.Serve("three-steps")))
	defer platform.Close()
	dir := t.TempDir()
	schedule := start(t, "FFC_DIR="+dir, "FFC_ENV_SECRET="+platform.EnvSecret, "FFC_BASE_URL="+platform.URL)
	publish := func() (p published) {
		t.Helper()
		if err := schedule("{}", &p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	first := publish()
	call := start(t, "FFC_DIR="+dir, "FFC_ENVIRONMENT="+first.Environment, "FFC_MAX_AGE=1ns")
	invoke := func() (r response) {
		t.Helper()
		if err := call(`{"user":"ann"}`, &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if got, want := invoke(), (response{"three-steps", first.Revision}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	platform.Put(checkout.Serve("one-page"))
	second := publish()
	if second.Revision <= first.Revision {
		t.Errorf("revision %d after %d", second.Revision, first.Revision)
	}
	if got, want := invoke(), (response{"one-page", second.Revision}); got != want {
		t.Errorf("after a change: got %+v, want %+v", got, want)
	}
	platform.Close()
	if err := schedule("{}", new(published)); err == nil {
		t.Error("the publisher succeeds without the platform")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if got, want := invoke(), (response{"one-page", second.Revision}); got != want {
		t.Errorf("with everything gone: got %+v, want %+v", got, want)
	}
	if n := len(platform.Events()); n != 0 {
		t.Errorf("the platform received %d events", n)
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}
