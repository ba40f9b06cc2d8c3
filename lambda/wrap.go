package lambda

import (
	"context"
	"encoding/json"
	"reflect"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Wrap returns a handler for aws-lambda-go that serves invocations as [Start]
// does. It panics if the client is nil.
//
// Wrap accepts the same handlers as aws-lambda-go's Start. aws-lambda-go decodes
// the payloads, and responses, errors and panics are the same as without Wrap. Wrap
// returns an invalid handler unchanged, so that aws-lambda-go reports the error.
//
// Wrap must be the outermost wrapper, because aws-lambda-go must close its response.
// If the handler is an aws-lambda-go Handler, only Invoke is called, with the
// payload without white space around it. Pass functions to Wrap directly, not the
// result of NewHandler, which loses content types and the base context.
func Wrap(client *ffc.Client, handler any, opts ...Option) any {
	return wrapperFor(client, opts).wrap(handler)
}

// wrapperFor returns a wrapper with these options.
func wrapperFor(client *ffc.Client, opts []Option) *wrapper {
	if client == nil {
		panic("lambda: the client is nil: see the error of ffc.New")
	}
	s := settings{margin: -1}
	for _, opt := range opts {
		if opt != nil {
			opt(&s)
		}
	}
	return newWrapper(client, s)
}

// wrap returns a handler that serves invocations with the client. It returns an
// invalid handler unchanged, for aws-lambda-go to reject.
func (w *wrapper) wrap(handler any) any {
	if h, ok := handler.(awslambda.Handler); ok {
		return w.wrapHandler(h)
	}
	if f, ok := functionOf(handler); ok {
		return w.wrapFunction(f)
	}
	return handler
}

func (w *wrapper) wrapHandler(h awslambda.Handler) any {
	return func(ctx context.Context, payload json.RawMessage) (*response, error) {
		r := w.begin(ctx)
		defer r.handled()
		body, err := h.Invoke(ctx, payload)
		r.setBytes(body)
		return r.result(err)
	}
}

// wrapFunction returns a function with the same input, so that aws-lambda-go
// decodes the payload for it, or skips the payload if the function has no input.
func (w *wrapper) wrapFunction(f *function) any {
	if f.in == nil {
		return func(ctx context.Context) (*response, error) {
			return w.call(ctx, f, []reflect.Value{reflect.ValueOf(&ctx).Elem()})
		}
	}
	outer := reflect.FuncOf([]reflect.Type{contextType, f.in}, []reflect.Type{reflect.TypeFor[*response](), errorType}, false)
	return reflect.MakeFunc(outer, func(args []reflect.Value) []reflect.Value {
		r, err := w.call(args[0].Interface().(context.Context), f, args)
		results := args // reuse the slice: it has two elements and is no longer needed
		results[0], results[1] = reflect.ValueOf(r), noError
		if err != nil {
			failure := err // a copy, so that err does not escape to the heap
			results[1] = reflect.ValueOf(&failure).Elem()
		}
		return results
	}).Interface()
}

var noError = reflect.Zero(errorType)

// call serves an invocation with a function. The arguments are the context and
// the input, if there is one.
func (w *wrapper) call(ctx context.Context, f *function, args []reflect.Value) (*response, error) {
	r := w.begin(ctx)
	defer r.handled()
	value, err := f.call(args)
	if err == nil {
		err = r.encode(value)
	}
	return r.result(err)
}
