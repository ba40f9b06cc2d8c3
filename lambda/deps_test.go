package lambda_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// TestBuildForLambda: a program for Lambda has nothing that is for tests.
func TestBuildForLambda(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "lambda.norpc", "../examples/lambda").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	linked := strings.Fields(string(out))
	if !slices.Contains(linked, "github.com/aws/aws-lambda-go/lambda") {
		t.Fatal("the program is not one for Lambda")
	}
	for _, pkg := range linked {
		if strings.HasSuffix(pkg, "/ffctest") || strings.HasSuffix(pkg, "/lambdatest") ||
			slices.Contains([]string{"testing", "net/rpc", "net/http/httptest", "text/template", "html/template", "github.com/coder/websocket"}, pkg) {
			t.Errorf("it links %s", pkg)
		}
	}
}
