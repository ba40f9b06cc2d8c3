package testkit

import (
	"syscall"
	"time"
	"unsafe"
)

// threadTime is the processor time that this thread has had.
func threadTime() time.Duration {
	const threadClock = 3 // CLOCK_THREAD_CPUTIME_ID
	var t syscall.Timespec
	_, _, failed := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, threadClock, uintptr(unsafe.Pointer(&t)), 0)
	if failed != 0 {
		panic(failed)
	}
	return time.Duration(t.Nano())
}
