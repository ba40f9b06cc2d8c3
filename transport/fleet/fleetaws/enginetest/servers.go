// Package enginetest starts the servers that stand for AWS in tests and in relay/soak:
// gofakes3, an S3 in the process, dynalite, a DynamoDB, and fauxqs, an SQS. Its own tests run package
// fleetaws on them. It is a module of its own, so that what these servers need is not
// required by those who use fleetaws.
package enginetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
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
	// tableRequest makes the table that docs/fleet.md describes.
	tableRequest = `{"TableName":"` + table + `","BillingMode":"PAY_PER_REQUEST",` +
		`"AttributeDefinitions":[{"AttributeName":"name","AttributeType":"S"}],"KeySchema":[{"AttributeName":"name","KeyType":"HASH"}]}`
)

// Server is a server that was started. Close ends it.
type Server struct {
	Endpoint string // its address, which begins with http://
	Close    func()
}

// StartS3 starts an S3 in this process, on loopback, with an empty bucket.
func StartS3() (*Server, error) {
	store := s3mem.New()
	if err := store.CreateBucket(bucket); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	server := &http.Server{Handler: gofakes3.New(store).Server(), ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // returns ErrServerClosed
	}()
	return &Server{"http://" + listener.Addr().String(), func() { _ = server.Close(); <-ended }}, nil
}

// ErrNoDynalite is the error of StartDynamoDB if dynalite is not installed.
var ErrNoDynalite = errors.New("NO DYNALITE: install it, with npm install -g dynalite; what needs it is NOT run")

// StartDynamoDB starts a dynalite on loopback, and waits at most 20 s until it has
// an empty table.
func StartDynamoDB() (*Server, error) {
	s, err := start("dynalite", ErrNoDynalite, func(program, host, port string) *exec.Cmd {
		return exec.Command(program, "--host", host, "--port", port, "--createTableMs", "0")
	})
	if err != nil {
		return nil, err
	}
	if err := createTable(s.Endpoint); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// createTable creates the table.
func createTable(endpoint string) error {
	_, err := call(endpoint, "dynamodb", "DynamoDB_20120810.CreateTable", tableRequest)
	return err
}

// onlyOn makes a program of node listen at one address instead of all.
const onlyOn = `import net from "node:net"
const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (at, ...rest) { return listen.call(this, { ...at, host: %q }, ...rest) }`

// ErrNoFauxqs is the error of StartSQS if fauxqs is not installed.
var ErrNoFauxqs = errors.New("NO FAUXQS: install it, with npm install -g fauxqs@1.9.2; what needs it is NOT run")

// StartSQS starts a fauxqs on loopback, and waits at most 20 s until it responds. It has
// no queue: see NewQueue.
func StartSQS() (*Server, error) {
	return start("fauxqs", ErrNoFauxqs, func(program, host, port string) *exec.Cmd {
		process := exec.Command(program)
		process.Env = append(process.Environ(), "FAUXQS_PORT="+port, "FAUXQS_LOGGER=false",
			"NODE_OPTIONS=--import=data:text/javascript,"+url.PathEscape(fmt.Sprintf(onlyOn, host)))
		return process
	})
}

// start starts a program on a port of loopback, and waits at most 20 s until it accepts
// connections. missing is the error if the program is not installed.
func start(name string, missing error, command func(program, host, port string) *exec.Cmd) (*Server, error) {
	program, err := exec.LookPath(name)
	if err != nil {
		return nil, missing
	}
	port, err := testkit.NewPort()
	if err != nil {
		return nil, err
	}
	host, number, err := net.SplitHostPort(port.Address)
	if err != nil {
		port.Close()
		return nil, err
	}
	process := command(program, host, number)
	if err := process.Start(); err != nil {
		port.Close()
		return nil, err
	}
	s := &Server{"http://" + port.Address, func() { testkit.Kill(process); port.Close() }}
	if err := testkit.AwaitAccepts(port.Address); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

// NewQueue creates a queue on an SQS that StartSQS has started, and returns its address.
func NewQueue(endpoint, name string) (queueURL string, err error) {
	text, err := call(endpoint, "sqs", "AmazonSQS.CreateQueue", fmt.Sprintf(`{"QueueName":%q}`, name))
	if err != nil {
		return "", err
	}
	var response struct {
		QueueURL string `json:"QueueUrl"`
	}
	err = json.Unmarshal(text, &response)
	return response.QueueURL, err
}

// Messages waits for messages in a queue, and returns their bodies, without those that
// it has returned before.
func Messages(ctx context.Context, endpoint, queueURL string) (bodies []string, err error) {
	for len(bodies) == 0 {
		text, err := call(endpoint, "sqs", "AmazonSQS.ReceiveMessage",
			fmt.Sprintf(`{"QueueUrl":%q,"MaxNumberOfMessages":10,"WaitTimeSeconds":1,"VisibilityTimeout":3600}`, queueURL))
		if err != nil {
			return nil, err
		}
		var response struct{ Messages []struct{ Body string } }
		if err := json.Unmarshal(text, &response); err != nil {
			return nil, err
		}
		for _, m := range response.Messages {
			bodies = append(bodies, m.Body)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return bodies, nil
}

// call sends a signed request to a service with a JSON protocol.
func call(endpoint, service, target, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader([]byte(body)))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", target)
	credentials, _ := static.Retrieve(ctx)
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, req, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", target, resp.Status, text)
	}
	return text, err
}

// NewSQS returns a queue on an SQS that StartSQS has started. client may be nil. hide is
// fleetaws.SQSConfig.Hide.
func NewSQS(endpoint, queueURL string, hide time.Duration, client *http.Client) (*fleetaws.SQS, error) {
	return fleetaws.NewSQS(fleetaws.SQSConfig{
		QueueURL: queueURL, Region: region, Credentials: static, Endpoint: endpoint, HTTPClient: client, Hide: hide,
	})
}

// NewS3 returns a backend on an S3 that StartS3 has started. client may be nil.
func NewS3(endpoint string, client *http.Client) (*fleetaws.S3, error) {
	return fleetaws.NewS3(fleetaws.S3Config{Bucket: bucket, Region: region, Credentials: static, Endpoint: endpoint, HTTPClient: client})
}

// NewDynamoDB returns a backend on a DynamoDB that StartDynamoDB has started. client
// may be nil. eventually is fleetaws.DynamoDBConfig.EventuallyConsistent.
func NewDynamoDB(endpoint string, eventually bool, client *http.Client) (*fleetaws.DynamoDB, error) {
	return fleetaws.NewDynamoDB(fleetaws.DynamoDBConfig{
		Table: table, Region: region, Credentials: static, Endpoint: endpoint, EventuallyConsistent: eventually, HTTPClient: client,
	})
}

// static are credentials that the servers accept.
var static = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "reader", SecretAccessKey: "secret"}, nil
})
