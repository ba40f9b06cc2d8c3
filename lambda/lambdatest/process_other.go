//go:build !unix

package lambdatest

// Process is nothing where there are no signals to stop one with.
type Process struct{ concurrent bool }

// Terminate does nothing.
func (*Process) Terminate() {}

// Kill does nothing.
func (*Process) Kill() {}

func (*Process) kill()        {}
func (*Process) suspend(bool) {}
