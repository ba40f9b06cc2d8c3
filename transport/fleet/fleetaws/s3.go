package fleetaws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

const (
	// maxObject is the largest value that an S3 writes. Larger bodies are several
	// values, which are read at the same time.
	maxObject = 8 << 20
	// maxRead is the largest value that an S3 reads, also of those that others have written.
	maxRead = 256 << 20
)

// S3Config configures an S3.
type S3Config struct {
	// Bucket is the name of the bucket, or the alias of an access point. Required.
	// Directory buckets (S3 Express) are not supported.
	Bucket string
	// BucketOwner is the ID of the account that owns the bucket. Requests fail if
	// the bucket belongs to another account, which may have taken the name of a
	// bucket that was deleted. "" is any account.
	BucketOwner string
	// Region is the region of the bucket. Required.
	Region string
	// Credentials is called for each request and each retry, possibly
	// concurrently. The credentials are not kept. A provider that is slow has to
	// keep them until they expire, as those of an aws.Config do; for others there
	// is aws.NewCredentialsCache. If S3 responds that the credentials have expired,
	// the method Invalidate is called, if the provider has that method, and the
	// request is sent once more. The error of the provider becomes that of the
	// call, so it must not hold a secret. Required.
	Credentials aws.CredentialsProvider
	// Endpoint is http(s)://host[:port][/path]: that of a VPC interface endpoint,
	// or of a store with S3's protocol. "" is https://s3.REGION.amazonaws.com, or
	// that of another partition if Region is in it: cn-… and eusc-…. For the
	// remaining partitions set Endpoint.
	Endpoint string
	// PathStyle puts the name of the bucket into the path instead of the host. It
	// is always there if Bucket has a dot, which TLS certificates do not cover, and
	// if the host of Endpoint is an IP address.
	PathStyle bool
	// HTTPClient has the settings for connections: its Transport and its Timeout,
	// which bounds an attempt, count. A Transport that is an *http.Transport, or
	// nil, is cloned, so that connections are not shared. Redirects are not
	// followed. nil has timeouts of 5 s for connecting and 5 s for TLS.
	HTTPClient *http.Client
	// Prefix is what the keys begin with, before a slash. The default is "ffc".
	Prefix string
}

// S3 is a fleet.Backend on a bucket of S3. It may be used concurrently. Make one
// with NewS3.
//
// Calls have no timeout of their own: give them a context that ends. fleet.Transport
// and relay.Publisher do.
type S3 struct {
	service *service
	bucket  string
	base    url.URL     // of all keys
	header  http.Header // of all requests
	prefix  string
}

var (
	_ fleet.Limiter = (*S3)(nil)
	_ fleet.Pacer   = (*S3)(nil)
)

// NewS3 returns an S3. It does not connect. NewS3 fails only if the configuration
// is invalid, and reports all problems at once.
func NewS3(config S3Config) (*S3, error) {
	c := common{config.Region, config.Credentials, config.Endpoint, config.HTTPClient, config.Prefix}
	endpoint, problems := c.check("s3")
	switch {
	case config.Bucket == "":
		problems = append(problems, errors.New("missing Bucket: expected its name"))
	case strings.Trim(config.Bucket, alphanumeric+".-_") != "":
		problems = append(problems, fmt.Errorf("unusable Bucket %q: expected a name, not an address or an ARN", config.Bucket))
	case strings.HasSuffix(config.Bucket, "--x-s3"):
		problems = append(problems, fmt.Errorf("unusable Bucket %q: directory buckets are not supported", config.Bucket))
	}
	if strings.Trim(config.BucketOwner, "0123456789") != "" {
		problems = append(problems, fmt.Errorf("unusable BucketOwner %q: expected the 12 digits of an account", config.BucketOwner))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("fleetaws: S3: %w", errors.Join(problems...))
	}
	if config.PathStyle || strings.Contains(config.Bucket, ".") || net.ParseIP(endpoint.Hostname()) != nil {
		endpoint.Path += "/" + config.Bucket
	} else {
		endpoint.Host = config.Bucket + "." + endpoint.Host
	}
	header := make(http.Header)
	if config.BucketOwner != "" {
		header.Set("X-Amz-Expected-Bucket-Owner", config.BucketOwner)
	}
	return &S3{service: c.service("S3", "s3", s3Failure), bucket: config.Bucket, base: *endpoint, header: header, prefix: c.prefix}, nil
}

// String returns the name of the bucket.
func (s *S3) String() string { return "S3 bucket " + s.bucket }

// MaxValue implements fleet.Limiter. It returns 8 MiB.
func (s *S3) MaxValue() int { return maxObject }

// Beat implements fleet.Pacer. It returns 15 s.
func (s *S3) Beat() time.Duration { return beat }

// CloseIdleConnections closes connections that no call uses. It does nothing if
// S3Config.HTTPClient has a Transport that is no *http.Transport.
func (s *S3) CloseIdleConnections() { s.service.client.suspect() }

// Get implements fleet.Backend. The tag is the ETag. Get is retried once.
//
// Without the right s3:ListBucket S3 does not say that an object is missing, and
// the error is not fleet.ErrNotFound.
func (s *S3) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	r := s.request(http.MethodGet, name, nil)
	r.right, r.limit = "s3:GetObject or KMS, or no such object", maxRead
	resp, err := s.service.do(ctx, &r)
	if responded(err, "NoSuchKey") {
		return nil, "", fleet.ErrNotFound
	}
	if err != nil {
		return nil, "", err
	}
	if tag = resp.header.Get("ETag"); tag == "" {
		return nil, "", errNoTag
	}
	return resp.body, tag, nil
}

// Put implements fleet.Backend. It is retried once.
func (s *S3) Put(ctx context.Context, name string, value []byte) error {
	if len(value) > maxObject {
		return errValue(len(value), maxObject)
	}
	r := s.writing(name, value)
	_, err := s.service.do(ctx, &r)
	return err
}

// Swap implements fleet.Backend. It is retried once. If the response to the first
// attempt was lost, Swap reads the value to find out whether that attempt has
// written it.
func (s *S3) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	if len(value) > maxObject {
		return "", errValue(len(value), maxObject)
	}
	r := s.writing(name, value)
	if r.header = r.header.Clone(); tag == "" {
		r.header.Set("If-None-Match", "*")
	} else {
		r.header.Set("If-Match", tag)
	}
	var maybe error
	resp, err := s.service.doAfter(ctx, &r, &maybe)
	switch conflict := responded(err, "PreconditionFailed", "ConditionalRequestConflict", "OperationAborted", "NoSuchKey"); {
	case conflict && maybe == nil:
		return "", fleet.ErrConflict
	case conflict:
		if now, newTag, err := s.Get(ctx, name); err == nil && bytes.Equal(now, value) {
			return newTag, nil
		}
		return "", maybe // the first attempt may have been what changed the value
	case err != nil:
		return "", err
	}
	if newTag = resp.header.Get("ETag"); newTag == "" {
		return "", errNoTag
	}
	return newTag, nil
}

var errNoTag = errors.New("the store returned no ETag: it cannot swap")

// Delete implements fleet.Backend. It is retried once.
func (s *S3) Delete(ctx context.Context, name string) error {
	r := s.request(http.MethodDelete, name, nil)
	r.right = "s3:DeleteObject"
	if _, err := s.service.do(ctx, &r); !responded(err, "NoSuchKey") {
		return err
	}
	return nil
}

// writing returns the request that writes a value.
func (s *S3) writing(name string, value []byte) request {
	r := s.request(http.MethodPut, name, value)
	r.right = "s3:PutObject or KMS"
	return r
}

// request returns a request for a value.
func (s *S3) request(method, name string, body []byte) request {
	r := request{method: method, url: s.base, header: s.header, body: body, limit: maxError}
	r.url.Path += "/" + s.prefix + "/" + name
	r.url.RawPath = escape(r.url.Path)
	return r
}

// escape returns a path as signatures want it: all but unreserved characters and
// slashes is escaped.
func escape(path string) string {
	const digits = "0123456789ABCDEF"
	if strings.Trim(path, unreserved+"/") == "" {
		return path
	}
	escaped := make([]byte, 0, 3*len(path))
	for i := range len(path) {
		if c := path[i]; strings.IndexByte(unreserved+"/", c) >= 0 {
			escaped = append(escaped, c)
		} else {
			escaped = append(escaped, '%', digits[c>>4], digits[c&15])
		}
	}
	return string(escaped)
}

// Characters that are allowed in names.
const (
	alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	unreserved   = alphanumeric + "-_.~"
)

// s3Failure reads a response of S3 that reports an error, which is XML.
func s3Failure(text []byte) (code, region string) {
	return element(text, "Code"), element(text, "Region")
}

// element returns the text of the first element with a name.
func element(xml []byte, name string) string {
	_, rest, _ := bytes.Cut(xml, []byte("<"+name+">"))
	text, _, _ := bytes.Cut(rest, []byte("</"+name+">"))
	return string(text)
}
