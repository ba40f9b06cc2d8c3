package lambdatest

import (
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Runtime is an environment of Lambda, as a function sees it. Its methods may be
// called concurrently. Create it with NewRuntime; the zero Runtime is closed.
type Runtime struct {
	// Address is the host:port of the API, for AWS_LAMBDA_RUNTIME_API. Start and
	// StartProcess set that variable.
	Address string

	http    *http.Server
	running sync.WaitGroup // the accept loop and the loops of Start
	closing chan struct{}  // closed when Close begins

	mu       sync.Mutex // guards the rest
	changed  chan struct{}
	closed   bool
	frozen   bool
	timeout  time.Duration
	queue    []*Call // not yet delivered
	active   []*Call // delivered, and not over
	idle     []*loop // waiting for an invocation
	loops    int     // of Start
	process  *Process
	exts     extensions
	calls    int
	timeline []Entry
}

// Entry is an entry of the timeline. Its name is "start", "next" (the function
// requests an invocation), "invoke" (the function gets an invocation), "response" or
// "error" (the function has posted one), "init error", "timeout", "exit" (of the
// function), "freeze", "thaw", "terminate" (SIGTERM, or SIGKILL without an
// extension), or the name that Note was called with.
type Entry struct {
	Name string
	// RequestID is that of the invocation; for "next", of the one that has ended.
	RequestID string
	At        time.Time
}

// NewRuntime starts a runtime on a free port of 127.0.0.1. It panics if it cannot
// listen. The caller must call Close.
func NewRuntime() *Runtime {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("lambdatest: cannot listen: " + err.Error())
	}
	return NewRuntimeOn(listener)
}

// NewRuntimeOn is NewRuntime with a listener, which Close closes. With a listener in
// memory that http.DefaultTransport dials, a whole function can run in a bubble of
// testing/synctest.
func NewRuntimeOn(listener net.Listener) *Runtime {
	rt := &Runtime{
		Address: listener.Addr().String(),
		closing: make(chan struct{}),
		changed: make(chan struct{}),
		timeout: 3 * time.Second,
	}
	rt.http = &http.Server{Handler: rt.routes(), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	rt.running.Go(func() { _ = rt.http.Serve(listener) })
	return rt
}

// Close ends the function and stops listening. A function in the test process ends
// when it requests the next invocation, and Close waits for that. Further calls do
// nothing.
func (rt *Runtime) Close() {
	rt.mu.Lock()
	if !rt.open() {
		rt.mu.Unlock()
		return
	}
	rt.closed = true
	process := rt.process
	if rt.loops > 0 {
		output.intercept() // the function may have changed the logger since
	}
	close(rt.closing)
	rt.exited()
	rt.mu.Unlock()
	if process != nil {
		process.Kill()
	}
	rt.wait(func() bool { return rt.loops == 0 && rt.exts.waiting == 0 })
	_ = rt.http.Close()
	rt.running.Wait()
}

// SetTimeout sets the timeout of the function, for invocations that are delivered
// after the call. The default is 3 s, as on Lambda.
func (rt *Runtime) SetTimeout(d time.Duration) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.timeout = d
}

// Freeze stops the delivery of invocations until Thaw. If the function runs in its
// own process, Freeze also stops the process. Timeouts continue.
func (rt *Runtime) Freeze() { rt.freeze("freeze", true) }

// Thaw ends Freeze.
func (rt *Runtime) Thaw() { rt.freeze("thaw", false) }

func (rt *Runtime) freeze(name string, frozen bool) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.frozen = frozen
	rt.note(name, "")
	rt.update()
}

// Note adds an entry to the timeline, such as a request to a fake platform or a
// line that the handler has reached.
func (rt *Runtime) Note(name string) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.note(name, "")
}

func (rt *Runtime) note(name, requestID string) {
	rt.timeline = append(rt.timeline, Entry{Name: name, RequestID: requestID, At: time.Now()})
}

// Timeline returns all entries so far.
func (rt *Runtime) Timeline() []Entry {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return slices.Clone(rt.timeline)
}

// update delivers queued invocations to idle loops, and stops or continues the
// process. Call it after every change, with the lock held.
func (rt *Runtime) update() {
	for !rt.frozen && len(rt.queue) > 0 && len(rt.idle) > 0 {
		c, l := rt.queue[0], rt.idle[0]
		rt.queue, rt.idle = rt.queue[1:], rt.idle[1:]
		rt.deliver(c, l)
	}
	if rt.process != nil {
		rt.process.suspend(rt.frozen || !rt.process.concurrent && len(rt.idle) > 0 && rt.exts.idle())
	}
	if rt.changed == nil { // no one waits for a zero Runtime
		return
	}
	close(rt.changed)
	rt.changed = make(chan struct{})
}

// wait blocks until ok, which is called with the lock held.
func (rt *Runtime) wait(ok func() bool) {
	for {
		rt.mu.Lock()
		done, changed := ok(), rt.changed
		rt.mu.Unlock()
		if done {
			return
		}
		<-changed
	}
}

// exited ends all invocations, because the function has exited. The lock is held.
func (rt *Runtime) exited() {
	for _, c := range slices.Concat(rt.active, rt.queue) {
		if c.over() {
			continue
		}
		if c.late {
			c.endLate()
			continue
		}
		if c.inv.Err == nil && !c.answered() {
			c.inv.Err = ErrExited
		}
		c.end(Exited)
	}
	rt.active, rt.queue, rt.idle = nil, nil, nil
	rt.update()
}

// open reports whether a function can be started. The lock is held.
func (rt *Runtime) open() bool { return rt.closing != nil && !rt.closed }

// alive reports whether a function is running. The lock is held.
func (rt *Runtime) alive() bool { return !rt.closed && (rt.loops > 0 || rt.process != nil) }
