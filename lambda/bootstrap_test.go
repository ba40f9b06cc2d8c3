//go:build unix

package lambda_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// TestBootstrap builds the example as for Lambda and lets it serve an API
// Gateway, as a process that is frozen between invocations. It starts with
// anybody's secret of either platform, although its snapshot is of another
// environment.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	bootstrap := testkit.Program(t, "-tags", "lambda.norpc", "../examples/lambda")
	platforms.Each(t, func(t *testing.T, g ffctest.Platform) {
		flags := g.Snapshot(ffctest.Flag("checkout-button").Variations("green", "orange").Target("orange", "ann"), ffctest.Flag("discount").Variations("15", "0"))
		for name, data := range map[string][]byte{
			"the example's environment": flags,
			"another environment":       bytes.ReplaceAll(flags, []byte("FF__11__22__33__"), []byte("FF__7__8__9__")),
		} {
			t.Run(name, func(t *testing.T) { invokeBootstrap(t, bootstrap, g.NewServer(data)) })
		}
	})
}

func invokeBootstrap(t *testing.T, bootstrap string, platform *ffctest.Server) {
	defer platform.Close()
	rt := lambdatest.NewRuntime()
	defer rt.Close()
	cmd := exec.CommandContext(t.Context(), bootstrap)
	cmd.Env = append(os.Environ(), "FFC_ENV_SECRET="+platform.EnvSecret, "FFC_BASE_URL="+platform.URL)
	if _, err := rt.StartProcess(cmd); err != nil {
		t.Fatal(err)
	}
	inv := rt.Invoke(testkit.Within(t), []byte(`{"version":"2.0","routeKey":"GET /checkout","queryStringParameters":{"user":"ann"}}`))
	if inv.Err != nil || !strings.Contains(string(inv.Response), `{\"button\":\"orange\",\"discount\":15}`) {
		t.Errorf("response %s, error %v", inv.Response, inv.Err)
	}
	if n := len(platform.Events()); n != 2 {
		t.Errorf("%d events left before the freeze, want 2", n)
	}
}
