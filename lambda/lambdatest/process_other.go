//go:build !unix

package lambdatest

// Process does nothing on systems without signals that stop a process.
type Process struct{ concurrent bool }

// Terminate does nothing.
func (*Process) Terminate() {}

// Kill does nothing.
func (*Process) Kill() {}

func (*Process) kill()        {}
func (*Process) suspend(bool) {}
