package fleetaws

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

const (
	// defaultMessage is the default of SQSConfig.MaxMessage, and largestMessage its
	// limit: that of SQS.
	defaultMessage = 256 << 10
	largestMessage = 1 << 20
	// defaultHide is the default of SQSConfig.Hide.
	defaultHide = time.Minute
	// maxHide is the longest time for which SQS hides a message.
	maxHide = 12 * time.Hour
	// pollFor is how long SQS waits for messages, and pollSlack how much longer a
	// response may take.
	pollFor   = 20 * time.Second
	pollSlack = 10 * time.Second
	// perCall is how many messages a call receives or changes at most.
	perCall = 10
	// maxReceived is how many bytes the response with messages may have.
	maxReceived = 16 << 20
	// maxInflated is how many bytes the body of a batch may have.
	maxInflated = 16 << 20
	// gather is for how long changes of messages are gathered to one request.
	gather = 20 * time.Millisecond
	// changeTimeout bounds a request that changes messages.
	changeTimeout = 10 * time.Second
)

// SQSConfig configures an SQS.
type SQSConfig struct {
	// QueueURL is the address of the queue, such as
	// https://sqs.eu-central-1.amazonaws.com/123456789012/events. It must be a standard
	// queue, not FIFO. Required.
	QueueURL string
	// Region is the region of the queue. Required.
	Region string
	// Credentials is what S3Config.Credentials is. Required.
	Credentials aws.CredentialsProvider
	// Endpoint is http(s)://host[:port][/path]: that of a VPC interface endpoint, or of
	// a server with SQS's protocol. "" is https://sqs.REGION.amazonaws.com, or that of
	// another partition as in S3Config.
	Endpoint string
	// HTTPClient is what S3Config.HTTPClient is.
	HTTPClient *http.Client
	// MaxMessage is how many bytes a message may have. It must not exceed the queue's
	// attribute MaximumMessageSize. Batches are compressed, so that few are larger; those
	// are split. SQS charges for each 64 KiB. 0 is 256 KiB; the maximum is 1 MiB.
	MaxMessage int
	// Hide is for how long a batch that Take has returned is hidden from others, to the
	// second. A relay.Forwarder needs the default. 0 is 60 s; the maximum is 12 h.
	Hide time.Duration
}

// SQS is a flush.Queue on a queue of SQS: a flush.Sink for functions, and where a
// relay.Forwarder takes batches from. Batches are durable, in several zones, when Put
// has returned, for as long as the queue retains messages: 4 days by default and up to
// 14. It may be used concurrently. Make one with NewSQS.
//
// Calls have no timeout of their own, except Delivery's functions, 10 s: give them a
// context that ends. ffc.Client and relay.Forwarder do.
type SQS struct {
	service  *service
	endpoint url.URL
	queue    string // its URL as JSON
	name     string
	most     int
	hide     time.Duration
	delete   *batcher
	change   *batcher
}

var (
	_ flush.Queue      = (*SQS)(nil)
	_ flush.QueueSizer = (*SQS)(nil)
)

// NewSQS returns an SQS. It does not connect. NewSQS fails only if the configuration is
// invalid, and reports all problems at once.
func NewSQS(config SQSConfig) (*SQS, error) {
	c := common{region: config.Region, credentials: config.Credentials, endpoint: config.Endpoint, client: config.HTTPClient}
	endpoint, problems := c.check("sqs")
	address, err := url.Parse(config.QueueURL)
	switch {
	case config.QueueURL == "":
		problems = append(problems, errors.New("missing QueueURL: expected the address of the queue"))
	case err != nil || address.Scheme != "http" && address.Scheme != "https" || address.Hostname() == "" ||
		address.User != nil || address.RawQuery != "" || address.Fragment != "" || len(strings.Trim(address.Path, "/")) == 0:
		// The address is not quoted: it may have a password.
		problems = append(problems, errors.New("unusable QueueURL: expected https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"))
	case strings.HasSuffix(address.Path, ".fifo"):
		problems = append(problems, errors.New("unusable QueueURL: FIFO queues are not supported; expected a standard queue"))
	}
	if config.MaxMessage != 0 && (config.MaxMessage < 16<<10 || config.MaxMessage > largestMessage) {
		problems = append(problems, fmt.Errorf("unusable MaxMessage %d: expected 16384 to %d bytes", config.MaxMessage, largestMessage))
	}
	if config.Hide != 0 && (config.Hide < time.Second || config.Hide > maxHide) {
		problems = append(problems, fmt.Errorf("unusable Hide %v: expected 1s to %v", config.Hide, maxHide))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("fleetaws: SQS: %w", errors.Join(problems...))
	}
	endpoint.Path += "/"
	q := &SQS{
		service: c.service("SQS", "sqs", jsonFailure), endpoint: *endpoint,
		queue: string(appendString(nil, config.QueueURL)), name: address.Path[strings.LastIndexByte(address.Path, '/')+1:],
		most: cmp.Or(config.MaxMessage, defaultMessage), hide: cmp.Or(config.Hide, defaultHide),
	}
	q.delete = &batcher{q: q, operation: "DeleteMessageBatch", right: "sqs:DeleteMessage"}
	q.change = &batcher{q: q, operation: "ChangeMessageVisibilityBatch", right: "sqs:ChangeMessageVisibility"}
	return q, nil
}

// String returns the name of the queue.
func (q *SQS) String() string { return "SQS queue " + q.name }

// CloseIdleConnections closes connections that no call uses. It does nothing if
// SQSConfig.HTTPClient has a Transport that is no *http.Transport.
func (q *SQS) CloseIdleConnections() { q.service.client.suspect() }

// Put implements flush.Sink. It compresses the body, and is retried once. The error
// wraps flush.ErrTooLarge if the message has more than SQSConfig.MaxMessage bytes, and
// flush.ErrFull if SQS throttles.
func (q *SQS) Put(ctx context.Context, b flush.Batch) error {
	message, err := appendMessage(nil, b)
	if err != nil {
		return err
	}
	if len(message) > q.most {
		return fmt.Errorf("the message has %d bytes, expected at most %d: %w", len(message), q.most, flush.ErrTooLarge)
	}
	body := q.body()
	body = append(body, `,"MessageBody":`...)
	body = appendString(body, string(message))
	_, err = q.call(ctx, "SendMessage", "sqs:SendMessage or KMS", append(body, '}'), maxError)
	if failure, ok := errors.AsType[*serviceError](err); ok && failure.kind() == kindThrottled {
		return fmt.Errorf("%w: %w", flush.ErrFull, err)
	}
	return err
}

// appendMessage appends a message: JSON with the body in gzip and Base64.
func appendMessage(dst []byte, b flush.Batch) ([]byte, error) {
	packed, err := pack(b.Body)
	if err != nil {
		return nil, err
	}
	dst = append(dst, `{"format":1,"environment":`...)
	dst = appendString(dst, b.Environment)
	dst = append(dst, `,"route":`...)
	dst = appendString(dst, b.Route)
	dst = append(dst, `,"at":`...)
	dst = strconv.AppendInt(dst, b.At.UnixMilli(), 10)
	dst = append(dst, `,"gzip":"`...)
	dst = base64.StdEncoding.AppendEncode(dst, packed)
	return append(dst, `"}`...), nil
}

// compressors are writers of gzip, which are large.
var compressors = sync.Pool{New: func() any {
	z, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is valid
	return z
}}

func pack(body []byte) ([]byte, error) {
	z := compressors.Get().(*gzip.Writer)
	defer compressors.Put(z)
	defer z.Reset(nil) // the pool keeps no data
	var packed bytes.Buffer
	z.Reset(&packed)
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

var errMessage = errors.New("fleetaws: the message is not one of SQS.Put: another program wrote it, or a newer version")

// ParseMessage returns the batch in a message that SQS.Put has written. A function that
// SQS invokes calls it with the body of each record, and relay.Forwarder.Forward with
// the batches.
func ParseMessage(body string) (flush.Batch, error) {
	parser := parsers.Get()
	defer parsers.Put(parser)
	v, err := parser.Parse(body)
	if err != nil || v.GetInt("format") != 1 {
		return flush.Batch{}, errMessage
	}
	packed := v.GetStringBytes("gzip")
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(packed)))
	n, err := base64.StdEncoding.Decode(raw, packed)
	if err != nil {
		return flush.Batch{}, errMessage
	}
	z, err := gzip.NewReader(bytes.NewReader(raw[:n]))
	if err != nil {
		return flush.Batch{}, errMessage
	}
	text, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
	if err != nil || len(text) > maxInflated {
		return flush.Batch{}, errMessage
	}
	return flush.Batch{
		Environment: string(v.GetStringBytes("environment")), Route: string(v.GetStringBytes("route")),
		Body: text, At: time.UnixMilli(v.GetInt64("at")),
	}, nil
}

// Take implements flush.Queue. It returns at most 10 batches. A message that Put has not
// written is a batch without an environment, with the message as its body. While Take
// waits it sends a request every 20 s.
func (q *SQS) Take(ctx context.Context, most int) ([]flush.Delivery, error) {
	for {
		wait := pollFor
		if q.service.client.timeout > 0 {
			wait = min(wait, q.service.client.timeout/2)
		}
		if deadline, ok := ctx.Deadline(); ok {
			wait = min(wait, time.Until(deadline)-time.Second)
		}
		seconds := max(int(wait/time.Second), 0)
		taken, err := q.receive(ctx, min(max(most, 1), perCall), seconds)
		if err != nil || len(taken) > 0 {
			return taken, err
		}
		if seconds == 0 && !sleep(ctx, 100*time.Millisecond) {
			return nil, context.Cause(ctx)
		}
	}
}

// Size implements flush.QueueSizer, with a request. It returns one size, of all
// environments together, with the approximate number of messages, which SQS may report up
// to a minute late. SQS reports no bytes, and the age of the oldest message only to
// CloudWatch: ApproximateAgeOfOldestMessage. The right is sqs:GetQueueAttributes, which
// Put and Take do not need.
func (q *SQS) Size(ctx context.Context) ([]flush.QueueSize, error) {
	counts := []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"}
	body := append(q.body(), `,"AttributeNames":["`+strings.Join(counts, `","`)+`"]}`...)
	text, err := q.call(ctx, "GetQueueAttributes", "sqs:GetQueueAttributes", body, maxError)
	if err != nil {
		return nil, err
	}
	parser := parsers.Get()
	defer parsers.Put(parser)
	response, err := parser.ParseBytes(text)
	if err != nil {
		return nil, errNotSQS
	}
	size := flush.QueueSize{Bytes: -1}
	for _, name := range counts {
		n, err := strconv.ParseInt(string(response.GetStringBytes("Attributes", name)), 10, 64)
		if err != nil {
			return nil, errNotSQS
		}
		size.Batches += n
	}
	return []flush.QueueSize{size}, nil
}

// receive sends one request for messages.
func (q *SQS) receive(ctx context.Context, most, seconds int) ([]flush.Delivery, error) {
	b := q.body()
	b = append(b, `,"MaxNumberOfMessages":`...)
	b = strconv.AppendInt(b, int64(most), 10)
	b = append(b, `,"WaitTimeSeconds":`...)
	b = strconv.AppendInt(b, int64(seconds), 10)
	b = append(b, `,"VisibilityTimeout":`...)
	b = strconv.AppendInt(b, int64(q.hide/time.Second), 10)
	// The older of the two names, which all servers know.
	b = append(b, `,"AttributeNames":["ApproximateReceiveCount"]}`...)
	limited, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+pollSlack)
	defer cancel()
	text, err := q.call(limited, "ReceiveMessage", "sqs:ReceiveMessage or KMS", b, maxReceived)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	parser := parsers.Get()
	defer parsers.Put(parser)
	response, err := parser.ParseBytes(text)
	if err != nil {
		return nil, errNotSQS
	}
	var taken []flush.Delivery
	for _, m := range response.GetArray("Messages") {
		handle := string(m.GetStringBytes("ReceiptHandle"))
		if handle == "" {
			return nil, errNotSQS
		}
		body := string(m.GetStringBytes("Body"))
		batch, err := ParseMessage(body)
		if err != nil {
			batch = flush.Batch{Body: []byte(body)}
		}
		tries, _ := strconv.Atoi(string(m.GetStringBytes("Attributes", "ApproximateReceiveCount")))
		taken = append(taken, flush.Delivery{
			Batch: batch, Tries: max(tries, 1),
			Extend: func(ctx context.Context) error { return q.change.do(ctx, handle, q.hide) },
			Done:   func(ctx context.Context) error { return q.delete.do(ctx, handle, 0) },
			Again: func(ctx context.Context, after time.Duration) error {
				return q.change.do(ctx, handle, min(max(after, 0), maxHide))
			},
		})
	}
	return taken, nil
}

var errNotSQS = errors.New("invalid response: expected the JSON of SQS; check Endpoint")

// body returns what the bodies of all requests begin with.
func (q *SQS) body() []byte {
	b := make([]byte, 0, 512)
	b = append(b, `{"QueueUrl":`...)
	return append(b, q.queue...)
}

// call sends a request and returns the body of the response.
func (q *SQS) call(ctx context.Context, operation, right string, body []byte, limit int64) ([]byte, error) {
	r := request{
		method: http.MethodPost, url: q.endpoint, body: body, limit: limit, right: right,
		header: http.Header{"Content-Type": contentType, "X-Amz-Target": {"AmazonSQS." + operation}},
	}
	resp, err := q.service.do(ctx, &r)
	return resp.body, err
}

// batcher gathers changes of messages, up to 10, to one request.
type batcher struct {
	q         *SQS
	operation string
	right     string

	mu      sync.Mutex
	waiting *changes // nil if there are none
}

// changes are those of one request.
type changes struct {
	handles []string
	hide    []time.Duration
	full    chan struct{} // closed when there are 10
	done    chan struct{} // closed when errs is set
	errs    []error
}

// do changes a message. When ctx ends, it returns, and the change may still happen.
func (b *batcher) do(ctx context.Context, handle string, hide time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	b.mu.Lock()
	c := b.waiting
	if c == nil {
		c = &changes{full: make(chan struct{}), done: make(chan struct{})}
		b.waiting = c
		go b.send(c)
	}
	i := len(c.handles)
	c.handles, c.hide = append(c.handles, handle), append(c.hide, hide)
	if len(c.handles) == perCall {
		b.waiting = nil
		close(c.full)
	}
	b.mu.Unlock()
	select {
	case <-c.done:
		return c.errs[i]
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// send waits for more changes and sends them.
func (b *batcher) send(c *changes) {
	defer close(c.done)
	timer := time.NewTimer(gather)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.full:
	}
	b.mu.Lock()
	if b.waiting == c {
		b.waiting = nil
	}
	b.mu.Unlock()
	c.errs = make([]error, len(c.handles))
	body := b.q.body()
	body = append(body, `,"Entries":[`...)
	for i, handle := range c.handles {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"Id":"`...)
		body = strconv.AppendInt(body, int64(i), 10)
		body = append(body, `","ReceiptHandle":`...)
		body = appendString(body, handle)
		if b == b.q.change {
			body = append(body, `,"VisibilityTimeout":`...)
			body = strconv.AppendInt(body, int64((c.hide[i]+time.Second-1)/time.Second), 10)
		}
		body = append(body, '}')
	}
	ctx, cancel := context.WithTimeout(context.Background(), changeTimeout)
	defer cancel()
	text, err := b.q.call(ctx, b.operation, b.right, append(body, `]}`...), maxReceived)
	if err == nil {
		err = readChanges(text, c.errs)
	}
	if err != nil {
		for i := range c.errs {
			c.errs[i] = err
		}
	}
}

// readChanges reads which of the changes have succeeded. What the response does not
// name has failed.
func readChanges(text []byte, errs []error) error {
	parser := parsers.Get()
	defer parsers.Put(parser)
	response, err := parser.ParseBytes(text)
	if err != nil {
		return errNotSQS
	}
	for i := range errs {
		errs[i] = errNotSQS
	}
	at := func(v *fastjson.Value) (int, bool) {
		i, err := strconv.Atoi(string(v.GetStringBytes("Id")))
		return i, err == nil && i >= 0 && i < len(errs)
	}
	for _, v := range response.GetArray("Successful") {
		if i, ok := at(v); ok {
			errs[i] = nil
		}
	}
	for _, v := range response.GetArray("Failed") {
		if i, ok := at(v); ok {
			failure := &serviceError{service: "SQS", status: http.StatusBadRequest, code: plain(string(v.GetStringBytes("Code")))}
			if !v.GetBool("SenderFault") {
				failure.status = http.StatusInternalServerError
			}
			errs[i] = failure
		}
	}
	return nil
}
