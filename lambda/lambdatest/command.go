package lambdatest

import (
	"os"
	"os/exec"
)

// function is the variable that says which function a test binary is.
const function = "LAMBDATEST_FUNCTION"

// Function runs main and exits, in a process that Command of the same name
// started, and does nothing in others. Call it first in TestMain.
func Function(name string, main func()) {
	if os.Getenv(function) == name {
		main()
		os.Exit(0)
	}
}

// Command returns a command that runs the test binary as the function of this
// name. Output and further environment variables can be set on it.
func Command(name string) *exec.Cmd {
	binary, err := os.Executable()
	if err != nil {
		panic("lambdatest: the test binary is not known: " + err.Error())
	}
	// Without Function in TestMain this runs no test.
	cmd := exec.Command(binary, "-test.run=^$")
	cmd.Env = append(os.Environ(), function+"="+name)
	return cmd
}
