// Package setting checks settings, and names the ones that are invalid.
package setting

import (
	"errors"
	"fmt"
	"reflect"
	"time"
)

// Error is the error of one invalid setting.
type Error struct {
	// Field is the name of the setting, with the names of the fields that lead to
	// it: MaxAge, or Fallback.MaxAge.
	Field string
	Err   error
}

// Error implements error.
func (e *Error) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf returns the error of a setting. The format is that of fmt.Errorf.
func Errorf(field, format string, args ...any) error {
	return &Error{field, fmt.Errorf(format, args...)}
}

// Within returns the errors of the settings inside a field: one for each *Error
// that err joins. A cause that is no *Error becomes an error of the field itself.
func Within(field string, err error) []*Error {
	switch e := err.(type) {
	case nil:
		return nil
	case *Error:
		return []*Error{{field + "." + e.Field, e.Err}}
	case interface{ Unwrap() []error }:
		var all []*Error
		for _, inner := range e.Unwrap() {
			all = append(all, Within(field, inner)...)
		}
		for _, inner := range all {
			if inner.Field != field {
				return all
			}
		}
	}
	return []*Error{{field, err}}
}

// Under is Within as one error, which joins them.
func Under(field string, err error) error {
	var all []error
	for _, inner := range Within(field, err) {
		all = append(all, inner)
	}
	return errors.Join(all...)
}

// NotNegative returns an error if a number is less than zero.
func NotNegative[T ~int | ~int64](field string, value T) error {
	if value < 0 {
		return Errorf(field, "%v is negative: expected 0 (the default) or more", value)
	}
	return nil
}

// Default replaces zero by the default. It returns an error if the value is less
// than zero.
func Default[T time.Duration | int64](field string, value *T, otherwise T) error {
	if *value == 0 {
		*value = otherwise
	}
	return NotNegative(field, *value)
}

// Interval returns an error if the time between things that are done in the background
// is positive and less than a millisecond, as a number without a unit is.
func Interval(field string, value time.Duration) error {
	if 0 < value && value < time.Millisecond {
		return Errorf(field, "%v is too short: expected at least 1ms; a number without a unit counts nanoseconds", value)
	}
	return nil
}

// Retry is Default for FirstRetry, 1 s, and MaxRetry, 60 s. It also returns an
// error if FirstRetry exceeds MaxRetry.
func Retry(first, limit *time.Duration) error {
	err := errors.Join(Default("FirstRetry", first, time.Second), Default("MaxRetry", limit, 60*time.Second))
	if err == nil && *first > *limit {
		return Errorf("FirstRetry", "%v is too long: expected at most MaxRetry, which is %v", *first, *limit)
	}
	return err
}

// Missing reports whether a setting whose type is an interface is nil, or holds a
// nil pointer, map, slice, channel or function.
func Missing(v any) bool {
	if v == nil {
		return true
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan:
		return value.IsNil()
	}
	return false
}
