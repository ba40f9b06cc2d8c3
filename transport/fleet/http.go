package fleet

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	httpRetries = 1
	httpWait    = 50 * time.Millisecond
	httpMaxWait = 200 * time.Millisecond
	// httpTimeout bounds a request outside of a Transport, whose Timeout counts.
	httpTimeout = 10 * time.Second
	// maxRest is how much of a response without a value is read.
	maxRest = 64 << 10
	// firstRead is how much room there is for a value before it is known to be
	// larger. A head fits.
	firstRead = 1 << 10
)

// HTTP is a read-only Backend that sends HTTP requests: to a CDN or a web server
// that serves what a publisher writes, or to a relay. Put, Swap and Delete always
// fail.
//
// In a Transport, requests have the secret of ffc.Config if scheme and host of
// URL are those of ffc.Config.BaseURL: this is for a relay, whose keys have the
// shape of a secret. Requests for the head have the header Ffc-Revision, with
// the lineage and revision of the client's data.
type HTTP struct {
	// URL is http(s)://host[/prefix], without a user name. A slash and the name
	// of the value are appended to the path. A query stays at the end, for
	// signed URLs.
	URL string
	// Client sends the requests. nil is the client of ffc.Config.HTTPClient in a
	// Transport, and http.DefaultClient elsewhere.
	Client *http.Client
}

var _ Backend = HTTP{}

// Get implements Backend. A request that fails is retried once. In a Transport,
// a value may have at most Transport.MaxMessage bytes. Elsewhere there is no
// such limit, and an attempt takes at most 10 s.
func (h HTTP) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	client := h.Client
	if client == nil {
		client = http.DefaultClient
	}
	b := boundHTTP{HTTP: h, client: httpclient.Following(client, httpTimeout, ""), limit: math.MaxInt64 - 1}
	return b.Get(ctx, name)
}

// Put implements Backend. It fails.
func (h HTTP) Put(context.Context, string, []byte) error { return errReadOnly }

// Swap implements Backend. It fails.
func (h HTTP) Swap(context.Context, string, []byte, string) (string, error) { return "", errReadOnly }

// Delete implements Backend. It fails.
func (h HTTP) Delete(context.Context, string) error { return errReadOnly }

// String returns the URL without its query and its user.
func (h HTTP) String() string {
	u, err := url.Parse(h.URL)
	if err != nil {
		return "HTTP"
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// check finds what is wrong with the URL. Its error does not quote the URL, which
// may be signed.
func (h HTTP) check() error {
	u, err := url.Parse(h.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return errors.New("unusable HTTP.URL: expected http(s)://host[/prefix] without a user name")
	}
	return nil
}

// boundHTTP is an HTTP backend in a session.
type boundHTTP struct {
	HTTP
	client *http.Client
	header http.Header
	limit  int64 // of a value
	// position returns what the client has, or "".
	position func() string
}

// bind returns the backend as a session uses it.
func (s *session) bind(b Backend) (Backend, error) {
	if setting.Missing(b) {
		return nil, errors.New("missing backend: it is nil")
	}
	switch b := b.(type) {
	case Split:
		heads, err := s.bind(b.Heads)
		bodies, err2 := s.bind(b.Bodies)
		return Split{Heads: heads, Bodies: bodies}, errors.Join(err, err2)
	case HTTP:
		return s.bindHTTP(b)
	case Dir:
		return b, b.check()
	}
	return b, nil
}

func (s *session) bindHTTP(h HTTP) (Backend, error) {
	if err := h.check(); err != nil {
		return nil, err
	}
	bound := &boundHTTP{HTTP: h, client: h.Client, limit: min(s.MaxMessage, math.MaxInt64-1), position: func() string { return s.Source().String() }}
	if bound.client == nil {
		bound.client = s.env.HTTPClient
	}
	protocol, err := registry.ProtocolOf(s.env.Platform)
	if err != nil {
		return nil, err
	}
	bound.client = httpclient.Following(bound.client, s.Timeout, protocol.SecretHeader)
	bound.header = http.Header{"User-Agent": {httpclient.UserAgent()}}
	u, _ := url.Parse(h.URL)
	base, _ := url.Parse(s.env.BaseURL)
	if secret := s.env.EnvSecret.Reveal(); secret != "" && base != nil && base.Scheme == u.Scheme && strings.EqualFold(base.Host, u.Host) {
		bound.header.Set(protocol.SecretHeader, secret)
	}
	return bound, nil
}

// Get implements Backend.
func (b *boundHTTP) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	address, query, hasQuery := strings.Cut(b.URL, "?")
	address = strings.TrimRight(address, "/") + "/" + name
	if hasQuery {
		address += "?" + query
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", errors.New("fleet: the URL cannot be requested")
	}
	maps.Copy(req.Header, b.header) // values are not changed
	if b.position != nil && strings.HasSuffix(name, "/head") {
		if at := b.position(); at != "" {
			req.Header.Set("Ffc-Revision", at)
		}
	}
	loop := retry.Loop{Client: b.client, Retries: httpRetries, Wait: httpWait, MaxWait: httpMaxWait}
	resp, err := loop.Do(req)
	if err != nil {
		return nil, "", plain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, "", statusError(resp, httpclient.RelayReason(resp.Body, maxRest))
	}
	body, err := decoded(resp)
	if err != nil {
		return nil, "", plain(err)
	}
	value, err = httpclient.ReadAll(http.MaxBytesReader(nil, body, b.limit), make([]byte, firstRead))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, "", problem(transport.KindData, fmt.Errorf("the value is larger than MaxMessage, which is %d bytes", b.limit))
	}
	if err != nil {
		return nil, "", fmt.Errorf("fleet: the response broke off: %w", plain(err))
	}
	return value, resp.Header.Get("ETag"), nil
}

// decoded returns the value in a response. Only the header tells whether the
// server has compressed it: a chunk is gzip bytes itself, or a part of such.
func decoded(resp *http.Response) (io.ReadCloser, error) {
	switch encoding := resp.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
		return resp.Body, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(resp.Body)
	default:
		return nil, fmt.Errorf("the response has the Content-Encoding %s: expected gzip or none", safelog.Quote(encoding))
	}
}

// statusError returns what a response without a value says, with the reason that a
// relay has given.
func statusError(resp *http.Response, reason string) error {
	switch resp.StatusCode {
	case http.StatusNotFound, http.StatusGone:
		return ErrNotFound
	}
	wait, _ := retry.After(resp.Header, time.Now())
	return &httpError{status: resp.StatusCode, reason: reason, wait: wait}
}

// httpError is the error of a response without a value.
type httpError struct {
	status int
	reason string
	wait   time.Duration
}

// Error implements error.
func (e *httpError) Error() string {
	text := fmt.Sprintf("the server responded %d %s%s", e.status, http.StatusText(e.status), e.reason)
	if e.status == http.StatusUnauthorized || e.status == http.StatusForbidden {
		text += ": check the key, and whether it may read these names"
	}
	return text
}

// RetryAfter returns the wait that the server requests.
func (e *httpError) RetryAfter() time.Duration { return e.wait }

// plain takes the URL out of an error, as it may be signed.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errTimeout
	}
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		err = withURL.Err
	}
	return safelog.Error(err)
}

var errTimeout = errors.New("the server has not responded in time")
