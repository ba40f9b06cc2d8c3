package fleetnats

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// maxValue is the largest value that a publisher writes. Servers accept messages of
// 1 MiB by default, and respond to a consistent read in Base64.
const maxValue = 512 << 10

// Backend is a fleet.Backend on a key-value bucket of NATS JetStream, and a
// fleet.ValueWatcher. It may be used concurrently. Make one with New.
type Backend struct {
	*connector
	bucket string
	direct bool
}

var (
	_ fleet.ValueWatcher = (*Backend)(nil)
	_ fleet.Limiter      = (*Backend)(nil)
)

// New returns a Backend. It does not connect: the first call does. New fails only
// if the configuration is invalid, and reports all problems at once.
func New(config Config) (*Backend, error) {
	options, problems := checkOptions(config.Servers, config.Options)
	if config.Bucket == "" {
		config.Bucket = defaultBucket
	}
	if err := checkName("Bucket", config.Bucket); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("fleetnats: %w", errors.Join(problems...))
	}
	return &Backend{newConnector(options), config.Bucket, config.EventuallyConsistent}, nil
}

// Close breaks the connection, which ends calls that run. Later calls fail. Close an
// ffc.Client before its Backend. Close may be called more than once.
func (b *Backend) Close() { b.close() }

// String returns the bucket and the servers.
func (b *Backend) String() string { return "NATS bucket " + b.bucket + " at " + b.servers }

// MaxValue implements fleet.Limiter. It returns 512 KiB.
func (b *Backend) MaxValue() int { return maxValue }

// stream returns the name of the stream that has the bucket.
func (b *Backend) stream() string { return "KV_" + b.bucket }

// tokens returns a name as tokens of a subject. A dot separates tokens, and a slash is
// in no name, so that different names have different tokens.
func tokens(name string) string {
	environment, object, _ := strings.Cut(name, "/")
	escape := strings.NewReplacer(".", "/")
	return escape.Replace(environment) + "." + escape.Replace(object)
}

// subject returns the subject of a value.
func (b *Backend) subject(name string) string { return "$KV." + b.bucket + "." + tokens(name) }

// changed returns the subject of messages that a value has been swapped.
func (b *Backend) changed(name string) string { return b.bucket + ".changed." + tokens(name) }

// entry is a value with its sequence number in the stream.
type entry struct {
	value    []byte
	sequence uint64
	deleted  bool // by another program, which has left a mark in place of the value
	identity string
}

// Get implements fleet.Backend. The tag is the revision of the key.
func (b *Backend) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	read := b.readConsistently
	if b.direct {
		read = b.readDirectly
	}
	e, err := read(ctx, b.subject(name))
	switch {
	case err != nil:
		return nil, "", b.described(err)
	case e.deleted:
		return nil, "", fleet.ErrNotFound
	}
	return e.value, strconv.FormatUint(e.sequence, 10), nil
}

// readDirectly reads from any server that has the stream.
func (b *Backend) readDirectly(ctx context.Context, subject string) (e entry, err error) {
	reply, err := b.request(ctx, "$JS.API.DIRECT.GET."+b.stream()+"."+subject, nil)
	if err != nil {
		return e, err
	}
	switch status := reply.Header.Get("Status"); status {
	case "":
	case "404":
		return e, fleet.ErrNotFound
	default:
		return e, fmt.Errorf("the server responded %s %s", status, reply.Header.Get("Description"))
	}
	if e.sequence, err = strconv.ParseUint(reply.Header.Get("Nats-Sequence"), 10, 64); err != nil {
		return e, fmt.Errorf("the response is invalid, expected the header Nats-Sequence: %w", err)
	}
	e.value, e.deleted, e.identity = reply.Data, marks(reply.Header), reply.Header.Get(identityHeader)
	return e, nil
}

// marks reports whether headers are those of a message that marks a deleted value.
func marks(h nats.Header) bool {
	return h.Get("KV-Operation") != "" || h.Get("Nats-Marker-Reason") != ""
}

// readConsistently reads from the leader of the stream.
func (b *Backend) readConsistently(ctx context.Context, subject string) (e entry, err error) {
	question, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return e, err
	}
	reply, err := b.request(ctx, "$JS.API.STREAM.MSG.GET."+b.stream(), question)
	if err != nil {
		return e, err
	}
	var found struct {
		Message struct {
			Sequence uint64 `json:"seq"`
			Headers  []byte `json:"hdrs"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	err = decode(reply, &found)
	if isAPI(err, codeNoMessage) {
		err = fleet.ErrNotFound
	}
	if err != nil {
		return e, err
	}
	if found.Message.Sequence == 0 {
		return e, errNoSequence
	}
	var headers nats.Header
	if len(found.Message.Headers) > 0 {
		if headers, err = nats.DecodeHeadersMsg(found.Message.Headers); err != nil {
			return e, err
		}
	}
	return entry{found.Message.Data, found.Message.Sequence, marks(headers), headers.Get(identityHeader)}, nil
}

// Put implements fleet.Backend.
func (b *Backend) Put(ctx context.Context, name string, value []byte) error {
	// A copy: after ctx has ended it may still be written.
	x := exchange{sent: &nats.Msg{Subject: b.subject(name), Data: bytes.Clone(value)}}
	_, err := b.publish(ctx, &x)
	return b.described(err)
}

// Swap implements fleet.Backend. It fails if the server has not responded before ctx
// ends; the value may have been written then.
func (b *Backend) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	expected := uint64(0)
	if tag != "" {
		if expected, err = strconv.ParseUint(tag, 10, 64); err != nil {
			return "", fleet.ErrConflict // the tag of another engine
		}
	}
	value = bytes.Clone(value)
	sequence, err := b.swap(ctx, name, value, expected)
	if errors.Is(err, fleet.ErrConflict) && tag == "" {
		// Perhaps there is the mark of a deleted value.
		e, readErr := b.readConsistently(ctx, b.subject(name))
		switch {
		case readErr != nil && !errors.Is(readErr, fleet.ErrNotFound):
			err = readErr
		case e.deleted:
			sequence, err = b.swap(ctx, name, value, e.sequence)
		}
	}
	if err != nil {
		return "", b.described(err)
	}
	return strconv.FormatUint(sequence, 10), nil
}

// swap writes a value if the sequence number of the one before is as expected.
func (b *Backend) swap(ctx context.Context, name string, value []byte, expected uint64) (sequence uint64, err error) {
	x := exchange{
		sent: &nats.Msg{Subject: b.subject(name), Data: value, Header: nats.Header{
			"Nats-Expected-Last-Subject-Sequence": {strconv.FormatUint(expected, 10)},
		}},
		// Not before the response: a value that was not written must not be reported, and
		// a reader must find what is reported.
		then: func(nc *nats.Conn, reply *nats.Msg) {
			if _, err := acknowledged(reply); err == nil {
				_ = nc.Publish(b.changed(name), value)
			}
		},
	}
	sequence, err = b.publish(ctx, &x)
	if !isAPI(err, codeWrongSequence, codeWrongSequence2) {
		return sequence, err
	}
	if x.lost == nil {
		return 0, fleet.ErrConflict
	}
	// The first attempt may have been what changed the value.
	e, err := b.readConsistently(ctx, x.sent.Subject)
	if err != nil || e.identity != x.sent.Header.Get(identityHeader) {
		return 0, x.lost
	}
	// If the report does not get through, readers read the value every Interval.
	_ = b.try(ctx, nil, func(_ context.Context, l *connection) error { return l.nc.Publish(b.changed(name), value) })
	return e.sequence, nil
}

// identityHeader is the header by which JetStream recognizes messages.
const identityHeader = "Nats-Msg-Id"

// publish writes a message to a stream, and returns its sequence number. The message
// has an identity, so that it is written once even if it is sent twice.
func (c *connector) publish(ctx context.Context, x *exchange) (sequence uint64, err error) {
	if x.sent.Header == nil {
		x.sent.Header = make(nats.Header)
	}
	x.sent.Header[identityHeader] = []string{rand.Text()}
	if err := c.exchange(ctx, x); err != nil {
		return 0, err
	}
	return acknowledged(x.reply)
}

// acknowledged returns the sequence number in the response to a message that was
// written, and the error in that to one that was not.
func acknowledged(reply *nats.Msg) (sequence uint64, err error) {
	var ack struct {
		Sequence uint64 `json:"seq"`
	}
	if err := decode(reply, &ack); err != nil {
		return 0, err
	}
	if ack.Sequence == 0 {
		return 0, errNoSequence
	}
	return ack.Sequence, nil
}

var errNoSequence = errors.New("the response is invalid, expected a sequence number")

// Delete implements fleet.Backend. It leaves no mark.
func (b *Backend) Delete(ctx context.Context, name string) error {
	question, err := json.Marshal(map[string]string{"filter": b.subject(name)})
	if err != nil {
		return err
	}
	reply, err := b.request(ctx, "$JS.API.STREAM.PURGE."+b.stream(), question)
	if err == nil {
		err = decode(reply, new(struct{}))
	}
	return b.described(err)
}

// described adds to an error what to do about the bucket.
func (b *Backend) described(err error) error {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return fmt.Errorf("no server responds for the bucket %s: create it with Backend.Create or nats kv add, or check that JetStream is on and the bucket has a leader", b.bucket)
	case isAPI(err, codeNoStream):
		return fmt.Errorf("there is no bucket %s: create it with Backend.Create or nats kv add: %w", b.bucket, err)
	}
	return err
}
