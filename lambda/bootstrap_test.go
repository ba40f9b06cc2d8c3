//go:build unix

package lambda_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// TestBootstrap builds the example as for Lambda and lets it serve an API
// Gateway, as a process that is frozen between invocations.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-o", bootstrap, "../examples/lambda")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("checkout-button").Variations("green", "orange").Target("orange", "ann"), ffctest.Flag("discount").Variations("15", "0")))
	defer platform.Close()
	rt := lambdatest.NewRuntime()
	defer rt.Close()
	cmd := exec.CommandContext(t.Context(), bootstrap)
	cmd.Env = append(os.Environ(), "FFC_ENV_SECRET="+platform.EnvSecret, "FFC_BASE_URL="+platform.URL)
	if _, err := rt.StartProcess(cmd); err != nil {
		t.Fatal(err)
	}
	inv := rt.Invoke(within(t), []byte(`{"version":"2.0","routeKey":"GET /checkout","queryStringParameters":{"user":"ann"}}`))
	if inv.Err != nil || !strings.Contains(string(inv.Response), `{\"button\":\"orange\",\"discount\":15}`) {
		t.Errorf("response %s, error %v", inv.Response, inv.Err)
	}
	if n := len(platform.Events()); n != 2 {
		t.Errorf("%d events left before the freeze, want 2", n)
	}
}
