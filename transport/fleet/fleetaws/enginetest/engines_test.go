// Package enginetest tests package fleetaws on gofakes3, an S3 in the test process, and
// on dynalite, a DynamoDB that it starts. It is a module of its own, so that what these
// need is not required by those who use fleetaws.
package enginetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
)

const (
	region = "eu-central-1"
	bucket = "flags"
	table  = "flags"
)

// startS3 starts an S3 in the test process, with a bucket, and returns its
// address.
func startS3(t testing.TB) (endpoint string) {
	t.Helper()
	store := s3mem.New()
	if err := store.CreateBucket(bucket); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(store).Server())
	t.Cleanup(server.Close)
	return server.URL
}

// startDynamoDB starts dynalite with a table, and returns its address. It skips the
// test if there is no dynalite.
func startDynamoDB(t testing.TB) (endpoint string) {
	t.Helper()
	program, err := exec.LookPath("dynalite")
	if err != nil {
		t.Skip("NO DYNALITE: install it, with npm install -g dynalite; this test is NOT run")
	}
	port, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	host, number, _ := net.SplitHostPort(port.Address)
	process := exec.Command(program, "--host", host, "--port", number, "--createTableMs", "0")
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Kill(process) })
	endpoint = "http://" + port.Address
	testkit.Eventually(t, "dynalite has the table", func() bool { return createTable(t, endpoint) })
	return endpoint
}

// createTable creates the table that the documentation describes, and reports
// whether the server has done so.
func createTable(t testing.TB, endpoint string) bool {
	t.Helper()
	body := []byte(documentedTable(t))
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810.CreateTable")
	credentials, _ := static.Retrieve(t.Context())
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, req, hex.EncodeToString(sum[:]), "dynamodb", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false // it does not listen yet
	}
	defer resp.Body.Close()
	if text, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("dynalite does not create the table: %s", text)
	}
	return true
}

// documentedTable returns the request that the command in the documentation makes.
func documentedTable(t testing.TB) string {
	t.Helper()
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
	return fmt.Sprintf(`{"TableName":%q,"BillingMode":%q,"AttributeDefinitions":%s,"KeySchema":%s}`,
		option("table-name"), option("billing-mode"), object("attribute-definitions"), object("key-schema"))
}

// newS3 returns a backend on an S3.
func newS3(t testing.TB, endpoint string, client *http.Client) *fleetaws.S3 {
	t.Helper()
	s, err := fleetaws.NewS3(fleetaws.S3Config{Bucket: bucket, Region: region, Credentials: static, Endpoint: endpoint, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.CloseIdleConnections)
	return s
}

// newDynamoDB returns a backend on a DynamoDB.
func newDynamoDB(t testing.TB, endpoint string, eventually bool, client *http.Client) *fleetaws.DynamoDB {
	t.Helper()
	d, err := fleetaws.NewDynamoDB(fleetaws.DynamoDBConfig{
		Table: table, Region: region, Credentials: static, Endpoint: endpoint, EventuallyConsistent: eventually, HTTPClient: client,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.CloseIdleConnections)
	return d
}

// static are credentials that both servers accept.
var static = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "reader", SecretAccessKey: "secret"}, nil
})
