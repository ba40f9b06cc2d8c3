// Package lambdatest is the Lambda Runtime API inside the test process: it runs
// a function with aws-lambda-go's own loop, invokes it, and records in which
// order things happened.
//
//	rt := lambdatest.NewRuntime()
//	defer rt.Close()
//	rt.Start(func() { lambda.Start(client, handler) })
//
//	inv := rt.Invoke(ctx, []byte(`{"name":"ann"}`))
//	// inv.Response, inv.Err, inv.Timeline
//
// When Invoke returns the function has asked for the next invocation. That is
// when Lambda freezes its process, so what has not left by then may never leave:
//
//	if n := len(platform.Events()); n != 1 {
//		t.Errorf("%d events left before the freeze", n)
//	}
//
// # In the process, or in one of its own
//
// [Runtime.Start] runs the function in the test process: quick, easy to debug,
// and one that waits for an invocation is not really frozen.
//
// [Runtime.StartProcess] runs it in a process that is stopped between
// invocations (SIGSTOP), and ended with SIGTERM and SIGKILL as Lambda does it,
// also when an invocation takes too long: its caller hears of that when the
// process has ended. The process can be any program; with
// [Function] in TestMain and [Command] it is the test binary itself.
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
// aws-lambda-go ends its process with log.Fatal when a handler panics and when
// the runtime is gone. Of a function that runs in the test process only the
// goroutine ends: while there is one, lambdatest is in the way of the standard
// logger's output. What aws-lambda-go never ends stays behind: for each
// function with WithEnableSIGTERM, such as those of lambda.Start, a goroutine
// that waits for SIGTERM.
//
// One Runtime is one environment. Where a function takes several invocations at a
// time, a request for the next one ends the oldest that has been answered.
// Payloads and responses may have any size.
package lambdatest
