package lambdatest

import (
	"io"
	"log"
	"runtime"
	"strings"
	"sync"
)

// output is in the way of the standard logger, whose Fatal functions write a
// line before they end the process: on the goroutine of a function in the test
// process, the goroutine ends instead.
var output interceptor

type interceptor struct {
	mu   sync.Mutex
	next io.Writer
}

// intercept puts the interceptor in the way, unless it is there.
func (o *interceptor) intercept() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if w := log.Writer(); w != io.Writer(o) {
		o.next = w
		log.SetOutput(o)
	}
}

// Write implements io.Writer.
func (o *interceptor) Write(line []byte) (int, error) {
	by, fatal, ours := caller()
	if strings.HasPrefix(by, awsLambda+"enableSIGTERM.") {
		runtime.Goexit() // the runtime is closed: nothing to warn of
	}
	if fatal && ours && strings.HasPrefix(by, awsLambda) {
		runtime.Goexit() // what there is to know is in the Invocation
	}
	o.mu.Lock()
	next := o.next
	o.mu.Unlock()
	n, err := next.Write(line)
	if fatal && ours {
		runtime.Goexit()
	}
	return n, err
}

const awsLambda = "github.com/aws/aws-lambda-go/lambda."

// caller returns which function logs, whether it wants the process to end, and
// whether it is called by a function that we run.
func caller() (by string, fatal, ours bool) {
	stack := make([]uintptr, 256)
	frames := runtime.CallersFrames(stack[:runtime.Callers(3, stack)])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case strings.HasPrefix(f.Function, "log.Fatal"):
			fatal = true
		case by == "" && !strings.HasPrefix(f.Function, "log."):
			by = f.Function
		case strings.HasSuffix(f.Function, "/lambdatest.(*Runtime).run"):
			ours = true
		}
	}
	return by, fatal, ours
}
