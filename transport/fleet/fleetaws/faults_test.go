package fleetaws

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// What is sent once more is sent once more only.
func TestCallsAreRetriedOnce(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errReset}
	failures := map[string]struct {
		step step
		wait bool // before the second attempt
	}{
		"the connection breaks":      {step{err: errReset}, false},
		"no connection":              {step{err: refused}, true},
		"500":                        {step{status: 500, code: "InternalError"}, true},
		"502 of a proxy":             {step{status: 502, body: "<html>"}, true},
		"503 without a code":         {step{status: 503}, true},
		"504":                        {step{status: 504}, true},
		"a request that took long":   {step{status: 400, code: "RequestTimeout"}, true},
		"the credentials expired":    {step{status: 400, code: "ExpiredToken"}, false},
		"of DynamoDB expired":        {step{status: 400, code: "ExpiredTokenException"}, false},
		"the response is cut":        {step{status: 200, body: "he", cut: true}, false},
		"an error's response is cut": {step{status: 500, body: "<Code>Int", cut: true}, true},
	}
	eachEngine(t, func(t *testing.T, name string) {
		for what, failure := range failures {
			value := engines[name].value
			b := engines[name].open(t, failure.step, value)
			began := time.Now()
			got, tag, err := b.Get(t.Context(), "env/head")
			if err != nil || string(got) != "head" || strings.Trim(tag, `"`) != "1" {
				t.Errorf("%s: Get returned %q, %q, error %v", what, got, tag, err)
			}
			if took := time.Since(began); (took > 0) != failure.wait || took > retryWait {
				t.Errorf("%s: took %v, a wait is expected: %t", what, took, failure.wait)
			}
			b.done()
			b = engines[name].open(t, failure.step, failure.step)
			if _, _, err := b.Get(t.Context(), "env/head"); err == nil || errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("%s, twice: error %v", what, err)
			}
			b.done()
		}
	})
}

// What another attempt does not repair is sent once, and says what to do.
func TestErrorsSayWhatToDo(t *testing.T) {
	now := func(ahead time.Duration) map[string]string {
		return map[string]string{"Date": time.Now().Add(ahead).UTC().Format(http.TimeFormat)}
	}
	type test struct {
		step step
		want string
		kind transport.Kind // or ""
		wait time.Duration
	}
	tests := func() map[string][]test {
		return map[string][]test{
			"S3": {
				{step{status: 403, code: "AccessDenied"}, "no right to s3:GetObject or KMS, or no such object", transport.KindRefused, 0},
				{step{status: 403, code: "SignatureDoesNotMatch"}, "check the secret key and Region", transport.KindRefused, 0},
				{step{status: 403, code: "InvalidAccessKeyId"}, "check the credentials", transport.KindRefused, 0},
				{step{status: 400, code: "InvalidToken"}, "check the session token", transport.KindRefused, 0},
				{step{status: 403, code: "RequestTimeTooSkewed", header: now(20 * time.Minute)}, "the clock is 20m behind: set it", transport.KindRefused, 0},
				{step{status: 403, code: "RequestTimeTooSkewed", header: now(-80 * time.Hour)}, "the clock is 80h0m ahead: set it", transport.KindRefused, 0},
				{step{status: 403, code: "RequestTimeTooSkewed"}, "check this machine's clock", transport.KindRefused, 0},
				{step{status: 503, code: "SlowDown"}, "too many requests", "", 0},
				{step{status: 503, code: "SlowDown", header: map[string]string{"Retry-After": "7"}}, "too many requests", "", 7 * time.Second},
				{step{status: 503, code: "SlowDown", header: map[string]string{"Retry-After": "99999999999"}}, "too many requests", "", time.Hour},
				{step{status: 429, header: map[string]string{"Retry-After": "2"}}, "429 Too Many Requests", "", 2 * time.Second},
				{step{status: 404, code: "NoSuchBucket"}, "check Bucket, Region and Endpoint", "", 0},
				{step{status: 404, body: "<html>"}, "S3 responded 404 Not Found", "", 0},
				{step{status: 301, code: "PermanentRedirect", header: map[string]string{"X-Amz-Bucket-Region": "us-east-2"}}, "the bucket is in us-east-2: set Region", "", 0},
				{step{status: 400, body: "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>"}, "the bucket is in us-west-2: set Region", "", 0},
				{step{status: 307, code: "TemporaryRedirect", header: map[string]string{"Location": "https://evil.example.com/"}}, "check Region and Endpoint", "", 0},
				{step{status: 403, code: "InvalidObjectState"}, "a rule has archived the object: remove the rule", "", 0},
				{step{status: 501, code: "NotImplemented"}, "the store cannot swap", "", 0},
				{step{status: 400, body: "<Code>" + strings.Repeat("x", 61) + "</Code>"}, "S3 responded 400 Bad Request", "", 0},
				{step{status: 400, body: "<Code>hunter2 sesame</Code>"}, "S3 responded 400 Bad Request", "", 0},
			},
			"DynamoDB": {
				{step{status: 200, body: "[]"}, "expected the JSON of DynamoDB", "", 0},
				{step{status: 200, body: `{"Item":{"version"`}, "expected the JSON of DynamoDB", "", 0},
				{step{status: 400, code: "AccessDeniedException"}, "no right to GetItem or KMS", transport.KindRefused, 0},
				{step{status: 400, code: "UnrecognizedClientException"}, "check the credentials", transport.KindRefused, 0},
				{step{status: 400, code: "InvalidSignatureException"}, "check the secret key and Region", transport.KindRefused, 0},
				{step{status: 400, code: "InvalidSignatureException", header: now(2 * time.Minute)}, "check the secret key and Region", transport.KindRefused, 0},
				{step{status: 400, code: "InvalidSignatureException", header: now(-80 * time.Hour)}, "the clock is 80h0m ahead: set it", transport.KindRefused, 0},
				{step{status: 400, code: "ProvisionedThroughputExceededException"}, "too many requests", "", 0},
				{step{status: 400, code: "ThrottlingException"}, "too many requests", "", 0},
				{step{status: 400, code: "RequestLimitExceeded"}, "too many requests", "", 0},
				{step{status: 400, code: "ResourceNotFoundException"}, "check Table and Region", "", 0},
				{step{status: 400, code: "ValidationException"}, "the table needs the key name, of type S", "", 0},
				{step{status: 400, body: "{"}, "DynamoDB responded 400 Bad Request", "", 0},
				{step{status: 200, body: "<html>"}, "expected the JSON of DynamoDB", "", 0},
				{step{status: 200, body: `{"Item":{"name":{"S":"ffc/env/head"}}}`}, "another program wrote it", "", 0},
				{step{status: 200, body: `{"Item":{"version":{"S":"1"},"value":{"B":"?"}}}`}, "expected the JSON of DynamoDB", "", 0},
			},
		}
	}
	eachEngine(t, func(t *testing.T, name string) {
		for _, test := range tests()[name] {
			b := engines[name].open(t, test.step)
			_, _, err := b.Get(t.Context(), "env/head")
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, fleet.ErrNotFound) {
				t.Errorf("error %v, want %q", err, test.want)
				continue
			}
			if len(err.Error()) > 100 {
				t.Errorf("publishers cut the error, which has %d characters: %v", len(err.Error()), err)
			}
			kind := transport.Kind("")
			if why := (*transport.Error)(nil); errors.As(err, &why) {
				kind, err = why.Kind, why.Err
			}
			if kind != test.kind {
				t.Errorf("%v: kind %q, want %q", err, kind, test.kind)
			}
			for _, private := range []string{"hunter2", "sesame", secret, token, keyID, "evil"} {
				if strings.Contains(err.Error(), private) {
					t.Errorf("the error has %q: %v", private, err)
				}
			}
			var asks interface{ RetryAfter() time.Duration }
			if errors.As(err, &asks) && asks.RetryAfter() != test.wait {
				t.Errorf("%v: asks to wait for %v, want %v", err, asks.RetryAfter(), test.wait)
			}
			b.done()
		}
	})
}

// A write whose right is missing names that right.
func TestErrorsNameTheRight(t *testing.T) {
	denied := map[string]step{"S3": {status: 403, code: "AccessDenied"}, "DynamoDB": {status: 400, code: "AccessDeniedException"}}
	rights := map[string][3]string{
		"S3":       {"s3:PutObject", "s3:PutObject", "s3:DeleteObject"},
		"DynamoDB": {"PutItem", "PutItem", "DeleteItem"},
	}
	eachEngine(t, func(t *testing.T, name string) {
		b := engines[name].open(t, denied[name], denied[name], denied[name])
		_, swapErr := b.Swap(t.Context(), "env/head", nil, "")
		for i, err := range []error{b.Put(t.Context(), "env/body", nil), swapErr, b.Delete(t.Context(), "env/body")} {
			if err == nil || !strings.Contains(err.Error(), "no right to "+rights[name][i]) || len(err.Error()) > 100 {
				t.Errorf("error %v, want that the right %s is missing", err, rights[name][i])
			}
		}
	})
}

// If the response to a Swap is lost, the second attempt finds what the first has
// written, or what another publisher has.
func TestSwapWhoseResponseIsLost(t *testing.T) {
	lost := map[string]step{"broken": {err: errReset}, "500": {status: 500, code: "InternalError"}}
	missing := map[string]step{"S3": {status: 404, code: "NoSuchKey"}, "DynamoDB": {status: 200, body: "{}"}}
	eachEngine(t, func(t *testing.T, name string) {
		is := engines[name]
		for how, first := range lost {
			b := is.open(t, first, is.written)
			if tag, err := b.Swap(t.Context(), "env/head", []byte("next"), "1"); err != nil || tag == "" {
				t.Errorf("%s, not written: Swap returned %q, error %v", how, tag, err)
			}
			b.done()

			b = is.open(t, first, is.conflict, step{echo: true})
			if tag, err := b.Swap(t.Context(), "env/head", []byte("next"), "1"); err != nil || tag == "" {
				t.Errorf("%s, written: Swap returned %q, error %v", how, tag, err)
			}
			b.done()

			for _, now := range []step{is.value, missing[name]} {
				b = is.open(t, first, is.conflict, now)
				if _, err := b.Swap(t.Context(), "env/head", []byte("next"), "1"); err == nil || errors.Is(err, fleet.ErrConflict) {
					t.Errorf("%s, written by another: error %v, want that of the first attempt", how, err)
				}
				b.done()
			}
		}
	})
}

// A second attempt after one that the service has not executed can conflict.
func TestSwapConflicts(t *testing.T) {
	eachEngine(t, func(t *testing.T, name string) {
		is := engines[name]
		dial := step{err: &net.OpError{Op: "dial", Net: "tcp", Err: errReset}}
		scripts := [][]step{{is.conflict}, {dial, is.conflict}, {{status: 400, code: "ExpiredToken"}, is.conflict}}
		if name == "S3" {
			scripts = append(scripts, []step{{status: 409, code: "ConditionalRequestConflict"}}, []step{{status: 409, code: "OperationAborted"}}, []step{{status: 404, code: "NoSuchKey"}})
		}
		for i, steps := range scripts {
			b := is.open(t, steps...)
			if _, err := b.Swap(t.Context(), "env/head", []byte("next"), "1"); !errors.Is(err, fleet.ErrConflict) {
				t.Errorf("script %d: error %v, want ErrConflict", i, err)
			}
			b.done()
		}
	})
}

func TestStoreWithoutETags(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		b := newS3(t, step{status: 200}, step{status: 200, body: "head"})
		if _, err := b.Swap(t.Context(), "env/head", []byte("next"), ""); !errors.Is(err, errNoTag) {
			t.Errorf("error of Swap %v, want %v", err, errNoTag)
		}
		if _, _, err := b.Get(t.Context(), "env/head"); !errors.Is(err, errNoTag) {
			t.Errorf("error of Get %v, want %v", err, errNoTag)
		}
	})
}

// A reader that reads eventually reads what is missing once more, consistently.
func TestEventuallyConsistentReads(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		is := engines["DynamoDB"]
		b := newDynamoDB(t, is.value, step{status: 200, body: "{}"}, is.value, step{status: 200, body: "{}"}, step{status: 200, body: "{}"})
		b.Backend.(*DynamoDB).consistent = false
		for range 2 {
			value, _, err := b.Get(t.Context(), "env/head")
			if err != nil {
				t.Fatal(err)
			}
			equal(t, value, "head")
		}
		if _, _, err := b.Get(t.Context(), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
		b.done()
		for i, want := range []bool{false, false, true, false, true} {
			if got := strings.Contains(string(b.requests[i].body), `"ConsistentRead":true`); got != want {
				t.Errorf("request %d is consistent: %t, want %t", i, got, want)
			}
		}
	})
}

// Values that are too large are neither sent nor kept.
func TestSizesAreBounded(t *testing.T) {
	eachEngine(t, func(t *testing.T, name string) {
		b := engines[name].open(t)
		large := make([]byte, b.Backend.(fleet.Limiter).MaxValue()+1)
		_, swapErr := b.Swap(t.Context(), "env/head", large, "")
		for _, err := range []error{swapErr, b.Put(t.Context(), "env/body", large)} {
			if err == nil || !strings.Contains(err.Error(), "expected at most") {
				t.Errorf("error %v, want that the value is too large", err)
			}
		}
	})
	endless := func(length int64) *http.Client {
		return &http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: length, Body: io.NopCloser(zeros{})}, nil
		})}
	}
	for _, length := range []int64{-1, 1 << 40} {
		t.Run(fmt.Sprint("Content-Length ", length), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				b, err := NewDynamoDB(DynamoDBConfig{Table: "flags", Region: "eu-central-1", Credentials: fixed, HTTPClient: endless(length)})
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := b.Get(t.Context(), "env/head"); !errors.Is(err, errTooLarge) {
					t.Errorf("error %v, want %v", err, errTooLarge)
				}
			})
		})
	}
}

// zeros is a body without an end.
type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// A call returns with its context, whatever it waits for.
func TestContextEndsCalls(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return errors.New("interrupted") }
	clients := map[string]testkit.RoundTrip{
		"a response": func(r *http.Request) (*http.Response, error) { return nil, hang(r.Context()) },
		"a body": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, ContentLength: 10, Body: io.NopCloser(hanging{r.Context()})}, nil
		},
		"the body of an error": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 500, ContentLength: 10, Body: io.NopCloser(hanging{r.Context()})}, nil
		},
		"another attempt": func(*http.Request) (*http.Response, error) {
			time.Sleep(990 * time.Millisecond)
			return &http.Response{StatusCode: 500, Body: http.NoBody}, nil
		},
	}
	for what, rt := range clients {
		t.Run(what, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) { endsWithContext(t, fixed, rt) })
		})
	}
	t.Run("credentials", func(t *testing.T) {
		testkit.Bubble(t, func(t *testing.T) {
			endsWithContext(t, aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
				return aws.Credentials{}, hang(ctx)
			}), nil)
		})
	})
}

func endsWithContext(t *testing.T, credentials aws.CredentialsProvider, rt testkit.RoundTrip) {
	t.Helper()
	b, err := NewS3(S3Config{Bucket: "flags", Region: "eu-central-1", Credentials: credentials, HTTPClient: &http.Client{Transport: rt}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	began := time.Now()
	if _, _, err := b.Get(ctx, "env/head"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want DeadlineExceeded", err)
	}
	if took := time.Since(began); took != time.Second {
		t.Errorf("took %v, want 1 s", took)
	}
}

// The timeout of the application's client bounds each attempt.
func TestTimeoutBoundsAnAttempt(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		attempts := 0
		b, err := NewS3(S3Config{Bucket: "flags", Region: "eu-central-1", Credentials: fixed, HTTPClient: &http.Client{
			Timeout: time.Second,
			Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
				attempts++
				<-r.Context().Done()
				return nil, r.Context().Err()
			}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, _, err = b.Get(t.Context(), "env/head")
		if took := time.Since(began); err == nil || took != 2*time.Second || attempts != 2 {
			t.Errorf("%d attempts took %v, error %v; want 2 of 1 s", attempts, took, err)
		}
	})
}

// hanging is a body that does not arrive.
type hanging struct{ ctx context.Context }

// Read implements io.Reader.
func (h hanging) Read([]byte) (int, error) { <-h.ctx.Done(); return 0, errors.New("interrupted") }

func TestCredentialsFail(t *testing.T) {
	failure := errors.New("the token service is down")
	tests := map[string]struct {
		provider aws.CredentialsProviderFunc
		want     string
	}{
		"error": {func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, failure }, "no credentials: the token service is down"},
		"empty": {func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, nil }, "returned an empty access key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := NewS3(S3Config{Bucket: "flags", Region: "eu-central-1", Credentials: test.provider})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = b.Get(t.Context(), "env/head")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// Credentials are rotated under load: the service accepts only the newest, and
// the provider keeps its credentials until they expire, which is later.
func TestCredentialsRotateUnderLoad(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		const readers, rounds = 8, 50
		var current atomic.Int64
		key := func(i int64) string { return fmt.Sprint("AKIA", i) }
		provider := aws.NewCredentialsCache(aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: key(current.Load()), SecretAccessKey: secret, CanExpire: true, Expires: time.Now().Add(time.Hour)}, nil
		}))
		var expired atomic.Int64
		b, err := NewS3(S3Config{Bucket: "flags", Region: "eu-central-1", Credentials: provider, HTTPClient: &http.Client{
			Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
				one := &script{TB: t, service: "s3", steps: []step{engines["S3"].value}}
				if !strings.Contains(r.Header.Get("Authorization"), "Credential="+key(current.Load())+"/") {
					expired.Add(1)
					one.steps = []step{{status: 400, code: "ExpiredToken"}}
				}
				time.Sleep(time.Millisecond)
				return one.RoundTrip(r)
			}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var reading sync.WaitGroup
		for range readers {
			reading.Go(func() {
				for ctx.Err() == nil {
					if _, _, err := b.Get(ctx, "env/head"); err != nil && ctx.Err() == nil {
						t.Errorf("a read failed: %v", err)
						return
					}
				}
			})
		}
		for range rounds {
			time.Sleep(10 * time.Millisecond)
			current.Add(1)
		}
		time.Sleep(10 * time.Millisecond)
		cancel()
		reading.Wait()
		if n := expired.Load(); n < rounds {
			t.Errorf("%d requests had credentials that had expired, want at least %d", n, rounds)
		}
	})
}

// Connections that were idle for too long are closed by the next call, also if
// only the wall clock shows that, as the process was frozen.
func TestIdleConnectionsAreReplacedAtTheNextCall(t *testing.T) {
	tests := map[string]struct {
		idle time.Duration
		wall bool
		want int64 // connections
	}{
		"20 s":                        {20 * time.Second, false, 1},
		"61 s":                        {61 * time.Second, false, 2},
		"frozen for 20 s":             {20 * time.Second, true, 1},
		"frozen for 10 min":           {10 * time.Minute, true, 2},
		"the wall clock was set back": {-10 * time.Minute, true, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				var opened atomic.Int64
				listener := testkit.NewListener()
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("ETag", `"1"`)
					_, _ = io.WriteString(w, "head")
				})}
				go func() { _ = server.Serve(listener) }()
				b, err := NewS3(S3Config{
					Bucket: "flags", Region: "eu-central-1", Credentials: fixed, Endpoint: "http://s3.test", HTTPClient: &http.Client{
						Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
							opened.Add(1)
							return listener.Dial(ctx, network, address)
						}},
					},
				})
				if err != nil {
					t.Fatal(err)
				}
				for range 2 {
					if _, _, err := b.Get(t.Context(), "env/head"); err != nil {
						t.Fatal(err)
					}
					last := time.Now().Add(-test.idle)
					if test.wall {
						last = last.Round(0)
					}
					synctest.Wait()
					b.service.client.used = last
				}
				if got := opened.Load(); got != test.want {
					t.Errorf("%d connections, want %d", got, test.want)
				}
				b.CloseIdleConnections()
				_ = server.Close()
			})
		})
	}
}
