//go:build unix

package lambdatest

import (
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// shutdown is how long Lambda waits between SIGTERM and SIGKILL.
const shutdown = 500 * time.Millisecond

// Process is a function that runs in its own process. The process is stopped while
// it waits for an invocation, unless its environment has AWS_LAMBDA_MAX_CONCURRENCY
// above 1. The methods of Process may be called concurrently.
type Process struct {
	rt         *Runtime
	cmd        *exec.Cmd
	concurrent bool
	exited     chan struct{}
	stopped    bool // guarded by the runtime's lock, as is what follows
	ending     bool
}

// StartProcess starts a function as a program: an executable that was built before,
// or the result of Command. It adds Lambda's environment variables to those of the
// command. It returns when the function has requested its first invocation or has
// exited, or after 10 s. It fails if the program cannot be started, the runtime is
// closed or already has a function.
//
// A runtime has one function at a time. After it has exited, another one can be
// started, as on Lambda.
func (rt *Runtime) StartProcess(cmd *exec.Cmd) (*Process, error) {
	env := slices.DeleteFunc(cmd.Environ(), func(v string) bool { return strings.HasPrefix(v, "_LAMBDA_SERVER_PORT=") })
	p := &Process{rt: rt, cmd: cmd, concurrent: concurrency(env) > 1, exited: make(chan struct{})}
	for name, value := range rt.variables() {
		env = append(env, name+"="+value)
	}
	cmd.Env = env

	rt.mu.Lock()
	if !rt.open() || rt.alive() {
		rt.mu.Unlock()
		return nil, errors.New("lambdatest: the runtime is closed or already has a function: use another Runtime, or wait until the function has exited")
	}
	rt.note("start", "")
	if err := cmd.Start(); err != nil {
		rt.mu.Unlock()
		return nil, err
	}
	rt.process = p
	rt.mu.Unlock()
	rt.running.Go(p.wait)

	rt.awaitInit(func() bool { return rt.process != p || len(rt.idle)+len(rt.active) > 0 && rt.exts.idle() })
	return p, nil
}

func concurrency(env []string) (n int) {
	for _, v := range env {
		if value, ok := strings.CutPrefix(v, "AWS_LAMBDA_MAX_CONCURRENCY="); ok {
			n, _ = strconv.Atoi(value)
		}
	}
	return n
}

// wait waits for the end of the process and records it.
func (p *Process) wait() {
	_ = p.cmd.Wait() // how the process ended does not matter
	p.rt.mu.Lock()
	defer p.rt.mu.Unlock()
	close(p.exited)
	p.rt.process = nil
	p.rt.exts.registered = 0
	p.rt.note("exit", "")
	p.rt.exited()
}

// suspend stops or continues the process. The runtime's lock is held.
func (p *Process) suspend(stop bool) {
	stop = stop && !p.ending
	if stop == p.stopped {
		return
	}
	p.stopped = stop
	if stop {
		_ = p.cmd.Process.Signal(syscall.SIGSTOP)
	} else {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
	}
}

// Terminate ends the process as Lambda does when it ends an environment: with
// SIGTERM and, 500 ms later, SIGKILL. A function that has not registered an
// extension gets SIGKILL at once; lambda.Start registers one. Terminate returns
// when the process has ended.
func (p *Process) Terminate() {
	if p.rt == nil { // the zero Process
		return
	}
	p.rt.mu.Lock()
	p.rt.note("terminate", "")
	p.ending = true
	graceful := p.rt.exts.registered > 0
	if graceful {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.rt.update() // continue the process: a stopped process does not handle SIGTERM
	}
	p.rt.mu.Unlock()
	if graceful {
		limit := time.NewTimer(shutdown)
		defer limit.Stop()
		select {
		case <-limit.C:
		case <-p.exited:
		}
	}
	p.Kill()
}

// Kill ends the process with SIGKILL and returns when the process has ended.
func (p *Process) Kill() {
	if p.rt == nil {
		return
	}
	p.kill()
	<-p.exited
}

func (p *Process) kill() { _ = p.cmd.Process.Kill() }
