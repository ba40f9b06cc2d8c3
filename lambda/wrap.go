package lambda

import (
	"context"
	"encoding/json"
	"reflect"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Wrap returns a handler for aws-lambda-go that serves invocations as [Start]
// does. It panics when the client is nil.
//
// Handler is what aws-lambda-go's Start takes. Payloads are decoded by
// aws-lambda-go, and responses, errors and panics are what they would be
// without Wrap. A handler that aws-lambda-go would refuse is returned as it is,
// for aws-lambda-go to refuse.
//
// Wrap goes outermost, around the wrappers of others: it needs aws-lambda-go to
// close its response. Of an aws-lambda-go Handler only Invoke is called, with
// the payload less white space around it. Give Wrap functions themselves rather
// than what NewHandler makes of them, which would lose content types and the
// base context.
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

// wrap returns a handler that serves invocations with the client, or the handler
// as it is if aws-lambda-go would refuse it.
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
		return r.answer(err)
	}
}

// wrapFunction returns a function with the same input, so that aws-lambda-go
// decodes that, or leaves the payload alone if there is none.
func (w *wrapper) wrapFunction(f *function) any {
	if f.in == nil {
		return func(ctx context.Context) (*response, error) {
			return w.call(ctx, f, []reflect.Value{reflect.ValueOf(&ctx).Elem()})
		}
	}
	outer := reflect.FuncOf([]reflect.Type{contextType, f.in}, []reflect.Type{reflect.TypeFor[*response](), errorType}, false)
	return reflect.MakeFunc(outer, func(args []reflect.Value) []reflect.Value {
		r, err := w.call(args[0].Interface().(context.Context), f, args)
		results := args // two as well, and done with
		results[0], results[1] = reflect.ValueOf(r), noError
		if err != nil {
			failure := err // so that err need not be on the heap
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
	return r.answer(err)
}
