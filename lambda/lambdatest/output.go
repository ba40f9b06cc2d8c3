package lambdatest

import (
	"io"
	"log"
	"runtime"
	"strings"
	"sync"
)

// output intercepts the output of the standard logger. The logger's Fatal functions
// write a line before they end the process. If they run on the goroutine of a
// function in the test process, output ends this goroutine instead.
var output interceptor

type interceptor struct {
	mu   sync.Mutex
	next io.Writer
}

// intercept makes the interceptor the logger's output, unless it already is.
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
		runtime.Goexit() // the runtime is closed: drop the warning
	}
	if fatal && ours && strings.HasPrefix(by, awsLambda) {
		runtime.Goexit() // the Invocation has the error: drop the line
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

// caller returns which function logs, whether it called a Fatal function, and
// whether it runs on the goroutine of a function in the test process.
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
