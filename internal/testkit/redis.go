package testkit

import (
	"errors"
	"net"
	"os/exec"
)

// ErrNoRedis is the error of RunRedis if redis-server is not installed.
var ErrNoRedis = errors.New("NO REDIS-SERVER: install it, with apt-get install redis-server; what needs it is NOT run")

// RunRedis starts a redis-server that stores nothing on disk. address is where it
// listens, on loopback, and dir is its folder. options override those of RunRedis. It
// waits until the server accepts connections. End the process with Kill.
func RunRedis(address, dir string, options ...string) (*exec.Cmd, error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, ErrNoRedis
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	process := exec.Command(program, append([]string{"--bind", host, "--port", port, "--save", "", "--appendonly", "no", "--dir", dir}, options...)...)
	if err := process.Start(); err != nil {
		return nil, err
	}
	if err := AwaitAccepts(address); err != nil {
		Kill(process)
		return nil, err
	}
	return process, nil
}

// Kill kills a process, and waits until it has ended.
func Kill(process *exec.Cmd) {
	_ = process.Process.Kill()
	_ = process.Wait()
}
