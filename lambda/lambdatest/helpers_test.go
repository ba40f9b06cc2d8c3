package lambdatest_test

import (
	"context"
	"io"
	"log"
	"os"
	"strings"
	"testing"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

func TestMain(m *testing.M) {
	lambdatest.Function("echo", func() { awslambda.Start(echo) })
	lambdatest.Function("term", func() { // answers when SIGTERM has come
		awslambda.StartWithOptions(echo, awslambda.WithEnableSIGTERM(func() {
			_ = os.WriteFile(os.Getenv("TEST_FILE"), []byte("SIGTERM"), 0o600)
		}))
	})
	lambdatest.Function("sleep", func() { awslambda.Start(func() { select {} }) })
	log.SetOutput(io.Discard) // aws-lambda-go logs each error of a handler
	os.Exit(m.Run())
}

func echo(_ context.Context, v any) (any, error) { return v, nil }

func newRuntime(t testing.TB) *lambdatest.Runtime {
	rt := lambdatest.NewRuntime()
	t.Cleanup(rt.Close)
	return rt
}

// names is a timeline without times.
func names(timeline []lambdatest.Entry) string {
	var list []string
	for _, e := range timeline {
		list = append(list, e.Name)
	}
	return strings.Join(list, " ")
}
