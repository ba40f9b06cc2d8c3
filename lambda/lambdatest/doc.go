// Package lambdatest provides the Lambda Runtime API inside the test process: it
// runs a function with aws-lambda-go's own loop, invokes it, and records the order
// of events.
//
//	rt := lambdatest.NewRuntime()
//	defer rt.Close()
//	rt.Start(func() { lambda.Start(client, handler) })
//
//	inv := rt.Invoke(ctx, []byte(`{"name":"ann"}`))
//	// inv.Response, inv.Err, inv.Timeline
//
// When Invoke returns, the function has requested the next invocation. At that time
// Lambda freezes its process, so events that were not delivered before may be lost:
//
//	if n := len(platform.Events()); n != 1 {
//		t.Errorf("%d events delivered before the freeze", n)
//	}
//
// # In the test process, or in its own process
//
// [Runtime.Start] runs the function in the test process: it is fast and easy to
// debug, but a function that waits for an invocation is not frozen.
//
// [Runtime.StartProcess] runs the function in its own process. The process is
// stopped between invocations (SIGSTOP) and ended with SIGTERM and SIGKILL, as
// Lambda does. This also happens when an invocation times out: its caller gets the
// error when the process has ended. The process can be any program; with [Function]
// in TestMain and [Command] it is the test binary itself.
//
//	func TestMain(m *testing.M) {
//		lambdatest.Function("checkout", main)
//		os.Exit(m.Run())
//	}
//
//	process, err := rt.StartProcess(lambdatest.Command("checkout"))
//
// # Limits
//
// aws-lambda-go ends its process with log.Fatal when a handler panics and when the
// runtime is closed. If the function runs in the test process, only its goroutine
// ends: while such a function runs, lambdatest intercepts the output of the standard
// logger. aws-lambda-go leaves one goroutine behind for each function with
// WithEnableSIGTERM, such as that of lambda.Start: it waits for SIGTERM.
//
// A Runtime is one environment. If a function serves several invocations at a time,
// a request for the next one ends the oldest invocation that has a response or
// error. Payloads and responses may have any size.
package lambdatest
