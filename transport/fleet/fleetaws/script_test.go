package fleetaws

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	keyID  = "AKIAIOSFODNN7EXAMPLE"
	secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	token  = "session/token+EXAMPLE=="
)

// fixed are credentials that do not change.
var fixed = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secret, SessionToken: token}, nil
})

// step is what a service responds. A step with err has no response.
type step struct {
	status int
	code   string // of an error
	header map[string]string
	body   string
	err    error
	cut    bool // the body ends with an unexpected EOF
	echo   bool // the response to a Get of what the first request wrote
}

// script is a service that responds with its steps in turn, and checks signatures.
type script struct {
	testing.TB
	service string // as in signatures
	steps   []step

	mu       sync.Mutex
	requests []request
}

// RoundTrip implements http.RoundTripper.
func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if err := verify(r, body, secret, s.service); err != nil {
		s.Errorf("%s %s: %v", r.Method, r.URL, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.requests)
	s.requests = append(s.requests, request{method: r.Method, url: *r.URL, header: r.Header, body: body})
	if n >= len(s.steps) {
		s.Errorf("request %d, expected %d: %s %s", n+1, len(s.steps), r.Method, r.URL)
		return nil, errors.New("unexpected request")
	}
	at := s.steps[n]
	if at.echo {
		at = s.stored(s.requests[0])
	}
	if at.err != nil {
		return nil, at.err
	}
	text := at.body
	switch {
	case at.code == "":
	case s.service == "s3":
		text = "<?xml version=\"1.0\"?>\n<Error><Code>" + at.code + "</Code><Message>" + leak + "</Message></Error>"
	default:
		text = `{"__type":"com.amazonaws.dynamodb.v20120810#` + at.code + `","message":"` + leak + `"}`
	}
	resp := &http.Response{StatusCode: at.status, Header: make(http.Header), ContentLength: int64(len(text)), Body: io.NopCloser(strings.NewReader(text))}
	if at.cut {
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(text), failingReader{}))
	}
	for name, value := range at.header {
		resp.Header.Set(name, value)
	}
	return resp, nil
}

// stored is the response to a Get of what a request wrote.
func (s *script) stored(r request) step {
	if s.service == "s3" {
		return step{status: 200, body: string(r.body), header: map[string]string{"ETag": `"2"`}}
	}
	return step{status: 200, body: `{"Item":` + fastjson.MustParseBytes(r.body).Get("Item").String() + "}"}
}

// leak is text of a service that must not be in an error.
const leak = "what was signed: hunter2"

// failingReader is the rest of a body that breaks off.
type failingReader struct{}

// Read implements io.Reader.
func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// done fails the test if not all steps were taken.
func (s *script) done() {
	s.Helper()
	if got := len(s.requests); got != len(s.steps) {
		s.Errorf("%d requests, want %d", got, len(s.steps))
	}
}

// engine is a backend with its script.
type engine struct {
	fleet.Backend
	*script
}

// newS3 returns an S3 whose service follows a script.
func newS3(t testing.TB, steps ...step) engine {
	t.Helper()
	s := &script{TB: t, service: "s3", steps: steps}
	b, err := NewS3(S3Config{Bucket: "flags", Region: "eu-central-1", Credentials: fixed, HTTPClient: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	return engine{b, s}
}

// newDynamoDB returns a DynamoDB whose service follows a script.
func newDynamoDB(t testing.TB, steps ...step) engine {
	t.Helper()
	s := &script{TB: t, service: "dynamodb", steps: steps}
	b, err := NewDynamoDB(DynamoDBConfig{Table: "flags", Region: "eu-central-1", Credentials: fixed, HTTPClient: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	return engine{b, s}
}

// engines are what tests of both services run on, and what the services respond to a
// Get of the value "head" and to a write.
var engines = map[string]struct {
	open     func(testing.TB, ...step) engine
	value    step
	written  step
	conflict step
}{
	"S3": {
		newS3,
		step{status: 200, body: "head", header: map[string]string{"ETag": `"1"`}},
		step{status: 200, header: map[string]string{"ETag": `"2"`}},
		step{status: 412, code: "PreconditionFailed"},
	},
	"DynamoDB": {
		newDynamoDB,
		step{status: 200, body: `{"Item":{"name":{"S":"ffc/env/head"},"value":{"B":"aGVhZA=="},"version":{"S":"1"}}}`},
		step{status: 200, body: "{}"},
		step{status: 400, code: "ConditionalCheckFailedException"},
	},
}

// eachEngine runs a test on each engine, in a bubble.
func eachEngine(t *testing.T, test func(t *testing.T, name string)) {
	t.Helper()
	for name := range engines {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) { test(t, name) })
		})
	}
}

var errReset = errors.New("connection reset by peer")

// at moves the clock of a bubble to a time.
func at(moment time.Time) { time.Sleep(time.Until(moment)) }

// equal compares a value.
func equal(t testing.TB, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, []byte(want)) {
		t.Errorf("the value is %q, want %q", got, want)
	}
}
