package poll

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/resync"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// retries is the number of retries inside one fetch. Further retries come
	// after the pause that follows a failure.
	retries   = 1
	retryWait = 50 * time.Millisecond
	maxWait   = 200 * time.Millisecond
	// maxDrain is how much of a response without data is read, so that its
	// connection can be used again.
	maxDrain = 64 << 10
)

// origin is where data came from, with the validators that make the next request
// conditional.
type origin struct {
	route                   int
	entityTag, lastModified string
}

// answer is a response with data, or one that says that the data is unchanged.
type answer struct {
	origin
	unchanged bool // since the last answer: there is no body
	body      []byte
	asked     resync.Request
	mark      transport.Mark // of asked; 0 if the answer may come from a cache
	date      time.Time      // of the platform's confirmation, by the server's clock; zero is unknown
	relayed   bool           // the response is that of a relay, and date is in its header
}

// fetch fetches data and stores it. It is the refresher's.
func (s *session) fetch(ctx context.Context, commit ondemand.Commit) error {
	got, err := s.get(ctx)
	if err != nil {
		return err
	}
	return commit(func() (bool, error) { return true, s.store(got) })
}

// get requests data from the routes, beginning with the route that had data last.
func (s *session) get(ctx context.Context) (*answer, error) {
	first := 0
	if last := s.last.Load(); last != nil {
		first = last.route
	}
	for i := range s.routes {
		got, err := s.getFrom(ctx, (first+i)%len(s.routes))
		if !errors.Is(err, errNotFound) {
			return got, err
		}
	}
	return nil, &ondemand.Failure{Err: problem(transport.KindNetwork, errNoRoute), RetryAfter: retry.Lengthen(s.MaxRetry, retry.Jitter)}
}

var (
	errNotFound = errors.New("404 Not Found")
	errNoRoute  = errors.New("the server has no route for polling, it responded with 404 Not Found: check the URL")
)

// getFrom requests data from one route: what changed since the stored data if the
// route can tell, else all data. It returns errNotFound if the server does not
// have the route.
func (s *session) getFrom(ctx context.Context, which int) (*answer, error) {
	r := &s.routes[which]
	address := r.url
	asked := s.plan.Everything()
	if r.since != "" {
		asked = s.plan.Poll()
	}
	if asked.Since > 0 {
		address += "?" + r.since + "=" + strconv.FormatInt(asked.Since, 10)
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, problem(transport.KindNetwork, errors.New("the URL cannot be requested"))
	}
	req.Header = r.header.Clone()
	last := s.last.Load()
	conditional := last != nil && last.route == which && last.setOn(req.Header)
	loop := retry.Loop{Client: s.http, Retries: retries, Wait: retryWait, MaxWait: maxWait, OnTry: func(error) { s.connects.Add(1) }}
	resp, err := loop.Do(req)
	if err != nil {
		return nil, problem(transport.KindNetwork, plain(err))
	}
	defer resp.Body.Close()
	got := &answer{asked: asked, mark: asked.Mark}
	if got.date = httpclient.AsOf(resp.Header); !got.date.IsZero() {
		got.relayed = true
	} else {
		got.date, _ = http.ParseTime(resp.Header.Get("Date"))
	}
	switch {
	case resp.StatusCode == http.StatusOK:
		if got.body, err = s.read(resp); err != nil {
			return nil, err
		}
		if r.cached || !s.hadSecret(resp) { // a redirect may lead to a cache as well
			got.mark = 0
		}
		got.origin = origin{route: which, entityTag: validator(resp.Header, "ETag"), lastModified: validator(resp.Header, "Last-Modified")}
		got.unchanged = asked.Since > 0 && len(got.body) == 0
		return got, nil
	case resp.StatusCode == http.StatusNotModified && conditional:
		got.origin, got.unchanged = *last, true
		return got, nil
	}
	if conditional && resp.StatusCode >= 400 && resp.StatusCode < 500 && retry.Classify(resp.StatusCode) != retry.Transient {
		// The validators may be the reason, such as of 431 and 412: do not send
		// them again.
		s.last.CompareAndSwap(last, &origin{route: which})
	}
	reason := httpclient.RelayReason(resp.Body, maxDrain)
	if resp.StatusCode == http.StatusNotFound {
		return nil, errNotFound
	}
	return nil, s.judge(resp, reason)
}

// maxValidator is the size of the longest ETag or Last-Modified that is sent back:
// servers reject requests with large headers.
const maxValidator = 1 << 10

// validator returns a header that makes later requests conditional.
func validator(h http.Header, name string) string {
	if v := h.Get(name); len(v) <= maxValidator {
		return v
	}
	return ""
}

// setOn makes a request conditional. It returns false without a validator.
func (o *origin) setOn(h http.Header) bool {
	if o.entityTag != "" {
		h.Set("If-None-Match", o.entityTag)
	}
	if o.lastModified != "" {
		h.Set("If-Modified-Since", o.lastModified)
	}
	return o.entityTag != "" || o.lastModified != ""
}

// read returns the body, decompressed.
func (s *session) read(resp *http.Response) ([]byte, error) {
	// The limit holds while the body is decompressed, so that a small body cannot
	// grow without bound.
	limit := min(s.MaxMessage, math.MaxInt64-1)
	plainBody, err := httpclient.Decompress(resp, limit)
	if err != nil {
		return nil, problem(transport.KindData, err)
	}
	body, err := httpclient.ReadAll(http.MaxBytesReader(nil, io.NopCloser(plainBody), limit), make([]byte, firstRead))
	switch _, tooLarge := errors.AsType[*http.MaxBytesError](err); {
	case tooLarge:
		return nil, problem(transport.KindData, fmt.Errorf("the response is larger than MaxMessage, which is %d bytes", s.MaxMessage))
	case err != nil:
		return nil, problem(transport.KindNetwork, fmt.Errorf("the response broke off: %w", safelog.Error(plain(err), s.env.EnvSecret.Reveal())))
	}
	return body, nil
}

// firstRead is the size of the first buffer for a body.
const firstRead = 4 << 10

// store stores the data of an answer.
func (s *session) store(got *answer) error {
	var applied transport.Applied
	if !got.unchanged {
		var err error
		if applied, err = s.env.Store.Apply(got.body, got.mark); err != nil {
			return err
		}
		if !applied.Full && got.asked.Since == 0 {
			return problem(transport.KindData, errors.New("the response has changes only: expected all data"))
		}
	}
	s.plan.Answered(got.asked, resync.Answer{At: got.date, Applied: applied, Alone: true})
	from := got.origin // a pointer to it would keep the body
	switch {
	case applied.Held > 0:
		// The next answer must be complete, to be compared with this one.
		from.entityTag, from.lastModified = "", ""
	case got.relayed:
		s.env.Store.ConfirmAsOf(got.date)
	default:
		s.env.Store.Confirm()
	}
	s.last.Store(&from)
	return nil
}

// judge returns the error of a response without data, with the reason that a relay
// has given and the pause that the response asks for.
func (s *session) judge(resp *http.Response, reason string) error {
	kind, err := transport.KindNetwork, fmt.Errorf("the server responded with %d %s%s", resp.StatusCode, http.StatusText(resp.StatusCode), reason)
	wait, _ := retry.After(resp.Header, time.Now())
	if resp.StatusCode >= 300 && resp.StatusCode < 500 && !retry.Retryable(resp, nil) {
		wait = max(wait, s.MaxRetry) // not likely to change soon
	}
	final := false
	if resp.StatusCode == http.StatusUnauthorized {
		if s.hadSecret(resp) {
			// Final unless the platform accepted the secret before.
			kind, err, final = transport.KindRefused, errRefused, s.last.Load() == nil
		} else {
			err = errNoSecret
		}
	}
	return &ondemand.Failure{Err: problem(kind, err), RetryAfter: retry.Lengthen(wait, retry.Jitter), Final: final}
}

var (
	errRefused  = errors.New("the platform responded with 401 Unauthorized: check the secret")
	errNoSecret = errors.New("a server that may not have the secret responded with 401 Unauthorized: check the URL, or where redirects lead")
)

// hadSecret reports whether the server that responded got the secret. It did not
// if URL or a redirect leads to another host than the platform's.
func (s *session) hadSecret(resp *http.Response) bool {
	sent := s.routes[0].header
	if resp.Request != nil { // of the last redirect; some RoundTrippers do not set it
		sent = resp.Request.Header
	}
	return sent.Get(s.secretHeader) != ""
}

// plain removes the URL from an error, which may be signed, and names a timeout.
func plain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return errTimeout
	}
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		return withURL.Err
	}
	return err
}

var errTimeout = errors.New("the server has not responded in time")
