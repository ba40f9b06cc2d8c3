package fleetaws

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	// beat is how often a publisher writes the head by default: each write costs
	// money.
	beat = 15 * time.Second
	// defaultPrefix is what names begin with by default.
	defaultPrefix = "ffc"
	// retryWait is how long a call waits before its second attempt, less a random
	// part of up to a half.
	retryWait = 100 * time.Millisecond
	// maxError is how much of a response that reports an error is read.
	maxError = 64 << 10
	// maxTrust is how much room a Content-Length makes at once.
	maxTrust = 1 << 20
)

// service sends signed requests to a service of AWS. Its methods may be called
// concurrently.
type service struct {
	name        string // as people call it
	id          string // as signatures call it
	region      string
	credentials aws.CredentialsProvider
	signer      *v4.Signer
	client      *client
	// failure reads the body of a response that reports an error: its code, and the
	// region that the service names instead.
	failure func([]byte) (code, region string)
}

// request is a request to a service. Nothing changes it or what it points to.
type request struct {
	method string
	url    url.URL
	header http.Header
	body   []byte
	// limit is how many bytes the response may have.
	limit int64
	// right is what the request needs, in the words of its error.
	right string
}

// response is the response to a request.
type response struct {
	header http.Header
	body   []byte
}

// do sends a request, and sends it once more if that can help.
func (s *service) do(ctx context.Context, r *request) (response, error) {
	return s.doAfter(ctx, r, new(error))
}

// doAfter is do for a request that must not be executed twice. If it may have been
// executed in the first attempt, maybe is the error of that attempt.
func (s *service) doAfter(ctx context.Context, r *request, maybe *error) (response, error) {
	for attempt := 1; ; attempt++ {
		resp, err := s.try(ctx, r)
		if err == nil || attempt == 2 || ctx.Err() != nil {
			return resp, err
		}
		wait, sent := retryWait, false
		failure, failed := errors.AsType[*serviceError](err)
		broken, cut := errors.AsType[*brokenError](err)
		switch {
		case failed && failure.again():
			sent = failure.status >= 500
			if failure.kind() == kindExpired {
				wait = 0
				s.forgetCredentials()
			}
		case cut:
			if sent = broken.sent; sent {
				wait = 0 // the connection was idle for too long: a new one will do
			}
		default:
			return response{}, err
		}
		if sent {
			*maybe = err
		}
		if !sleep(ctx, wait) {
			return response{}, ctx.Err()
		}
	}
}

// try sends a request once.
func (s *service) try(ctx context.Context, r *request) (response, error) {
	if err := ctx.Err(); err != nil {
		return response{}, err
	}
	credentials, err := s.credentials.Retrieve(ctx)
	switch {
	case err != nil && ctx.Err() != nil:
		return response{}, ctx.Err()
	case err != nil:
		return response{}, fmt.Errorf("no credentials: %w", err)
	case !credentials.HasKeys():
		return response{}, errNoKeys
	}
	attempt := ctx
	if s.client.timeout > 0 {
		var cancel context.CancelFunc
		attempt, cancel = context.WithTimeout(ctx, s.client.timeout)
		defer cancel()
	}
	req, err := r.http(attempt)
	if err != nil {
		return response{}, fmt.Errorf("the request cannot be made: %w", err)
	}
	if err := s.signer.SignHTTP(ctx, credentials, req, req.Header["X-Amz-Content-Sha256"][0], s.id, s.region, time.Now()); err != nil {
		return response{}, fmt.Errorf("the request cannot be signed: %w", err)
	}
	req.Header["Accept-Encoding"] = identity // not signed: proxies may change it
	resp, err := s.client.do(req)
	if err != nil {
		return response{}, s.broken(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		text, err := readAll(resp, maxError)
		if err != nil && ctx.Err() != nil {
			return response{}, ctx.Err()
		}
		failure := newServiceError(s.name, resp)
		failure.right = r.right
		code, region := s.failure(text)
		failure.code, failure.region = plain(code), cmp.Or(plain(region), failure.region)
		return response{}, failure.classified()
	}
	body, err := readAll(resp, r.limit)
	if err != nil {
		return response{}, s.broken(ctx, err)
	}
	return response{resp.Header, body}, nil
}

// Values of headers, which are shared by all requests.
var (
	identity  = []string{"identity"}
	userAgent = []string{"ffc-server-go-sdk/fleetaws"} // is never signed
	emptyHash = []string{hashOf(nil)}
)

// hashOf returns a body's hash, which is signed, and which S3 compares.
func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// http returns the request as net/http has it, before it is signed.
func (r *request) http(ctx context.Context) (*http.Request, error) {
	var body io.Reader = http.NoBody
	hash := emptyHash
	if len(r.body) > 0 {
		body, hash = bytes.NewReader(r.body), []string{hashOf(r.body)}
	}
	req, err := http.NewRequestWithContext(ctx, r.method, "", body)
	if err != nil {
		return nil, err
	}
	*req.URL, req.Host = r.url, r.url.Host
	maps.Copy(req.Header, r.header)
	req.Header["User-Agent"] = userAgent
	req.Header["X-Amz-Content-Sha256"] = hash
	return req, nil
}

var errNoKeys = errors.New("no credentials: the provider returned an empty access key")

// broken describes the error of a connection.
func (s *service) broken(ctx context.Context, err error) error {
	s.client.suspect()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errTooLarge) {
		return err
	}
	dial, ok := errors.AsType[*net.OpError](err)
	unsent := ok && (dial.Op == "dial" || dial.Op == "proxyconnect") || errors.Is(err, errProxy)
	return &brokenError{err: err, sent: !unsent}
}

// brokenError is the error of a connection that failed.
type brokenError struct {
	err  error
	sent bool // the service may have received the request
}

// Error implements error.
func (e *brokenError) Error() string { return "the connection failed: " + e.err.Error() }

// Unwrap returns the cause.
func (e *brokenError) Unwrap() error { return e.err }

// forgetCredentials makes a provider that caches credentials get new ones.
func (s *service) forgetCredentials() {
	if cache, ok := s.credentials.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}

// sleep waits for d less a random part of up to a half, and reports whether ctx
// has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d - rand.N(d/2))
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return ctx.Err() == nil
}

var errTooLarge = errors.New("the response is too large: another program wrote the value, or the endpoint is wrong")

// readAll reads a response. It does not trust its Content-Length.
func readAll(resp *http.Response, limit int64) ([]byte, error) {
	if resp.ContentLength > limit {
		return nil, errTooLarge
	}
	// With room for one byte more the end is seen without growing.
	text := make([]byte, 0, min(max(resp.ContentLength, 511), maxTrust)+1)
	for {
		n, err := resp.Body.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case int64(len(text)) > limit:
			return nil, errTooLarge
		case err == io.EOF:
			return text, nil
		case err != nil:
			return text, err
		case len(text) == cap(text):
			text = slices.Grow(text, len(text))
		}
	}
}

// responded reports whether an error is a response with one of these codes.
func responded(err error, codes ...string) bool {
	failure, ok := errors.AsType[*serviceError](err)
	return ok && slices.Contains(codes, failure.code)
}

// errValue is the error for a value that is too large.
func errValue(size, most int) error {
	return fmt.Errorf("the value has %d bytes: expected at most %d", size, most)
}
