// Package setting checks settings for which zero stands for a default.
package setting

import (
	"fmt"
	"time"
)

// Default replaces zero by the default. Less than zero is an error that begins
// with the name.
func Default[T time.Duration | int64](name string, value *T, otherwise T) error {
	if *value < 0 {
		return fmt.Errorf("%s is %v: expected 0 (the default) or more", name, *value)
	}
	if *value == 0 {
		*value = otherwise
	}
	return nil
}
