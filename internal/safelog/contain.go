package safelog

import "fmt"

// Contain calls a function that is part of the application, and returns its error. It
// turns a panic into an error with the type of the panic's value: the text may hold a
// secret. what names the function.
func Contain(what string, f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s panicked with a %T", what, v)
		}
	}()
	return f()
}
