package lambdatest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// TestInvoke: a function gets payload, deadline and names of an invocation, and
// the caller its response.
func TestInvoke(t *testing.T) {
	rt := newRuntime(t)
	rt.SetTimeout(7 * time.Second)
	var deadline time.Time
	var of lambdacontext.LambdaContext
	var trace any
	rt.Start(func() {
		awslambda.Start(func(ctx context.Context, v any) (any, error) {
			deadline, _ = ctx.Deadline()
			lc, _ := lambdacontext.FromContext(ctx)
			of, trace = *lc, ctx.Value("x-amzn-trace-id")
			return v, nil
		})
	})
	for _, payload := range []string{`{"a":[1,"two"]}`, `"text"`} {
		before := time.Now()
		inv := rt.Invoke(testkit.Within(t), []byte(payload))
		if inv.Err != nil || string(inv.Response) != payload || inv.ContentType != "application/json" || inv.End != lambdatest.Completed {
			t.Errorf("%+v", inv)
		}
		if got := names(inv.Timeline); got != "invoke response next" {
			t.Errorf("order is %s", got)
		}
		if !deadline.Equal(inv.Deadline.Truncate(time.Millisecond)) || inv.Deadline.Before(before.Add(7*time.Second)) || inv.Deadline.After(time.Now().Add(7*time.Second)) {
			t.Errorf("the function has the deadline %v, the runtime %v", deadline, inv.Deadline)
		}
		if of.AwsRequestID != inv.RequestID || !strings.HasPrefix(of.InvokedFunctionArn, "arn:aws:lambda:") || !strings.HasPrefix(fmt.Sprint(trace), "Root=1-") {
			t.Errorf("the function has %+v and %v", of, trace)
		}
	}
	if got := names(rt.Timeline()); got != "start next invoke response next invoke response next" {
		t.Errorf("order is %s", got)
	}
}

// TestErrors: what callers are told when a function fails, and what becomes of
// it.
func TestErrors(t *testing.T) {
	tests := []struct {
		name    string
		handler any
		want    string
		partial string
		order   string
		end     lambdatest.End
	}{
		{name: "error", handler: func() error { return errors.New("failed") }, want: "errorString: failed", order: "invoke error next", end: lambdatest.Completed},
		{name: "payload", handler: func(int) {}, want: "UnmarshalTypeError: json: cannot unmarshal", order: "invoke error next", end: lambdatest.Completed},
		{name: "panic", handler: func() { panic("failed") }, want: "string: failed", order: "invoke error exit", end: lambdatest.Exited},
		{name: "log.Fatal", handler: func() { log.Fatal("failed") }, want: lambdatest.ErrExited.Error(), order: "invoke exit", end: lambdatest.Exited},
		{name: "stream", handler: func() (io.Reader, error) {
			return io.MultiReader(strings.NewReader("half"), errReader{errors.New("failed")}), nil
		}, want: "errorString: failed", partial: "half", order: "invoke response next", end: lambdatest.Completed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rt := newRuntime(t)
			rt.Start(func() { awslambda.Start(test.handler) })
			inv := rt.Invoke(testkit.Within(t), []byte(`"x"`))
			if !strings.HasPrefix(fmt.Sprint(inv.Err), test.want) || string(inv.Response) != test.partial || inv.End != test.end || names(inv.Timeline) != test.order {
				t.Errorf("%v, %q, %s, %s", inv.Err, inv.Response, inv.End, names(inv.Timeline))
			}
			if next := rt.Invoke(testkit.Within(t), []byte(`"x"`)); test.end == lambdatest.Exited && next.Err != lambdatest.ErrExited {
				t.Errorf("the next invocation: %v", next.Err)
			}
		})
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// TestTimeout: the caller of a function that takes too long gets an error,
// its late result is dropped, and it can serve again.
func TestTimeout(t *testing.T) {
	rt := newRuntime(t)
	rt.SetTimeout(10 * time.Millisecond)
	release := make(chan struct{})
	rt.Start(func() { awslambda.Start(func(v any) (any, error) { <-release; return v, nil }) })
	inv := rt.Invoke(testkit.Within(t), []byte(`1`))
	if inv.Err != lambdatest.ErrTimedOut || inv.End != lambdatest.TimedOut || names(inv.Timeline) != "invoke timeout" {
		t.Errorf("%v, %s, %s", inv.Err, inv.End, names(inv.Timeline))
	}
	rt.SetTimeout(time.Minute)
	close(release)
	if inv := rt.Invoke(testkit.Within(t), []byte(`2`)); inv.Err != nil || string(inv.Response) != `2` {
		t.Errorf("%s, %v", inv.Response, inv.Err)
	}
}

// TestTimeoutAfterTheAnswer: a function that does not ask for the next invocation
// in time has answered all the same.
func TestTimeoutAfterTheAnswer(t *testing.T) {
	rt := newRuntime(t)
	rt.SetTimeout(300 * time.Millisecond)
	release := make(chan struct{})
	rt.Start(func() {
		awslambda.Start(func() (io.Reader, error) { return &closing{text: strings.NewReader("text"), released: release}, nil })
	})
	inv := rt.Invoke(testkit.Within(t), []byte(`1`))
	close(release)
	if inv.Err != nil || string(inv.Response) != "text" || inv.End != lambdatest.TimedOut {
		t.Errorf("%s, %v, %s", inv.Response, inv.Err, inv.End)
	}
}

// closing is a response whose Close takes until released.
type closing struct {
	text     io.Reader
	released chan struct{}
}

func (c *closing) Read(p []byte) (int, error) { return c.text.Read(p) }

func (c *closing) Close() error { <-c.released; return nil }

// TestFreeze: a frozen function gets no invocation until it is thawed.
func TestFreeze(t *testing.T) {
	rt := newRuntime(t)
	rt.Start(func() { awslambda.Start(echo) })
	rt.Freeze()
	call := rt.Begin([]byte(`1`))
	rt.Note("frozen")
	rt.Thaw()
	inv := call.End(testkit.Within(t))
	if got := names(rt.Timeline()); inv.Err != nil || got != "start next freeze frozen thaw invoke response next" {
		t.Errorf("%v, %s", inv.Err, got)
	}
}

// TestSeveralLoops: a function can be started several times, to serve as many
// invocations at a time.
func TestSeveralLoops(t *testing.T) {
	rt := newRuntime(t)
	const n = 4
	arrived := make(chan struct{}, n)
	release := make(chan struct{})
	for range n {
		rt.Start(func() {
			awslambda.Start(func(v any) (any, error) { arrived <- struct{}{}; <-release; return v, nil })
		})
	}
	var calls []*lambdatest.Call
	for i := range 2 * n {
		calls = append(calls, rt.Begin(fmt.Append(nil, i)))
	}
	for range n {
		<-arrived
	}
	close(release)
	for i, call := range calls {
		if inv := call.End(testkit.Within(t)); inv.Err != nil || string(inv.Response) != fmt.Sprint(i) {
			t.Errorf("%d: %s, %v", i, inv.Response, inv.Err)
		}
	}
}

// TestContextEnds: waiting ends with the context.
func TestContextEnds(t *testing.T) {
	rt := newRuntime(t)
	release := make(chan struct{})
	rt.Start(func() { awslambda.Start(func() { <-release }) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if inv := rt.Invoke(ctx, []byte(`1`)); !errors.Is(inv.Err, context.Canceled) || inv.End != "" {
		t.Errorf("%v, %q", inv.Err, inv.End)
	}
	close(release)
}

// TestExit: a function that ends without asking for an invocation, in any way,
// serves none.
func TestExit(t *testing.T) {
	for name, main := range map[string]func(){
		"returns":   func() {},
		"log.Fatal": func() { log.Fatalf("no %s", "configuration") },
		"Goexit":    runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime(t)
			rt.Start(main)
			if inv := rt.Invoke(testkit.Within(t), []byte(`1`)); inv.Err != lambdatest.ErrExited || names(rt.Timeline()) != "start exit" {
				t.Errorf("%v, %s", inv.Err, names(rt.Timeline()))
			}
		})
	}
}

// TestLogger: the standard logger works for everybody else, and a function may
// replace its output and still not end the test.
func TestLogger(t *testing.T) {
	writer, logger := log.Writer(), slog.Default()
	defer func() {
		slog.SetDefault(logger)
		log.SetOutput(writer)
	}()
	var buf bytes.Buffer
	log.SetOutput(&buf)
	rt := lambdatest.NewRuntime()
	rt.Start(func() {
		log.Print("from the function")
		slog.SetDefault(slog.New(slog.NewTextHandler(&buf, nil)))
		awslambda.StartWithOptions(echo, awslambda.WithEnableSIGTERM())
	})
	log.Print("from the test")
	rt.Close()
	log.Print("after the end")
	for _, want := range []string{"from the function", "from the test", "after the end"} {
		if !strings.Contains(buf.String(), want) {
			t.Errorf("the log does not have %q", want)
		}
	}
	if strings.Contains(buf.String(), "aws") || strings.Contains(buf.String(), "WARNING") || strings.Contains(buf.String(), "unexpected status") {
		t.Errorf("the log has lines of aws-lambda-go's end: %s", buf.String())
	}
}

// TestPanicWithLogger: a panic ends a function that has replaced the logger, and
// not the test.
func TestPanicWithLogger(t *testing.T) {
	writer, logger := log.Writer(), slog.Default()
	defer func() {
		slog.SetDefault(logger)
		log.SetOutput(writer)
	}()
	rt := newRuntime(t)
	rt.Start(func() {
		slog.SetDefault(slog.New(slog.DiscardHandler))
		awslambda.Start(func() { panic("failed") })
	})
	if inv := rt.Invoke(testkit.Within(t), []byte(`1`)); inv.End != lambdatest.Exited {
		t.Errorf("%v, %s", inv.Err, inv.End)
	}
}

// TestVariables: the environment of the test process is what it was.
func TestVariables(t *testing.T) {
	t.Setenv("AWS_LAMBDA_FUNCTION_NAME", "mine")
	rt := newRuntime(t)
	var name, api string
	rt.Start(func() {
		name, api = os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), os.Getenv("AWS_LAMBDA_RUNTIME_API")
		awslambda.Start(echo)
	})
	if name != "lambdatest" || api != rt.Address {
		t.Errorf("the function had %q and %q", name, api)
	}
	if v, set := os.LookupEnv("AWS_LAMBDA_RUNTIME_API"); set || os.Getenv("AWS_LAMBDA_FUNCTION_NAME") != "mine" {
		t.Errorf("afterwards there are %q and %q", v, os.Getenv("AWS_LAMBDA_FUNCTION_NAME"))
	}
}

// TestProtocol: requests that Lambda would refuse are refused.
func TestProtocol(t *testing.T) {
	rt := newRuntime(t)
	tests := []struct {
		method, path string
		want         int
	}{
		{"POST", "/2018-06-01/runtime/invocation/unknown/response", 400},
		{"POST", "/2018-06-01/runtime/invocation/unknown/error", 400},
		{"GET", "/2018-06-01/runtime/invocation/unknown/response", 405},
		{"POST", "/2018-06-01/runtime/invocation/next", 405},
		{"GET", "/2018-06-01/elsewhere", 404},
		{"POST", "/2018-06-01/runtime/init/error", 202},
		{"POST", "/2020-01-01/extension/register", 200},
	}
	for _, test := range tests {
		req, err := http.NewRequestWithContext(testkit.Within(t), test.method, "http://"+rt.Address+test.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != test.want {
			t.Errorf("%s %s: %d, want %d", test.method, test.path, resp.StatusCode, test.want)
		}
	}
	if got := names(rt.Timeline()); got != "init error" {
		t.Errorf("order is %s", got)
	}
}

// TestClose: after Close nothing is left, but a goroutine that waits for SIGTERM
// where a function asked for that.
func TestClose(t *testing.T) {
	http.DefaultClient.CloseIdleConnections()
	before := runtime.NumGoroutine()
	rt := lambdatest.NewRuntime()
	for range 3 {
		rt.Start(func() { awslambda.StartWithOptions(echo, awslambda.WithEnableSIGTERM()) })
	}
	rt.Invoke(testkit.Within(t), []byte(`1`))
	rt.Close()
	rt.Close()
	if inv := rt.Invoke(testkit.Within(t), []byte(`1`)); inv.Err != lambdatest.ErrExited {
		t.Errorf("an invocation after Close: %v", inv.Err)
	}
	testkit.Eventually(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}
