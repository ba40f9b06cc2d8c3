package lambdatest

import (
	"os"
	"sync"
	"time"
)

const (
	functionName = "lambdatest"
	// initTime is how long Lambda lets a function start.
	initTime = 10 * time.Second
)

// environment is locked while the environment variables of the test process name a
// runtime, because a function reads them when it starts.
var environment sync.Mutex

// Start runs a function in the test process. main must do what the function's main
// does, including lambda.Start. Start returns when the function has requested its
// first invocation or has ended, or after 10 s. Then main keeps running in its own
// goroutine until Close, or until aws-lambda-go or main call log.Fatal.
//
// If Start is called several times, the runtime has as many loops and serves as many
// invocations at a time. On a closed runtime Start does nothing.
func (rt *Runtime) Start(main func()) {
	environment.Lock()
	defer environment.Unlock()
	defer setenv(rt.variables())()

	rt.mu.Lock()
	if !rt.open() {
		rt.mu.Unlock()
		return
	}
	rt.loops++
	loops := rt.loops
	rt.note("start", "")
	output.intercept()
	rt.mu.Unlock()
	rt.running.Go(func() { rt.run(main) })

	rt.awaitInit(func() bool { return rt.loops < loops || len(rt.idle)+len(rt.active) >= loops })
}

// awaitInit waits until ok returns true, at most for initTime.
func (rt *Runtime) awaitInit(ok func() bool) {
	late := false
	limit := time.AfterFunc(initTime, func() {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		late = true
		rt.update()
	})
	defer limit.Stop()
	rt.wait(func() bool { return late || ok() })
}

// run runs a function in the test process. output finds run in the stack.
func (rt *Runtime) run(main func()) {
	defer func() { // also after runtime.Goexit
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.loops--
		if !rt.closed {
			rt.note("exit", "")
		}
		rt.exited()
	}()
	main()
}

// variables returns the environment variables that Lambda sets for a function.
func (rt *Runtime) variables() map[string]string {
	return map[string]string{
		"AWS_LAMBDA_RUNTIME_API":          rt.Address,
		"AWS_LAMBDA_FUNCTION_NAME":        functionName,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
	}
}

func setenv(variables map[string]string) (restore func()) {
	before := make(map[string]*string)
	for name, value := range variables {
		before[name] = nil
		if old, ok := os.LookupEnv(name); ok {
			before[name] = &old
		}
		_ = os.Setenv(name, value)
	}
	return func() {
		for name, old := range before {
			if old == nil {
				_ = os.Unsetenv(name)
			} else {
				_ = os.Setenv(name, *old)
			}
		}
	}
}
