package lambdatest

import (
	"os"
	"os/exec"
)

// function is the environment variable with the name of the function to run.
const function = "LAMBDATEST_FUNCTION"

// Function runs main and exits if the process was started by a Command of this
// name. In other processes it does nothing. Call it first in TestMain.
func Function(name string, main func()) {
	if os.Getenv(function) == name {
		main()
		os.Exit(0)
	}
}

// Command returns a command that runs the test binary as the function of this name.
// The caller may set its output and append variables to its Env. Do not replace Env:
// it has the caller's environment and the name of the function. Command panics if the
// path of the test binary is unknown.
func Command(name string) *exec.Cmd {
	binary, err := os.Executable()
	if err != nil {
		panic("lambdatest: cannot find the test binary: " + err.Error())
	}
	// Without Function in TestMain this runs no test.
	cmd := exec.Command(binary, "-test.run=^$")
	cmd.Env = append(os.Environ(), function+"="+name)
	return cmd
}
