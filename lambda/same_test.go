package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"

	awslambda "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

type order struct {
	ID    string            `json:"id"`
	Items []int             `json:"items,omitempty"`
	Note  string            `json:"note,omitempty"`
	Extra map[string]string `json:"extra,omitempty"`
}

type myError struct{ code int }

func (e *myError) Error() string {
	if e == nil {
		return "nil of a concrete type"
	}
	return fmt.Sprintf("code %d", e.code)
}

type valueError string

func (e valueError) Error() string { return string(e) }

// shouting is a Handler.
type shouting struct{}

func (shouting) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	if bytes.Contains(payload, []byte("fail")) {
		return nil, &myError{7}
	}
	return bytes.ToUpper(payload), nil
}

// page is a stream with a type of its own.
type page struct {
	io.Reader
	closed *bool
}

func (page) ContentType() string            { return "text/html; charset=utf-8" }
func (p page) MarshalJSON() ([]byte, error) { return []byte("{}"), nil }
func (p page) Close() error {
	if p.closed != nil {
		*p.closed = true
	}
	return nil
}

// plain is a reader that JSON can encode, to something.
type plain struct{ Text string }

func (plain) Read([]byte) (int, error) { return 0, io.EOF }

// broken breaks off.
type broken struct {
	io.Reader
	err error
}

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		err = b.err
	}
	return n, err
}

type unencodable struct{ C chan int }

type refusing struct{}

func (refusing) UnmarshalJSON([]byte) error   { return errors.New("this type refuses") }
func (refusing) MarshalJSON() ([]byte, error) { return nil, errors.New("this type refuses") }

type panicking struct{}

func (panicking) MarshalJSON() ([]byte, error) { panic("while encoding") }

type myContext interface{ context.Context }

// handlers are of every kind that aws-lambda-go takes, and some that it does
// not.
var handlers = map[string]any{
	"func()":                           func() {},
	"func(TIn)":                        func(order) {},
	"func() error":                     func() error { return nil },
	"func() error, fails":              func() error { return errors.New("failed") },
	"func(TIn) error":                  func(o order) error { return &myError{len(o.Items)} },
	"func() (TOut, error)":             func() (order, error) { return order{ID: "7"}, nil },
	"func(TIn) (TOut, error)":          func(o order) (order, error) { return o, nil },
	"func(Context)":                    func(context.Context) {},
	"func(Context) error":              func(context.Context) error { return valueError("of a value type") },
	"func(Context) (TOut, error)":      func(context.Context) (*order, error) { return &order{ID: "8"}, nil },
	"func(Context, TIn)":               func(context.Context, order) {},
	"func(Context, TIn) error":         func(context.Context, order) error { return nil },
	"func(Context, TIn) (TOut, error)": func(_ context.Context, o order) (order, error) { return o, nil },
	"value and error":                  func(order) (order, error) { return order{ID: "lost"}, errors.New("failed") },
	"any":                              func(v any) (any, error) { return v, nil },
	"Context, any":                     func(_ context.Context, v any) (any, error) { return v, nil },
	"pointer":                          func(o *order) (*order, error) { return o, nil },
	"string":                           func(s string) (string, error) { return s, nil },
	"int":                              func(n int) (int, error) { return n + 1, nil },
	"raw":                              func(raw json.RawMessage) (json.RawMessage, error) { return raw, nil },
	"bytes":                            func(b []byte) ([]byte, error) { return b, nil },
	"context by another name":          func(ctx myContext, o order) (order, error) { return o, ctx.Err() },
	"context alone, by another name":   func(ctx myContext) error { return ctx.Err() },
	"concrete error":                   func() *myError { return nil },
	"concrete error of two":            func() (int, *myError) { return 1, &myError{2} },
	"HTML":                             func() (string, error) { return "<b>&</b>\u2028", nil },
	"null":                             func() (*order, error) { return nil, nil },
	"nil any":                          func() (any, error) { return nil, nil },
	"empty struct":                     func() (struct{}, error) { return struct{}{}, nil },
	"channel":                          func() (chan int, error) { return make(chan int), nil },
	"unencodable":                      func() (unencodable, error) { return unencodable{}, nil },
	"refuses to be encoded":            func() (refusing, error) { return refusing{}, nil },
	"refuses to be decoded":            func(refusing) error { return nil },
	"panics while encoding":            func() (panicking, error) { return panicking{}, nil },
	"panics":                           func() error { panic("at the handler") },
	"panics with an error":             func(order) error { panic(&myError{3}) },
	"panics with Lambda's error":       func() error { panic(messages.InvokeResponse_Error{Type: "Mine", Message: "m"}) },
	"nil map":                          func() error { order{}.Extra["a"] = "1"; return nil },
	"Lambda's error":                   func() error { return messages.InvokeResponse_Error{Type: "Mine", Message: "m"} },
	"wrapped error":                    func() error { return fmt.Errorf("because: %w", io.ErrUnexpectedEOF) },
	"reader":                           func() (io.Reader, error) { return strings.NewReader("<html>"), nil },
	"nil reader":                       func() (io.Reader, error) { return nil, nil },
	"nil reader of a type":             func() (*bytes.Buffer, error) { return nil, nil },
	"buffer":                           func() (*bytes.Buffer, error) { return bytes.NewBufferString("text"), nil },
	"large reader":                     func() (io.Reader, error) { return strings.NewReader(strings.Repeat("x", 3<<20)), nil },
	"reader with a type":               func() (page, error) { return page{Reader: strings.NewReader("<html>")}, nil },
	"reader that is JSON":              func() (plain, error) { return plain{"text"}, nil },
	"reader that is no JSON": func() (any, error) {
		return struct {
			io.Reader
			C chan int
		}{strings.NewReader("text"), nil}, nil
	},
	"reader that breaks off": func() (io.Reader, error) { return broken{strings.NewReader("half"), &myError{4}}, nil },
	"reader and error":       func() (io.Reader, error) { return strings.NewReader("text"), errors.New("failed") },
	"Handler":                shouting{},
	"Handler by pointer":     &shouting{},
	"variadic":               func(context.Context, ...string) error { return nil },
	"nil func":               (func() error)(nil),

	"invalid: nil":           nil,
	"invalid: no func":       order{},
	"invalid: three inputs":  func(context.Context, int, int) {},
	"invalid: no context":    func(int, int) {},
	"invalid: any, int":      func(any, int) {},
	"invalid: reader":        func(io.Reader) {},
	"invalid: three outputs": func() (int, int, error) { return 0, 0, nil },
	"invalid: no error":      func() int { return 0 },
	//lint:ignore ST1008 it is invalid for aws-lambda-go as well
	"invalid: error first": func() (error, int) { return nil, 0 },
}

var payloads = []string{
	`{"id":"1","items":[1,2],"note":"<&>","extra":{"b":"2","a":"1"}}`, `{"id":1}`, `"text"`, `41`, `null`, `{}`, `[]`, `"ZmFpbA=="`, `"fail"`, `{"id"`, ``, `x`,
}

// TestSame: what reaches Lambda, through aws-lambda-go's own loop, is byte for
// byte what it is without Wrap.
func TestSame(t *testing.T) {
	client := offline(t)
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			payloads := payloads
			if _, isHandler := handler.(awslambda.Handler); isHandler { // Lambda lets nothing else through
				payloads = slices.DeleteFunc(slices.Clone(payloads), func(p string) bool { return !json.Valid([]byte(p)) })
			}
			wrapped := lambda.Wrap(client, handler)
			if as, invalid := reflect.TypeOf(wrapped) == reflect.TypeOf(handler), strings.HasPrefix(name, "invalid"); as != invalid {
				t.Errorf("Wrap returned a %T for a %T", wrapped, handler)
			}
			want, got := invoke(t, payloads, handler), invoke(t, payloads, wrapped)
			for i, payload := range payloads {
				compare(t, payload, want[i], got[i])
			}
		})
	}
}

// TestSameWithOptions: encoding options, and those of aws-lambda-go that are
// about decoding, do what they do without Wrap.
func TestSameWithOptions(t *testing.T) {
	client := offline(t)
	echo := func(ctx context.Context, v any) (any, error) {
		return []any{fmt.Sprintf("%T", v), v, ctx.Value("key")}, nil
	}
	strict := func(o order) (order, error) { return o, nil }
	tests := []struct {
		name    string
		handler any
		aws     []awslambda.Option
		ours    []lambda.Option
	}{
		{name: "escape", handler: echo, aws: []awslambda.Option{awslambda.WithSetEscapeHTML(true)}, ours: []lambda.Option{lambda.EscapeHTML()}},
		{name: "indent", handler: echo, aws: []awslambda.Option{awslambda.WithSetIndent(">", "\t")}, ours: []lambda.Option{lambda.Indent(">", "\t")}},
		{name: "prefix only", handler: echo, aws: []awslambda.Option{awslambda.WithSetIndent(">", "")}, ours: []lambda.Option{lambda.Indent(">", "")}},
		{name: "indent and reader", handler: handlers["reader with a type"], aws: []awslambda.Option{awslambda.WithSetIndent(">", "\t")}, ours: []lambda.Option{lambda.Indent(">", "\t")}},
		{name: "numbers", handler: echo, aws: []awslambda.Option{awslambda.WithUseNumber(true)}},
		{name: "unknown fields", handler: strict, aws: []awslambda.Option{awslambda.WithDisallowUnknownFields(true)}},
		{name: "context", handler: echo, aws: []awslambda.Option{awslambda.WithContextValue("key", "value")}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			payloads := append(slices.Clone(payloads), `{"id":"1","unknown":1.50}`)
			want, got := invoke(t, payloads, test.handler, test.aws...), invoke(t, payloads, lambda.Wrap(client, test.handler, test.ours...), test.aws...)
			for i, payload := range payloads {
				compare(t, payload, want[i], got[i])
			}
		})
	}
}

// TestStreamIsClosed: Wrap closes the stream of a handler as aws-lambda-go does,
// and events of the stream leave after it.
func TestStreamIsClosed(t *testing.T) {
	e := newEnvironment(t, nil)
	closed := false
	stream := func() (io.Reader, error) {
		during := readerFunc(func([]byte) (int, error) {
			e.client.Variation(context.Background(), "a", ffc.NewUser("ann"), "")
			return 0, io.EOF
		})
		return page{Reader: during, closed: &closed}, nil
	}
	e.runtime.Start(func() { awslambda.Start(lambda.Wrap(e.client, stream, lambda.BeforeResponse())) })
	inv := e.invoke(`{}`)
	if got, want := names(inv.Timeline), "invoke response events delivered next"; got != want || !closed {
		t.Errorf("order is %s, want %s; closed: %v", got, want, closed)
	}
	e.checkBooks(1)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestTwice: a handler that is wrapped twice works as one that is wrapped once.
func TestTwice(t *testing.T) {
	client := offline(t)
	for _, name := range []string{"func(Context, TIn) (TOut, error)", "reader with a type", "Handler", "panics"} {
		want, got := invoke(t, payloads[:1], handlers[name]), invoke(t, payloads[:1], lambda.Wrap(client, lambda.Wrap(client, handlers[name])))
		compare(t, name, want[0], got[0])
	}
}

func offline(t testing.TB) *ffc.Client {
	t.Helper()
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// invoke lets a function serve one invocation after the other.
func invoke(t *testing.T, payloads []string, handler any, opts ...awslambda.Option) (list []lambdatest.Invocation) {
	t.Helper()
	var rt *lambdatest.Runtime
	defer func() { rt.Close() }()
	for i, payload := range payloads {
		if i == 0 || list[i-1].End == lambdatest.Exited {
			if rt != nil {
				rt.Close()
			}
			rt = lambdatest.NewRuntime()
			rt.Start(func() { awslambda.StartWithOptions(handler, opts...) })
		}
		list = append(list, rt.Invoke(testkit.Within(t), []byte(payload)))
	}
	return list
}

// compare fails the test unless two invocations look the same to Lambda.
func compare(t *testing.T, payload string, want, got lambdatest.Invocation) {
	t.Helper()
	if want.RequestID == "" || want.End == "" {
		t.Fatalf("the invocation did not work: %+v", want)
	}
	if got.End != want.End || got.ContentType != want.ContentType || !bytes.Equal(got.Response, want.Response) || (got.Response == nil) != (want.Response == nil) {
		t.Errorf("with %.100s: got %s %q %.200q\nwant %s %q %.200q", payload, got.End, got.ContentType, got.Response, want.End, want.ContentType, want.Response)
	}
	if before, after := names(want.Timeline), names(got.Timeline); before != after {
		t.Errorf("with %.100s: got %s\nwant %s", payload, after, before)
	}
	var gotErr, wantErr *lambdatest.FunctionError
	if errors.As(want.Err, &wantErr) != errors.As(got.Err, &gotErr) || (want.Err == nil) != (got.Err == nil) {
		t.Fatalf("with %.100s: got error %v\nwant %v", payload, got.Err, want.Err)
	}
	if wantErr == nil {
		return
	}
	if len(wantErr.StackTrace) == 0 {
		if !bytes.Equal(gotErr.Payload, wantErr.Payload) {
			t.Errorf("with %.100s: got error %s\nwant %s", payload, gotErr.Payload, wantErr.Payload)
		}
		return
	}
	// A panic. Below the handler the stack is ours, above it is the same.
	if gotErr.Type != wantErr.Type || gotErr.Message != wantErr.Message {
		t.Errorf("with %.100s: got panic %v\nwant %v", payload, gotErr, wantErr)
	}
	wantStack, gotStack := stack(t, wantErr), stack(t, gotErr)
	n := 0
	for n < len(wantStack) && !strings.HasPrefix(wantStack[n].Path, "reflect/") && !strings.HasPrefix(wantStack[n].Label, "reflectHandler") {
		n++
	}
	if n == 0 || len(gotStack) < n || fmt.Sprint(gotStack[:n]) != fmt.Sprint(wantStack[:n]) {
		t.Errorf("with %.100s: got stack %.1000s\nwant %.1000s", payload, fmt.Sprint(gotStack), fmt.Sprint(wantStack[:n]))
	}
}

type frame struct {
	Path, Label string
	Line        int
}

func stack(t *testing.T, e *lambdatest.FunctionError) (frames []frame) {
	t.Helper()
	if err := json.Unmarshal(e.StackTrace, &frames); err != nil {
		t.Fatal(err)
	}
	return frames
}
