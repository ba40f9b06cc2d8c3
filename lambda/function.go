package lambda

import (
	"context"
	"reflect"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// function is a handler that is a function.
type function struct {
	value        reflect.Value
	takesContext bool
	in           reflect.Type // nil if it has no input
}

// functionOf returns the handler if it is a function that aws-lambda-go accepts.
func functionOf(handler any) (*function, bool) {
	f := &function{value: reflect.ValueOf(handler)}
	if f.value.Kind() != reflect.Func {
		return nil, false
	}
	t := f.value.Type()
	return f, f.setInputs(t) && returnsAreValid(t)
}

func (f *function) setInputs(t reflect.Type) (valid bool) {
	switch t.NumIn() {
	case 0:
		return true
	case 1:
		if in := t.In(0); in.Kind() != reflect.Interface || in.NumMethod() == 0 {
			f.in = in
			return true
		}
	case 2:
		f.in = t.In(1)
	default:
		return false
	}
	f.takesContext = isContext(t.In(0))
	return f.takesContext
}

// isContext reports whether t is context.Context or another interface with the same
// methods.
func isContext(t reflect.Type) bool {
	return t.Kind() == reflect.Interface && contextType.Implements(t) && t.Implements(contextType)
}

func returnsAreValid(t reflect.Type) bool {
	n := t.NumOut()
	return n == 0 || n <= 2 && t.Out(n-1).Implements(errorType)
}

// call calls the handler. args begin with the context, even if the handler takes
// none.
func (f *function) call(args []reflect.Value) (value any, err error) {
	if !f.takesContext {
		args = args[1:]
	}
	results := f.value.Call(args)
	if len(results) == 0 {
		return nil, nil
	}
	// A nil pointer of a concrete error type is an error, too.
	if err, _ = results[len(results)-1].Interface().(error); err != nil {
		return nil, err
	}
	if len(results) == 2 {
		value = results[0].Interface()
	}
	return value, nil
}
