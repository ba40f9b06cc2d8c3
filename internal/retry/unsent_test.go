package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"
)

func TestUnsent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		{&url.Error{Op: "Post", Err: &net.OpError{Op: "dial", Err: &net.DNSError{}}}, true},
		{fmt.Errorf("wrapped: %w", &net.OpError{Op: "dial"}), true},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
		{&net.OpError{Op: "write", Err: syscall.EPIPE}, false},
		{io.EOF, false},
		{context.DeadlineExceeded, false},
		{&unsentError{context.DeadlineExceeded}, true},
		{fmt.Errorf("wrapped: %w", &unsentError{io.EOF}), true},
	} {
		if got := Unsent(test.err); got != test.want {
			t.Errorf("%v: %v", test.err, got)
		}
	}
	if err := error(&unsentError{context.DeadlineExceeded}); !errors.Is(err, context.DeadlineExceeded) || err.Error() != context.DeadlineExceeded.Error() {
		t.Errorf("the error is hidden: %v", err)
	}
}
