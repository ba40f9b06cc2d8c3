package ffc_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// zeroValues are pointers to the zero values of exported types, by
// package.Type.
func zeroValues() map[string]any {
	return map[string]any{
		"ffc.AllFlags": new(ffc.AllFlags), "ffc.Attr": new(ffc.Attr), "ffc.Client": new(ffc.Client), "ffc.Config": new(ffc.Config), "ffc.ConfigError": new(ffc.ConfigError),
		"ffc.Detail": new(ffc.Detail[string]), "ffc.Evaluation": new(ffc.Evaluation), "ffc.Explanation": new(ffc.Explanation),
		"ffc.ExplainedClause": new(ffc.ExplainedClause), "ffc.ExplainedPrerequisite": new(ffc.ExplainedPrerequisite),
		"ffc.ExplainedRollout": new(ffc.ExplainedRollout), "ffc.ExplainedRule": new(ffc.ExplainedRule),
		"ffc.ExplainedSegment": new(ffc.ExplainedSegment), "ffc.ExplainedShare": new(ffc.ExplainedShare),
		"ffc.FallbackReasons": new(ffc.FallbackReasons), "ffc.Flags": new(ffc.Flags), "ffc.MiddlewareConfig": new(ffc.MiddlewareConfig), "ffc.Platform": new(ffc.Platform),
		"ffc.Reason": new(ffc.Reason), "ffc.State": new(ffc.State), "ffc.Stats": new(ffc.Stats), "ffc.Status": new(ffc.Status), "ffc.User": new(ffc.User), "ffc.ValueReasons": new(ffc.ValueReasons),
		"flush.Batch": new(flush.Batch), "flush.Config": new(flush.Config), "flush.Delivery": new(flush.Delivery), "flush.Dropped": new(flush.Dropped), "flush.Error": new(flush.Error), "flush.QueueSize": new(flush.QueueSize), "flush.Stats": new(flush.Stats),
		"transport.Applied": new(transport.Applied), "transport.Env": new(transport.Env), "transport.Error": new(transport.Error),
		"transport.Kind": new(transport.Kind), "transport.Mark": new(transport.Mark), "transport.Secret": new(transport.Secret), "transport.Source": new(transport.Source), "transport.Stats": new(transport.Stats),
		"poll.Transport": new(poll.Transport), "stream.Transport": new(stream.Transport),
		"lambda.Option":     new(lambda.Option),
		"ffctest.Attribute": new(ffctest.Attribute), "ffctest.Clause": new(ffctest.Clause), "ffctest.Endpoint": new(ffctest.Endpoint),
		"ffctest.Event": new(ffctest.Event), "ffctest.Failure": new(ffctest.Failure), "ffctest.FlagBuilder": new(ffctest.FlagBuilder),
		"ffctest.Platform": new(ffctest.Platform), "ffctest.HandlerConfig": new(ffctest.HandlerConfig), "ffctest.Peer": new(ffctest.Peer),
		"ffctest.Request": new(ffctest.Request), "ffctest.SegmentBuilder": new(ffctest.SegmentBuilder), "ffctest.Server": new(ffctest.Server),
		"lambdatest.Call": new(lambdatest.Call), "lambdatest.End": new(lambdatest.End), "lambdatest.Entry": new(lambdatest.Entry),
		"lambdatest.FunctionError": new(lambdatest.FunctionError), "lambdatest.Invocation": new(lambdatest.Invocation),
		"lambdatest.Process": new(lambdatest.Process), "lambdatest.Runtime": new(lambdatest.Runtime),
	}
}

// Every method of every exported type's zero value returns.
func TestMethodsOfZeroValuesReturn(t *testing.T) {
	t.Parallel()
	for name, zero := range zeroValues() {
		v := reflect.ValueOf(zero)
		_ = fmt.Sprintf("%v %+v %#v %s %d", zero, zero, zero, zero, zero)
		for i := range v.NumMethod() {
			method := v.Type().Method(i).Name
			if method == "Format" || method == "ClocksCompared" { // printed above; of export_test.go
				continue
			}
			t.Run(name+"."+method, func(t *testing.T) {
				returns(t, reflect.New(v.Type().Elem()).Method(i))
			})
		}
	}
}

// returns fails the test unless the method returns or panics in words.
func returns(t *testing.T, method reflect.Value) {
	t.Helper()
	arguments := zeroArguments(t, method.Type())
	done := make(chan any, 1)
	go func() {
		defer func() { done <- recover() }()
		method.Call(arguments)
	}()
	select {
	case problem := <-done:
		if problem != nil && !inWords(problem) {
			t.Errorf("it panicked: %v", problem)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not return")
	}
}

// Code that got no client, such as a test or a program whose New failed, must not
// crash when it evaluates a flag.
func TestMethodsOfANilClientReturn(t *testing.T) {
	t.Parallel()
	client := reflect.ValueOf((*ffc.Client)(nil))
	for i := range client.NumMethod() {
		method := client.Type().Method(i).Name
		if method == "Format" || method == "ClocksCompared" { // printed below; of export_test.go
			continue
		}
		t.Run(method, func(t *testing.T) { returns(t, client.Method(i)) })
	}
	if got, want := fmt.Sprint((*ffc.Client)(nil)), "ffc.Client(OFF)"; got != want {
		t.Errorf("printed as %s, want %s", got, want)
	}
}

// inWords reports whether a panic is one that the documentation of test doubles
// announces: for a description that makes no sense, or a request to a closed
// server.
func inWords(problem any) bool {
	text, _ := problem.(string)
	return strings.HasPrefix(text, "ffctest: ") || problem == http.ErrAbortHandler
}

// zeroArguments are arguments for a method: zero values, where they are legal.
func zeroArguments(t *testing.T, f reflect.Type) (args []reflect.Value) {
	t.Helper()
	n := f.NumIn()
	if f.IsVariadic() {
		n--
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for i := range n {
		in := f.In(i)
		switch in {
		case reflect.TypeFor[context.Context]():
			args = append(args, reflect.ValueOf(ended))
		case reflect.TypeFor[http.Handler]():
			args = append(args, reflect.ValueOf(http.NotFoundHandler()))
		case reflect.TypeFor[http.ResponseWriter]():
			args = append(args, reflect.ValueOf(httptest.NewRecorder()))
		case reflect.TypeFor[*http.Request]():
			args = append(args, reflect.ValueOf(httptest.NewRequest("GET", "/", nil)))
		case reflect.TypeFor[ffctest.Client]():
			args = append(args, reflect.ValueOf(new(ffc.Client)))
		case reflect.TypeFor[io.Writer]():
			args = append(args, reflect.ValueOf(io.Discard))
		default:
			switch in.Kind() {
			case reflect.Func:
				args = append(args, reflect.MakeFunc(in, func([]reflect.Value) (out []reflect.Value) {
					for o := range in.Outs() {
						out = append(out, reflect.Zero(o))
					}
					return out
				}))
			case reflect.Pointer:
				args = append(args, reflect.New(in.Elem()))
			default:
				args = append(args, reflect.Zero(in))
			}
		}
	}
	return args
}

// A zero Client and a nil one behave as a closed one, and the zero Flags has
// fallbacks.
func TestUnmadeClientsAndFlagsReturnFallbacks(t *testing.T) {
	t.Parallel()
	fallbacks(t, "the zero Flags", ffc.Flags{})
	for name, client := range map[string]*ffc.Client{"zero": new(ffc.Client), "nil": nil} {
		t.Run(name, func(t *testing.T) { behavesAsClosed(t, client) })
	}
}

func fallbacks(t *testing.T, name string, flags ffc.Flags) {
	t.Helper()
	ctx := t.Context()
	if d := flags.StringDetail(ctx, "f", "fallback"); d.Value != "fallback" || d.Reason != ffc.ReasonClientNotReady || d.Err != ffc.ErrNotReady {
		t.Errorf("%s: got %+v", name, d)
	}
	if !flags.Bool(ctx, "f", true) || flags.Int(ctx, "f", 7) != 7 || flags.Float(ctx, "f", 1.5) != 1.5 {
		t.Errorf("%s does not return fallbacks", name)
	}
}

func behavesAsClosed(t *testing.T, client *ffc.Client) {
	t.Helper()
	ctx, user := t.Context(), ffc.NewUser("u")
	fallbacks(t, "For", client.For(user))
	if !client.BoolVariation(ctx, "f", user, true) || client.FlagKnown("f") || client.AllVariations(ctx, user).Success {
		t.Error("it has flags")
	}
	if s := client.Status(); s.State != ffc.StateOff || s.Err != ffc.ErrClosed {
		t.Errorf("got %+v", s)
	}
	if client.Initialized() {
		t.Error("it is initialized")
	}
	for name, err := range map[string]error{
		"Track": client.Track(ctx, user, "e"), "Flush": client.Flush(ctx), "ForceFlush": client.ForceFlush(ctx),
		"Refresh": client.Refresh(ctx), "WaitReady": client.WaitReady(ctx),
	} {
		if err != ffc.ErrClosed {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := client.WriteSnapshot(io.Discard); err != ffc.ErrNotReady {
		t.Errorf("WriteSnapshot: got %v", err)
	}
	if err := client.Close(ctx); err != nil {
		t.Errorf("Close: got %v", err)
	}
	client.OnChange(func([]string) {})()
	client.OnStatus(func(ffc.Status) {})()
	response := httptest.NewRecorder()
	client.Middleware(http.NotFoundHandler()).ServeHTTP(response, httptest.NewRequest("GET", "/", nil))
	if response.Code != http.StatusNotFound {
		t.Errorf("the middleware responds with %d", response.Code)
	}
}

// TestEveryExportedTypeHasItsZeroValueTested keeps the table above complete.
func TestEveryExportedTypeHasItsZeroValueTested(t *testing.T) {
	t.Parallel()
	tested := zeroValues()
	for _, dir := range []string{"../ffc", "../ffc/ffctest", "../flush", "../transport", "../transport/poll", "../transport/stream", "../lambda", "../lambda/lambdatest"} {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", dir, err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, declaration := range file.Decls {
				types, ok := declaration.(*ast.GenDecl)
				if !ok || types.Tok != token.TYPE {
					continue
				}
				for _, spec := range types.Specs {
					spec := spec.(*ast.TypeSpec)
					full := file.Name.Name + "." + spec.Name.Name
					if _, isInterface := spec.Type.(*ast.InterfaceType); isInterface || !spec.Name.IsExported() {
						continue
					}
					if tested[full] == nil {
						t.Errorf("the zero value of %s is not tested: add it to zeroValues", full)
					}
				}
			}
		}
	}
}
