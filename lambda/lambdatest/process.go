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

// Process is a function in a process of its own. It is stopped while it waits
// for an invocation, unless its environment has AWS_LAMBDA_MAX_CONCURRENCY above
// 1.
type Process struct {
	rt         *Runtime
	cmd        *exec.Cmd
	concurrent bool
	exited     chan struct{}
	stopped    bool // guarded by the runtime's lock, as is what follows
	ending     bool
}

// StartProcess starts a program that is a function: a bootstrap that was built
// before, or what Command returns. Environment variables of Lambda are added to
// those of the command. It returns when the function asks for its first
// invocation, has exited or has taken 10 s.
//
// A runtime has one function at a time. When one has exited another can be
// started, as Lambda does.
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
		return nil, errors.New("lambdatest: expected a runtime that is open and has no function")
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

// wait notes the end of the process.
func (p *Process) wait() {
	_ = p.cmd.Wait() // what matters is that it is gone
	p.rt.mu.Lock()
	defer p.rt.mu.Unlock()
	close(p.exited)
	p.rt.process = nil
	p.rt.exts.registered = 0
	p.rt.note("exit", "")
	p.rt.exited()
}

// suspend stops the process or lets it go on. The runtime's lock is held.
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

// Terminate ends the process as Lambda does when it is done with an
// environment: with SIGTERM and, 500 ms later, SIGKILL. A function that has not
// registered an extension, as lambda.Start does, gets SIGKILL at once. Terminate
// returns when the process is gone.
func (p *Process) Terminate() {
	if p.rt == nil { // the zero Process is gone
		return
	}
	p.rt.mu.Lock()
	p.rt.note("terminate", "")
	p.ending = true
	graceful := p.rt.exts.registered > 0
	if graceful {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		p.rt.update() // a stopped process gets no signal
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

// Kill ends the process with SIGKILL and returns when it is gone.
func (p *Process) Kill() {
	if p.rt == nil {
		return
	}
	p.kill()
	<-p.exited
}

func (p *Process) kill() { _ = p.cmd.Process.Kill() }
