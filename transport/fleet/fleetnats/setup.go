package fleetnats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// stream is the configuration of a stream, as far as it matters here.
type stream struct {
	Name                 string        `json:"name"`
	Subjects             []string      `json:"subjects"`
	Retention            string        `json:"retention"`
	Storage              string        `json:"storage"`
	Discard              string        `json:"discard"`
	Replicas             int           `json:"num_replicas"`
	MaxConsumers         int           `json:"max_consumers"`
	MaxMessages          int           `json:"max_msgs"`
	MaxBytes             int64         `json:"max_bytes"`
	MaxAge               time.Duration `json:"max_age"`
	MaxMessagesOfSubject int           `json:"max_msgs_per_subject"`
	MaxMessageSize       int           `json:"max_msg_size"`
	DuplicateWindow      time.Duration `json:"duplicate_window"`
	AllowDirect          bool          `json:"allow_direct"`
	AllowRollup          bool          `json:"allow_rollup_hdrs"`
	DenyDelete           bool          `json:"deny_delete"`
	// Of streams that others made.
	DiscardNewPerSubject bool   `json:"discard_new_per_subject,omitempty"`
	PersistMode          string `json:"persist_mode,omitempty"`
}

// losses returns why a stream would lose messages that it has accepted.
func (s stream) losses() (problems []error) {
	if s.Storage != "file" {
		problems = append(problems, fmt.Errorf("its storage is %s: expected file", s.Storage))
	}
	if s.PersistMode == "async" {
		problems = append(problems, errors.New("its persist mode is async, which responds before it writes: expected default"))
	}
	if s.Discard != "new" {
		problems = append(problems, fmt.Errorf("it discards %s messages when it is full: expected to reject new ones", s.Discard))
	}
	if s.MaxAge != 0 {
		problems = append(problems, fmt.Errorf("its messages expire after %v: expected no limit of their age", s.MaxAge))
	}
	return problems
}

// unlimited is no limit, for streams and consumers.
const unlimited = -1

// Create makes the bucket, in files on so many servers: 1, or 3 or 5 in a cluster; 0 is
// 1. It does nothing if there is a suitable bucket, and fails if there is one that would
// lose values: in memory only, or with values that expire. It needs the right to manage streams, which
// publishers and readers do not need. "nats kv add ffc --storage=file --replicas=3"
// does the same. Create blocks until the server has responded or ctx ends.
func (b *Backend) Create(ctx context.Context, replicas int) error {
	want := stream{
		Name: b.stream(), Subjects: []string{"$KV." + b.bucket + ".>"},
		Retention: "limits", Storage: "file", Discard: "new", Replicas: max(replicas, 1),
		MaxConsumers: unlimited, MaxMessages: unlimited, MaxBytes: unlimited, MaxMessagesOfSubject: 1, MaxMessageSize: unlimited,
		DuplicateWindow: 2 * time.Minute, AllowDirect: true, AllowRollup: true, DenyDelete: true,
	}
	got, err := b.makeStream(ctx, want)
	if err != nil {
		return b.described(err)
	}
	if problems := got.losses(); len(problems) > 0 {
		return fmt.Errorf("the bucket %s exists, and would lose values: %w", b.bucket, errors.Join(problems...))
	}
	return nil
}

// QueueLimits are the properties of the stream that Queue.Create makes.
type QueueLimits struct {
	// MaxBytes is how many bytes all batches may have. Put then returns
	// flush.ErrFull. Required. JetStream counts up to 200 bytes more for each batch.
	MaxBytes int64
	// Replicas is how many servers store each batch: 1, or 3 or 5 in a cluster. The
	// default is 1.
	Replicas int
	// Timeout is for how long a batch that was taken is hidden from others. The
	// default is 60 s, which relay.Forwarder expects.
	Timeout time.Duration
}

// Create makes the stream, in files, and the consumer "forwarder" that takes from it.
// It does nothing if there are suitable ones, and fails if there are ones that would
// lose batches: in memory only, with messages that expire, or that discards old messages
// for new ones. The limits of a stream that exists are not changed. It needs the right
// to manage streams and consumers, which Put and Take do not need. Create blocks until
// the server has responded or ctx ends.
func (q *Queue) Create(ctx context.Context, limits QueueLimits) error {
	if limits.MaxBytes <= 0 {
		return fmt.Errorf("fleetnats: unusable MaxBytes %d: expected a limit for the stream", limits.MaxBytes)
	}
	if limits.Timeout == 0 {
		limits.Timeout = time.Minute
	}
	want := stream{
		Name: q.name, Subjects: []string{q.name},
		Retention: "workqueue", Storage: "file", Discard: "new", Replicas: max(limits.Replicas, 1),
		MaxConsumers: unlimited, MaxMessages: unlimited, MaxBytes: limits.MaxBytes, MaxMessagesOfSubject: unlimited, MaxMessageSize: unlimited,
		DuplicateWindow: 2 * time.Minute,
	}
	got, err := q.makeStream(ctx, want)
	if err != nil {
		return q.described(err)
	}
	problems := got.losses()
	if got.Retention != want.Retention {
		problems = append(problems, fmt.Errorf("its retention is %s: expected %s", got.Retention, want.Retention))
	}
	if got.MaxMessagesOfSubject > 0 && !got.DiscardNewPerSubject {
		// All batches have one subject. Discard "new" applies to limits of the stream only.
		problems = append(problems, fmt.Errorf("it keeps %d messages of a subject and discards old ones: expected no such limit", got.MaxMessagesOfSubject))
	}
	if len(problems) > 0 {
		return fmt.Errorf("the stream %s exists, and would lose batches: %w", q.name, errors.Join(problems...))
	}
	_, err = q.manage(ctx, "CONSUMER.CREATE."+q.name+"."+consumer, map[string]any{
		"stream_name": q.name,
		"config": map[string]any{
			"name": consumer, "durable_name": consumer, "deliver_policy": "all", "replay_policy": "instant",
			"ack_policy": "explicit", "ack_wait": limits.Timeout, "max_deliver": unlimited,
			// A batch that waits to be taken again counts.
			"max_ack_pending": unlimited,
		},
	})
	return q.described(err)
}

// makeStream makes a stream if there is none with its name, and returns its
// configuration.
func (c *connector) makeStream(ctx context.Context, want stream) (got stream, err error) {
	got, err = c.manage(ctx, "STREAM.CREATE."+want.Name, want)
	if isAPI(err, codeExists) {
		got, err = c.manage(ctx, "STREAM.INFO."+want.Name, nil)
	}
	return got, err
}

// manage makes a request of JetStream's API, and returns the configuration in the
// response.
func (c *connector) manage(ctx context.Context, what string, question any) (got stream, err error) {
	var data []byte
	if question != nil {
		if data, err = json.Marshal(question); err != nil {
			return got, err
		}
	}
	reply, err := c.request(ctx, "$JS.API."+what, data)
	if err != nil {
		return got, err
	}
	var response struct {
		Config stream `json:"config"`
	}
	err = decode(reply, &response)
	return response.Config, err
}

// Durability is what the server reports about how it stores a bucket.
type Durability struct {
	// File: values are stored in files, not in memory only.
	File bool
	// Replicas is how many servers store each value.
	Replicas int
	// Expires is after how long values are removed; 0 is never, which a fleet needs.
	Expires time.Duration
}

// Durability asks the server how it stores the bucket. The user needs the right to
// publish to $JS.API.STREAM.INFO.KV_BUCKET, which publishers and readers do not need
// otherwise. Durability blocks until the server has responded or ctx ends, and may be
// called concurrently.
func (b *Backend) Durability(ctx context.Context) (Durability, error) {
	got, err := b.manage(ctx, "STREAM.INFO."+b.stream(), nil)
	if err != nil {
		return Durability{}, b.described(err)
	}
	return Durability{File: got.Storage == "file", Replicas: got.Replicas, Expires: got.MaxAge}, nil
}
