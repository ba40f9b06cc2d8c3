package fleetnats

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

const (
	// defaultQueue is the default of QueueConfig.Name.
	defaultQueue = "ffc_events"
	// consumer is the name of the consumer that all takers share.
	consumer = "forwarder"
	// batchHeader is the header with what is not in the body.
	batchHeader = "Ffc-Batch"
	// pullTime is how long a request for batches waits at the server.
	pullTime = 20 * time.Second
	// pullGrace is how much later the server must have responded.
	pullGrace = 5 * time.Second
)

// QueueConfig configures a Queue.
type QueueConfig struct {
	// Servers are what Config.Servers are. Required.
	Servers []string
	// Options are what Config.Options are.
	Options []nats.Option
	// Name is the name of the stream, and the subject of its messages. The default is
	// "ffc_events".
	Name string
}

// Queue is a flush.Queue on a stream of NATS JetStream, and so a flush.Sink. It may be
// used concurrently. Make one with NewQueue, and the stream with Create.
type Queue struct {
	*connector
	name string
}

var (
	_ flush.Queue      = (*Queue)(nil)
	_ flush.QueueSizer = (*Queue)(nil)
)

// NewQueue returns a Queue. It does not connect: the first call does. NewQueue fails
// only if the configuration is invalid, and reports all problems at once.
func NewQueue(config QueueConfig) (*Queue, error) {
	options, problems := checkOptions(config.Servers, config.Options)
	if config.Name == "" {
		config.Name = defaultQueue
	}
	if err := checkName("Name", config.Name); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("fleetnats: queue: %w", errors.Join(problems...))
	}
	return &Queue{newConnector(options), config.Name}, nil
}

// Close breaks the connection, which ends calls that run. Later calls fail. Batches
// that were taken are taken again after a minute. Close may be called more than once.
func (q *Queue) Close() { q.close() }

// String returns the name of the stream and the servers.
func (q *Queue) String() string { return "NATS stream " + q.name + " at " + q.servers }

// about is what a message says about a batch beside its body.
type about struct {
	Environment string    `json:"environment"`
	Route       string    `json:"route"`
	At          time.Time `json:"at"`
}

// Put implements flush.Sink. It returns nil when most servers of the stream have written
// the batch to a file; they sync files as their sync_interval says. The error wraps flush.ErrFull when the stream or
// the account has no room, and flush.ErrTooLarge when the batch is larger than a
// message may be, 1 MiB by default. Put sends no batch twice within 2 min.
func (q *Queue) Put(ctx context.Context, b flush.Batch) error {
	text, err := json.Marshal(about{b.Environment, b.Route, b.At})
	if err != nil {
		return fmt.Errorf("%w: %w", flush.ErrRejected, err)
	}
	// A copy: after ctx has ended the message may still be written.
	x := exchange{sent: &nats.Msg{Subject: q.name, Data: bytes.Clone(b.Body), Header: nats.Header{batchHeader: {string(text)}}}}
	_, err = q.publish(ctx, &x)
	switch {
	case errors.Is(err, errTooLarge), isAPI(err, codeMessageSize):
		return fmt.Errorf("%w: %w", flush.ErrTooLarge, err)
	case isAPI(err, codeStore, codeResources, codeServerFull, codeServerFull2):
		return fmt.Errorf("%w: %w", flush.ErrFull, err)
	}
	return q.described(err)
}

// Take implements flush.Queue.
func (q *Queue) Take(ctx context.Context, most int) (deliveries []flush.Delivery, err error) {
	for len(deliveries) == 0 {
		deliveries, err = q.pull(ctx, 1, pullTime)
		if ctx.Err() != nil && len(deliveries) == 0 {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			return nil, q.described(err)
		}
	}
	if most > 1 {
		// Without waiting. If it fails, what has been taken is enough.
		more, _ := q.pull(ctx, most-1, 0)
		deliveries = append(deliveries, more...)
	}
	return deliveries, nil
}

// Size implements flush.QueueSizer. It returns one size, of all environments together.
// The user needs the right to publish to $JS.API.STREAM.INFO.NAME, which Put and Take do
// not need.
func (q *Queue) Size(ctx context.Context) ([]flush.QueueSize, error) {
	reply, err := q.request(ctx, "$JS.API.STREAM.INFO."+q.name, nil)
	if err != nil {
		return nil, q.described(err)
	}
	var response struct {
		State struct {
			Messages int64     `json:"messages"`
			Bytes    int64     `json:"bytes"`
			First    time.Time `json:"first_ts"`
		} `json:"state"`
	}
	if err := decode(reply, &response); err != nil {
		return nil, q.described(err)
	}
	size := flush.QueueSize{Batches: response.State.Messages, Bytes: response.State.Bytes}
	if size.Batches > 0 {
		size.Oldest = response.State.First
	}
	return []flush.QueueSize{size}, nil
}

// pull requests up to batch messages. It returns those that are there, waits for the
// first one if there are none, and then returns none.
func (q *Queue) pull(ctx context.Context, batch int, wait time.Duration) (deliveries []flush.Delivery, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		wait = min(wait, max(time.Until(deadline), time.Millisecond))
	}
	question := map[string]any{"batch": batch, "expires": wait}
	if wait <= 0 {
		question = map[string]any{"batch": batch, "no_wait": true}
	}
	text, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	subject := "$JS.API.CONSUMER.MSG.NEXT." + q.name + "." + consumer
	receive := func(inner context.Context, l *connection) error {
		inbox := l.nc.NewInbox()
		inner, end := l.begin(inner, []string{inbox})
		defer end()
		messages := make(chan *nats.Msg, batch+1)
		s, err := l.nc.ChanSubscribe(inbox, messages)
		if err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		defer s.Unsubscribe() //nolint:errcheck // it is that the connection has ended
		if err := l.nc.PublishRequest(subject, inbox, text); err != nil {
			return fmt.Errorf("%w: %w", errLost, err)
		}
		timeout := time.NewTimer(wait + pullGrace)
		defer timeout.Stop()
		for len(deliveries) < batch {
			select {
			case m := <-messages:
				if status := m.Header.Get("Status"); status != "" {
					return pullError(status, m.Header.Get("Description"))
				}
				d, err := q.delivery(m)
				if err != nil {
					return err
				}
				deliveries = append(deliveries, d)
			case <-timeout.C:
				q.discard(l)
				return fmt.Errorf("the server did not respond within %v", wait+pullGrace)
			case <-inner.Done():
				if len(deliveries) > 0 {
					return nil
				}
				return context.Cause(inner)
			}
		}
		return nil
	}
	_, err = again(ctx, func() error { return q.try(ctx, []string{subject}, receive) })
	if len(deliveries) > 0 {
		return deliveries, nil
	}
	return nil, err
}

// pullError returns the error of a status that ends a request for batches; nil if
// there are no more.
func pullError(status, description string) error {
	switch status {
	case "404", "408":
		return nil
	case "503":
		return nats.ErrNoResponders
	}
	return fmt.Errorf("the server responded %s %s", status, description)
}

// delivery returns the batch of a message.
func (q *Queue) delivery(m *nats.Msg) (flush.Delivery, error) {
	from, err := m.Metadata()
	if err != nil {
		return flush.Delivery{}, fmt.Errorf("the response is invalid, expected a message of the stream: %w", err)
	}
	// A message that this package has not made is a batch of no environment.
	a := about{At: from.Timestamp}
	if text := m.Header.Get(batchHeader); text != "" {
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			a = about{At: from.Timestamp}
		}
	}
	acknowledge := func(ctx context.Context, what string) error {
		// The server responds to each kind of acknowledgement.
		_, err := q.request(ctx, m.Reply, []byte(what))
		return q.described(err)
	}
	return flush.Delivery{
		Batch:  flush.Batch{Environment: a.Environment, Route: a.Route, Body: m.Data, At: a.At},
		Tries:  int(min(from.NumDelivered, 1<<30)),
		Extend: func(ctx context.Context) error { return acknowledge(ctx, "+WPI") },
		Done:   func(ctx context.Context) error { return acknowledge(ctx, "+ACK") },
		Again: func(ctx context.Context, after time.Duration) error {
			if after <= 0 {
				return acknowledge(ctx, "-NAK")
			}
			return acknowledge(ctx, `-NAK {"delay":`+strconv.FormatInt(int64(after), 10)+`}`)
		},
	}, nil
}

// described adds to an error what to do about the stream.
func (q *Queue) described(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("no server responds for the stream %s or its consumer: make them with Queue.Create, or check that JetStream is on and the stream has a leader", q.name)
	case isAPI(err, codeNoStream):
		return fmt.Errorf("there is no stream %s: make it with Queue.Create: %w", q.name, err)
	}
	return err
}
