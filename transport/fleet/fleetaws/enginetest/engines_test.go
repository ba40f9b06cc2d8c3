package enginetest

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
)

// startS3 starts an S3 until the test ends.
func startS3(t testing.TB) (endpoint string) {
	t.Helper()
	return started(t, StartS3)
}

// startDynamoDB starts a DynamoDB until the test ends. It skips the test if there is
// no dynalite.
func startDynamoDB(t testing.TB) (endpoint string) {
	t.Helper()
	return started(t, StartDynamoDB)
}

func started(t testing.TB, start func() (*Server, error)) (endpoint string) {
	t.Helper()
	s, err := start()
	if errors.Is(err, ErrNoDynalite) || errors.Is(err, ErrNoFauxqs) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s.Endpoint
}

// The table is the one that the command in the documentation makes.
func TestTableIsTheDocumentedOne(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "fleet.md"))
	if err != nil {
		t.Fatal(err)
	}
	option := func(name string) string {
		m := regexp.MustCompile(`aws dynamodb create-table[^\x60]*? --` + name + ` (\S+)`).FindSubmatch(text)
		if m == nil {
			t.Fatalf("docs/fleet.md has no command that creates a table, or no option --%s in it", name)
		}
		return string(m[1])
	}
	object := func(name string) string {
		return "[{" + regexp.MustCompile(`(\w+)=(\w+)`).ReplaceAllString(option(name), `"$1":"$2"`) + "}]"
	}
	documented := fmt.Sprintf(`{"TableName":%q,"BillingMode":%q,"AttributeDefinitions":%s,"KeySchema":%s}`,
		option("table-name"), option("billing-mode"), object("attribute-definitions"), object("key-schema"))
	if documented != tableRequest {
		t.Errorf("the tests create\n%s\nand docs/fleet.md\n%s", tableRequest, documented)
	}
}

// newS3 returns a backend on an S3.
func newS3(t testing.TB, endpoint string, client *http.Client) *fleetaws.S3 {
	t.Helper()
	s, err := NewS3(endpoint, client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.CloseIdleConnections)
	return s
}

// newDynamoDB returns a backend on a DynamoDB.
func newDynamoDB(t testing.TB, endpoint string, eventually bool, client *http.Client) *fleetaws.DynamoDB {
	t.Helper()
	d, err := NewDynamoDB(endpoint, eventually, client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.CloseIdleConnections)
	return d
}
