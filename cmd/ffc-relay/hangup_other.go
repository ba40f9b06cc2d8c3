//go:build !unix

package main

import "os"

// hangup is nil: the system has no such signal. Changed files are read all the same.
var hangup os.Signal
