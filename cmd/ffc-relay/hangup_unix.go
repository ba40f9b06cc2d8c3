//go:build unix

package main

import (
	"os"
	"syscall"
)

// hangup is the signal that reads the configuration again.
var hangup os.Signal = syscall.SIGHUP
