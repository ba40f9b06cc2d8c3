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
// does not wait until the server accepts connections. End the process with Kill.
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
	return process, process.Start()
}

// Kill kills a process, and waits until it has ended.
func Kill(process *exec.Cmd) {
	_ = process.Process.Kill()
	_ = process.Wait()
}

// Accepts reports whether a server accepts connections.
func Accepts(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err == nil {
		_ = conn.Close()
	}
	return err == nil
}
