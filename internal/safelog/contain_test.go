package safelog

import (
	"errors"
	"testing"
)

func TestContainHidesTheTextOfAPanic(t *testing.T) {
	t.Parallel()
	if err := Contain("the queue", func() error { panic("s3cret") }); err == nil || err.Error() != "the queue panicked with a string" {
		t.Errorf("error %v", err)
	}
	own := errors.New("own")
	if err := Contain("the queue", func() error { return own }); err != own {
		t.Errorf("error %v, want that of the function", err)
	}
}
