package fleetaws

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

func TestConstructorsReportAllProblems(t *testing.T) {
	t.Parallel()
	_, s3Err := NewS3(S3Config{Bucket: "https://flags", BucketOwner: "me", Region: "Frankfurt", Prefix: "/ffc"})
	_, emptyS3Err := NewS3(S3Config{Region: "eu-central-1", Endpoint: "s3.example.com"})
	_, expressErr := NewS3(S3Config{Bucket: "flags--euc1-az1--x-s3"})
	_, dynamoErr := NewDynamoDB(DynamoDBConfig{Table: "flags!", Region: "eu-central-1", Endpoint: "https://reader:sesame@example.com", Prefix: "ffc/"})
	_, emptyDynamoErr := NewDynamoDB(DynamoDBConfig{})
	tests := map[string]struct {
		err  error
		want []string
	}{
		"S3":               {s3Err, []string{`Bucket "https://flags"`, `BucketOwner "me"`, `Region "Frankfurt"`, `Prefix "/ffc"`, "missing Credentials"}},
		"empty S3":         {emptyS3Err, []string{"missing Bucket", "unusable Endpoint", "missing Credentials"}},
		"directory bucket": {expressErr, []string{"directory buckets are not supported"}},
		"DynamoDB":         {dynamoErr, []string{`Table "flags!"`, `Prefix "ffc/"`, "unusable Endpoint", "missing Credentials"}},
		"empty DynamoDB":   {emptyDynamoErr, []string{"missing Table", `Region ""`, "missing Credentials"}},
	}
	for name, test := range tests {
		for _, want := range test.want {
			if test.err == nil || !strings.Contains(test.err.Error(), want) {
				t.Errorf("%s: error %v, want that it has %s", name, test.err, want)
			}
		}
		if test.err != nil && strings.Contains(test.err.Error(), "sesame") {
			t.Errorf("%s: the error has the password: %v", name, test.err)
		}
	}
}

// sent returns the request that an engine makes for a value.
func sent(t *testing.T, get func(*http.Client) error) (r *http.Request) {
	t.Helper()
	client := &http.Client{Transport: testkit.RoundTrip(func(req *http.Request) (*http.Response, error) {
		r = req
		return &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"1"`}}, Body: http.NoBody}, nil
	})}
	if err := get(client); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAddressesOfObjects(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config S3Config
		want   string
	}{
		"default":              {S3Config{}, "https://flags.s3.eu-central-1.amazonaws.com/ffc/env/head"},
		"China":                {S3Config{Region: "cn-north-1"}, "https://flags.s3.cn-north-1.amazonaws.com.cn/ffc/env/head"},
		"European sovereign":   {S3Config{Region: "eusc-de-east-1"}, "https://flags.s3.eusc-de-east-1.amazonaws.eu/ffc/env/head"},
		"path style":           {S3Config{PathStyle: true}, "https://s3.eu-central-1.amazonaws.com/flags/ffc/env/head"},
		"bucket with dots":     {S3Config{Bucket: "flags.example.com"}, "https://s3.eu-central-1.amazonaws.com/flags.example.com/ffc/env/head"},
		"prefix":               {S3Config{Prefix: "team a/flags"}, "https://flags.s3.eu-central-1.amazonaws.com/team%20a/flags/env/head"},
		"interface endpoint":   {S3Config{Endpoint: "https://bucket.vpce-1a2b-5e6f.s3.eu-central-1.vpce.amazonaws.com"}, "https://flags.bucket.vpce-1a2b-5e6f.s3.eu-central-1.vpce.amazonaws.com/ffc/env/head"},
		"address":              {S3Config{Endpoint: "http://127.0.0.1:9000/"}, "http://127.0.0.1:9000/flags/ffc/env/head"},
		"address of version 6": {S3Config{Endpoint: "http://[::1]:9000/store"}, "http://[::1]:9000/store/flags/ffc/env/head"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := test.config
			config.Credentials, config.BucketOwner = fixed, "123456789012"
			if config.Bucket == "" {
				config.Bucket = "flags"
			}
			if config.Region == "" {
				config.Region = "eu-central-1"
			}
			r := sent(t, func(client *http.Client) error {
				config.HTTPClient = client
				b, err := NewS3(config)
				if err != nil {
					return err
				}
				_, _, err = b.Get(t.Context(), "env/head")
				return err
			})
			if got := r.URL.String(); got != test.want {
				t.Errorf("the address is %s, want %s", got, test.want)
			}
			if got := r.Header.Get("X-Amz-Expected-Bucket-Owner"); got != config.BucketOwner {
				t.Errorf("the expected owner is %q, want %q", got, config.BucketOwner)
			}
			if err := verify(r, nil, secret, "s3"); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAddressesOfTables(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]string{
		"":                            "https://dynamodb.eu-central-1.amazonaws.com/",
		"http://127.0.0.1:8000":       "http://127.0.0.1:8000/",
		"https://vpce.example.com/a/": "https://vpce.example.com/a/",
	} {
		r := sent(t, func(client *http.Client) error {
			b, err := NewDynamoDB(DynamoDBConfig{
				Table: "arn:aws:dynamodb:eu-central-1:123456789012:table/flags", Region: "eu-central-1", Credentials: fixed, Endpoint: endpoint, HTTPClient: client,
			})
			if err != nil {
				return err
			}
			return b.Delete(t.Context(), "env/head")
		})
		if got := r.URL.String(); got != want {
			t.Errorf("the address is %s, want %s", got, want)
		}
	}
}

func TestProxyAddressIsNotQuoted(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		b, err := NewS3(S3Config{Bucket: "flags", Region: "eu-central-1", Credentials: fixed, HTTPClient: &http.Client{Transport: &http.Transport{
			Proxy: func(*http.Request) (*url.URL, error) {
				return nil, errors.New(`invalid address "http://reader:sesame@%"`)
			},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := b.Get(t.Context(), "env/head"); !errors.Is(err, errProxy) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("error %v, want %v", err, errProxy)
		}
	})
}

// The settings of the application's client count. Its connections are its own.
func TestHTTPClientIsCloned(t *testing.T) {
	t.Parallel()
	transport := &http.Transport{ResponseHeaderTimeout: time.Second}
	c := newClient(&http.Client{Transport: transport, Timeout: time.Minute})
	if c.own == nil || c.own == transport || c.rt != c.own || c.own.ResponseHeaderTimeout != time.Second || c.timeout != time.Minute {
		t.Errorf("the client has the timeout %v and the transport %+v", c.timeout, c.own)
	}
	if c := newClient(&http.Client{}); c.own == nil || c.own == http.DefaultTransport {
		t.Error("a client without a Transport uses the connections of http.DefaultTransport")
	}
	if c := newClient(nil); c.rt != c.own || c.own.DialContext == nil || c.own.TLSHandshakeTimeout != connectTimeout || c.own.IdleConnTimeout != idleMax {
		t.Errorf("the default transport is %+v", c.own)
	}
}
