package fleetaws

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const queueURL = "https://sqs.eu-central-1.amazonaws.com/123456789012/events"

// newSQS returns an SQS whose service follows a script.
func newSQS(t testing.TB, steps ...step) (*SQS, *script) {
	t.Helper()
	s := &script{TB: t, service: "sqs", steps: steps}
	q, err := NewSQS(SQSConfig{QueueURL: queueURL, Region: "eu-central-1", Credentials: fixed, HTTPClient: &http.Client{Transport: s}})
	if err != nil {
		t.Fatal(err)
	}
	return q, s
}

func someBatch() flush.Batch {
	return flush.Batch{Environment: `e"1`, Route: "/track", Body: []byte(`[{"user":{"keyId":"ann"}}]`), At: time.UnixMilli(1795909271123)}
}

func TestSQSRejectsConfigurations(t *testing.T) {
	t.Parallel()
	valid := SQSConfig{QueueURL: queueURL, Region: "eu-central-1", Credentials: fixed}
	for name, test := range map[string]struct {
		change func(*SQSConfig)
		want   string // "" is valid
	}{
		"valid":            {func(*SQSConfig) {}, ""},
		"no queue":         {func(c *SQSConfig) { c.QueueURL = "" }, "missing QueueURL"},
		"a name":           {func(c *SQSConfig) { c.QueueURL = "events" }, "unusable QueueURL"},
		"a password":       {func(c *SQSConfig) { c.QueueURL = "https://u:hunter2@host/1/events" }, "unusable QueueURL"},
		"no path":          {func(c *SQSConfig) { c.QueueURL = "https://host/" }, "unusable QueueURL"},
		"FIFO":             {func(c *SQSConfig) { c.QueueURL += ".fifo" }, "FIFO"},
		"no region":        {func(c *SQSConfig) { c.Region = "" }, "unusable Region"},
		"no credentials":   {func(c *SQSConfig) { c.Credentials = nil }, "missing Credentials"},
		"small messages":   {func(c *SQSConfig) { c.MaxMessage = 1000 }, "unusable MaxMessage"},
		"large messages":   {func(c *SQSConfig) { c.MaxMessage = 2 << 20 }, "unusable MaxMessage"},
		"hidden too short": {func(c *SQSConfig) { c.Hide = time.Millisecond }, "unusable Hide"},
		"hidden too long":  {func(c *SQSConfig) { c.Hide = 13 * time.Hour }, "unusable Hide"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := valid
			test.change(&c)
			q, err := NewSQS(c)
			if (err == nil) != (test.want == "") || err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2")) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if err == nil && q.String() != "SQS queue events" {
				t.Errorf("the name is %q", q)
			}
		})
	}
}

// A message is what ParseMessage reads, and holds the queue's address and nothing else
// of the configuration.
func TestSQSPut(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		q, s := newSQS(t, step{status: 200, body: `{"MessageId":"1"}`})
		b := someBatch()
		if err := q.Put(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		s.done()
		r := s.requests[0]
		sent := fastjson.MustParseBytes(r.body)
		if got := string(sent.GetStringBytes("QueueUrl")); got != queueURL || r.header.Get("X-Amz-Target") != "AmazonSQS.SendMessage" || r.url.String() != "https://sqs.eu-central-1.amazonaws.com/" {
			t.Errorf("%s for %q at %v", r.header.Get("X-Amz-Target"), got, &r.url)
		}
		got, err := ParseMessage(string(sent.GetStringBytes("MessageBody")))
		if err != nil || got.Environment != b.Environment || got.Route != b.Route || !bytes.Equal(got.Body, b.Body) || !got.At.Equal(b.At) {
			t.Errorf("the message is %+v, %v; want %+v", got, err, b)
		}
	})
}

func TestSQSPutErrors(t *testing.T) {
	ok := step{status: 200, body: `{"MessageId":"1"}`}
	tests := map[string]struct {
		steps []step
		is    error  // nil: none of those of package flush
		words string // "" is no error
	}{
		"broken once":     {[]step{{err: errReset}, ok}, nil, ""},
		"broken":          {[]step{{err: errReset}, {err: errReset}}, nil, "connection failed"},
		"500 once":        {[]step{{status: 500, code: "InternalError"}, ok}, nil, ""},
		"throttled":       {[]step{{status: 400, code: "RequestThrottled"}}, flush.ErrFull, "too many requests"},
		"KMS throttled":   {[]step{{status: 400, code: "KmsThrottled"}}, flush.ErrFull, "too many requests"},
		"denied":          {[]step{{status: 403, code: "AccessDeniedException"}}, nil, "no right to sqs:SendMessage"},
		"missing queue":   {[]step{{status: 400, code: "QueueDoesNotExist"}}, nil, "check QueueURL"},
		"wrong parameter": {[]step{{status: 400, code: "InvalidParameterValue"}}, nil, "check MaxMessage"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				q, s := newSQS(t, test.steps...)
				err := q.Put(t.Context(), someBatch())
				s.done()
				if test.words == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if err == nil || !strings.Contains(err.Error(), test.words) || strings.Contains(err.Error(), "hunter2") || test.is != nil && !errors.Is(err, test.is) || test.is == nil && errors.Is(err, flush.ErrFull) {
					t.Errorf("error %v, want one with %q", err, test.words)
				}
				refused, ok := errors.AsType[*transport.Error](err)
				if (name == "denied") != (ok && refused.Kind == transport.KindRefused) {
					t.Errorf("error %#v", err)
				}
			})
		})
	}
}

// A batch that does not fit into a message is too large, without a request.
func TestSQSPutTooLarge(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		q, s := newSQS(t, step{status: 200, body: `{}`})
		b := someBatch()
		b.Body = make([]byte, 1536<<10) // is compressed
		if err := q.Put(t.Context(), b); err != nil {
			t.Error(err)
		}
		b.Body = []byte(rest(500 << 10))
		if err := q.Put(t.Context(), b); !errors.Is(err, flush.ErrTooLarge) {
			t.Errorf("error %v", err)
		}
		s.done()
	})
}

// rest is text that cannot be compressed much.
func rest(size int) string {
	var text strings.Builder
	for i := uint64(1); text.Len() < size; i++ {
		fmt.Fprintf(&text, "%x", i*0x9E3779B97F4A7C15*i)
	}
	return text.String()
}

// message is a message as SQS returns it.
func message(t *testing.T, handle string, tries int) string {
	t.Helper()
	text, err := appendMessage(nil, someBatch())
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"Body":%s,"ReceiptHandle":%q,"Attributes":{"ApproximateReceiveCount":"%d"}}`, appendString(nil, string(text)), handle, tries)
}

// Changes are gathered, and each has the result that SQS reports for it.
func TestSQSChanges(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		q, s := newSQS(t,
			step{status: 200, body: `{}`}, // nothing yet
			step{status: 200, body: `{"Messages":[` + message(t, "a", 1) + "," + message(t, "b", 2) + "," + message(t, "c", 0) + `,{"Body":"other","ReceiptHandle":"d"}]}`},
			step{status: 200, body: `{"Successful":[{"Id":"2"}],"Failed":[{"Id":"1","Code":"ReceiptHandleIsInvalid","SenderFault":true},{"Id":"9"}]}`},
			step{status: 200, body: `{"Successful":[{"Id":"0"}]}`},
			step{status: 200, body: `{"Successful":[{"Id":"0"}]}`},
		)
		taken, err := q.Take(t.Context(), 100)
		if err != nil || len(taken) != 4 {
			t.Fatalf("%d deliveries, %v", len(taken), err)
		}
		for i, tries := range []int{1, 2, 1, 1} {
			if taken[i].Tries != tries {
				t.Errorf("delivery %d: Tries is %d, want %d", i, taken[i].Tries, tries)
			}
		}
		if other := taken[3].Batch; other.Environment != "" || string(other.Body) != "other" {
			t.Errorf("a message of another program is %+v", other)
		}
		errs := make([]error, 3)
		var calls sync.WaitGroup
		for i := range errs {
			calls.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond) // in this order
				errs[i] = taken[i].Done(t.Context())
			})
		}
		calls.Wait()
		if errs[0] == nil || errs[1] == nil || !strings.Contains(errs[1].Error(), "ReceiptHandleIsInvalid") || errs[2] != nil {
			t.Errorf("Done: %v", errs)
		}
		if err := taken[0].Extend(t.Context()); err != nil {
			t.Error(err)
		}
		if err := taken[0].Again(t.Context(), 1500*time.Millisecond); err != nil {
			t.Error(err)
		}
		s.done()
		receive := fastjson.MustParseBytes(s.requests[1].body)
		if receive.GetInt("MaxNumberOfMessages") != 10 || receive.GetInt("WaitTimeSeconds") != 20 || receive.GetInt("VisibilityTimeout") != 60 {
			t.Errorf("ReceiveMessage: %s", receive)
		}
		for i, want := range []int{60, 2} {
			if got := fastjson.MustParseBytes(s.requests[3+i].body).GetInt("Entries", "0", "VisibilityTimeout"); got != want {
				t.Errorf("change %d: %d s, want %d", i, got, want)
			}
		}
	})
}

// A failed request fails all of its changes. A call returns when its context ends.
func TestSQSChangesFail(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		for _, failure := range []step{{status: 403, code: "AccessDenied"}, {status: 200, body: "no JSON"}, {status: 200, body: "{}"}} {
			q, s := newSQS(t, step{status: 200, body: `{"Messages":[` + message(t, "a", 1) + `]}`}, failure)
			taken, err := q.Take(t.Context(), 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := taken[0].Done(t.Context()); err == nil {
				t.Error("no error")
			}
			short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			s.steps = append(s.steps, step{status: 200, body: "{}"})
			if err := taken[0].Again(short, 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			cancel()
			time.Sleep(time.Second)
			synctest.Wait()
			s.done()
		}
	})
}

// Take ends with its context, and with errors of the service.
func TestSQSTakeErrors(t *testing.T) {
	for name, test := range map[string]struct {
		steps []step
		words string
	}{
		"broken":    {[]step{{err: errReset}, {err: errReset}}, "connection failed"},
		"denied":    {[]step{{status: 403, code: "AccessDenied"}}, "sqs:ReceiveMessage"},
		"no JSON":   {[]step{{status: 200, body: "<html>"}}, "expected the JSON of SQS"},
		"no handle": {[]step{{status: 200, body: `{"Messages":[{"Body":"x"}]}`}}, "expected the JSON of SQS"},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				q, s := newSQS(t, test.steps...)
				_, err := q.Take(t.Context(), 10)
				s.done()
				if err == nil || !strings.Contains(err.Error(), test.words) {
					t.Errorf("error %v, want %q", err, test.words)
				}
			})
		})
	}
}

// A service that never responds ends no later than its time for a poll.
func TestSQSTakeFromASilentService(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		silent := testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		q, err := NewSQS(SQSConfig{QueueURL: queueURL, Region: "eu-central-1", Credentials: fixed, HTTPClient: &http.Client{Transport: silent}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := q.Take(t.Context(), 10); err == nil || time.Since(began) != 30*time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

// FuzzParseMessage reads messages of others.
func FuzzParseMessage(f *testing.F) {
	text, err := appendMessage(nil, someBatch())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add(`{"format":2}`)
	f.Add(`{"format":1,"environment":"e","route":"/r","at":1,"gzip":"H4sIAAAAAAAA"}`)
	f.Fuzz(func(t *testing.T, text string) {
		b, err := ParseMessage(text)
		if err != nil {
			if err != errMessage {
				t.Errorf("error %v", err)
			}
			return
		}
		again, err := appendMessage(nil, b)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ParseMessage(string(again)); err != nil || !bytes.Equal(b.Body, c.Body) || !b.At.Equal(c.At) {
			t.Errorf("%+v becomes %+v, %v", b, c, err)
		}
	})
}

// The size of a queue has all messages, also those that are hidden or delayed.
func TestSQSSize(t *testing.T) {
	for name, test := range map[string]struct {
		step  step
		want  int64
		words string // "" is no error
	}{
		"three counts":   {step{status: 200, body: `{"Attributes":{"ApproximateNumberOfMessages":"7","ApproximateNumberOfMessagesNotVisible":"20","ApproximateNumberOfMessagesDelayed":"100"}}`}, 127, ""},
		"one is missing": {step{status: 200, body: `{"Attributes":{"ApproximateNumberOfMessages":"7","ApproximateNumberOfMessagesNotVisible":"20"}}`}, 0, "invalid response"},
		"no JSON":        {step{status: 200, body: `<html>`}, 0, "invalid response"},
		"denied":         {step{status: 403, code: "AccessDenied"}, 0, "no right to sqs:GetQueueAttributes"},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				q, s := newSQS(t, test.step)
				sizes, err := q.Size(t.Context())
				s.done()
				if test.words != "" {
					if err == nil || !strings.Contains(err.Error(), test.words) {
						t.Errorf("error %v, want one with %q", err, test.words)
					}
					return
				}
				if want := (flush.QueueSize{Batches: test.want, Bytes: -1}); err != nil || len(sizes) != 1 || sizes[0] != want {
					t.Errorf("got %+v, %v; want %+v", sizes, err, want)
				}
				if got := s.requests[0].header.Get("X-Amz-Target"); got != "AmazonSQS.GetQueueAttributes" {
					t.Errorf("the request is %s", got)
				}
			})
		})
	}
}
