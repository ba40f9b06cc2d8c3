package fleetredis

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
)

const (
	// defaultMaxBytes is the default of QueueConfig.MaxBytes.
	defaultMaxBytes = 64 << 20
	// share is the part of the server's memory that all queues may take.
	share = 4
	// maxHide is the longest time for which a batch is hidden.
	maxHide = time.Minute
	// listFor is how long a list of environments and of limits counts.
	listFor = 5 * time.Second
	// firstPoll and maxPoll are the pauses between two looks at empty queues.
	firstPoll = 20 * time.Millisecond
	maxPoll   = 500 * time.Millisecond
	// maxInflated is how many bytes the body of a batch may have, and maxStored how
	// many in the stream.
	maxInflated = 16 << 20
	maxStored   = 4 << 20
	// overhead is how much memory an entry takes besides its body, about.
	overhead = 300
)

// QueueConfig configures a Queue.
type QueueConfig struct {
	// Backend has the connections. Close it after the Queue is used last. Required.
	Backend *Backend
	// MaxBytes is how many bytes the batches of one environment may take, compressed. If
	// the server has a limit of memory (maxmemory) and the user the right to INFO, the
	// queues of all environments together take at most a quarter of that: each has an
	// equal part. 0 is 64 MiB.
	MaxBytes int64
	// Hide is for how long a batch that Take has returned is hidden from others. A
	// relay.Forwarder needs the default. 0 is 60 s, which is also the maximum.
	Hide time.Duration
}

// Queue is a flush.Queue on streams of Redis 6.2 or later, or Valkey: one for each
// environment. It may be used concurrently. Make one with NewQueue.
//
// A batch is as durable as a write of the server. It survives a failure of the server
// only if writes are on disk, or in a second zone, before the response: with
// appendfsync always, with MemoryDB, or with a durable ElastiCache. Batches are in the
// server's memory: if no one takes them, Put fails with flush.ErrFull once MaxBytes are
// stored.
type Queue struct {
	b        *Backend
	maxBytes int64
	hide     time.Duration

	mu           sync.Mutex
	environments []string // that have, or had, batches
	limit        int64    // of an environment, for now
	listed       time.Time
	cursors      map[string]string // where the next claim of old batches begins
	turn         int               // the environment that Take begins with
}

var (
	_ flush.Queue      = (*Queue)(nil)
	_ flush.QueueSizer = (*Queue)(nil)
)

// NewQueue returns a Queue. It does not connect. NewQueue fails only if the
// configuration is invalid, and reports all problems at once.
func NewQueue(config QueueConfig) (*Queue, error) {
	q := &Queue{b: config.Backend, maxBytes: config.MaxBytes, hide: config.Hide, cursors: make(map[string]string)}
	var problems []error
	if q.b == nil {
		problems = append(problems, errors.New("missing Backend: expected one of New"))
	}
	switch {
	case q.maxBytes == 0:
		q.maxBytes = defaultMaxBytes
	case q.maxBytes < 64<<10:
		problems = append(problems, fmt.Errorf("unusable MaxBytes %d: expected at least 65536", q.maxBytes))
	}
	switch {
	case q.hide == 0:
		q.hide = maxHide
	case q.hide < time.Second || q.hide > maxHide:
		problems = append(problems, fmt.Errorf("unusable Hide %v: expected 1s to %v", q.hide, maxHide))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("fleetredis: queue: %w", errors.Join(problems...))
	}
	q.limit = q.maxBytes
	return q, nil
}

// String returns the addresses.
func (q *Queue) String() string { return "queue in " + q.b.String() }

// keys returns the stream of an environment, and the key of its size.
func (q *Queue) keys(environment string) (stream, size string) {
	tag := "{" + q.b.config.Prefix + ":" + url.PathEscape(environment) + "}/"
	return tag + "events", tag + "events-size"
}

// list returns the key of the set of environments.
func (q *Queue) list() string { return "{" + q.b.config.Prefix + ":}/queues" }

// put checks the size and adds an entry. A stream with MAXLEN would drop the oldest
// entries without a word.
const put = `local size = tonumber(ARGV[4])
if tonumber(redis.call('GET', KEYS[2]) or '0') + size > tonumber(ARGV[5]) then return 0 end
redis.call('XADD', KEYS[1], '*', 'route', ARGV[1], 'at', ARGV[2], 'gzip', ARGV[3], 'size', size)
redis.call('INCRBY', KEYS[2], size)
return 1`

// Put implements flush.Sink. It compresses the body, and is retried once. The error wraps
// flush.ErrFull if the environment has MaxBytes, or the server has no more memory.
func (q *Queue) Put(ctx context.Context, b flush.Batch) error {
	packed, err := pack(b.Body)
	if err != nil {
		return err
	}
	limit, err := q.register(ctx, b.Environment)
	if err != nil {
		return err
	}
	if most := min(limit-overhead, maxStored); int64(len(packed)) > most {
		return fmt.Errorf("the batch has %d bytes, compressed, expected at most %d: %w", len(packed), most, flush.ErrTooLarge)
	}
	stream, size := q.keys(b.Environment)
	at, bytes := strconv.FormatInt(b.At.UnixMilli(), 10), strconv.Itoa(len(packed)+overhead)
	reply, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed {
		return c.B().Eval().Script(put).Numkeys(2).Key(stream, size).Arg(b.Route, at, string(packed), bytes, strconv.FormatInt(limit, 10)).Build()
	})
	if err != nil {
		return full(err)
	}
	if done, err := reply.AsInt64(); err != nil {
		return replyError(err)
	} else if done == 0 {
		return fmt.Errorf("the queue of the environment has %d bytes: %w", limit, flush.ErrFull)
	}
	return nil
}

// full returns an error that wraps flush.ErrFull if the server has no memory left.
func full(err error) error {
	if failure, ok := errors.AsType[*serverError](err); ok && failure.code == "OOM" {
		return fmt.Errorf("%w: %w", flush.ErrFull, err)
	}
	return err
}

// register makes an environment known to all takers. It returns its limit in bytes.
func (q *Queue) register(ctx context.Context, environment string) (limit int64, err error) {
	q.mu.Lock()
	known, current := slices.Contains(q.environments, environment), idle(q.listed) < listFor
	limit = q.limit
	q.mu.Unlock()
	if known && current {
		return limit, nil
	}
	key := q.list()
	if _, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed { return c.B().Sadd().Key(key).Member(environment).Build() }); err != nil {
		return 0, full(err)
	}
	if err := q.refresh(ctx); err != nil {
		return 0, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.limit, nil
}

// refresh reads which environments there are, and how much memory.
func (q *Queue) refresh(ctx context.Context) error {
	key := q.list()
	reply, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed { return c.B().Smembers().Key(key).Build() })
	if err != nil {
		return err
	}
	environments, err := reply.AsStrSlice()
	if err != nil {
		return replyError(err)
	}
	slices.Sort(environments)
	limit := q.maxBytes
	if most := q.memory(ctx); most > 0 {
		limit = min(limit, most/share/int64(max(len(environments), 1)))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.environments, q.limit, q.listed = environments, limit, time.Now()
	return nil
}

// memory returns the server's limit of memory in bytes, or 0 if it has none or the user
// must not know.
func (q *Queue) memory(ctx context.Context) int64 {
	reply, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed { return c.B().Info().Section("memory").Build() })
	if err != nil {
		return 0
	}
	text, _ := reply.ToString()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "maxmemory:"); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			return n
		}
	}
	return 0
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

func unpack(packed string) ([]byte, error) {
	z, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(z, maxInflated+1))
	if err == nil && len(body) > maxInflated {
		err = errors.New("too large")
	}
	return body, err
}

// take claims entries whose time is over, and reads new ones. It returns where the next
// claim begins, and the entries: id, members, and how often each was taken. There is one
// consumer for all takers, because what counts is for how long an entry was hidden. A
// stream that another command has deleted has no size any more.
const take = `local group, most = 'ffc', tonumber(ARGV[2])
if redis.call('EXISTS', KEYS[1]) == 0 then
	local size = redis.call('GET', KEYS[2]) or '0'
	if size ~= '0' then redis.call('DECRBY', KEYS[2], size) end
	return {'0-0'}
end
redis.pcall('XGROUP', 'CREATE', KEYS[1], group, '0')
local result = {'0-0'}
local function add(entries)
	for _, e in ipairs(entries) do
		if e and e[2] then
			local pending = redis.call('XPENDING', KEYS[1], group, e[1], e[1], 1)
			result[#result + 1] = {e[1], e[2], pending[1] and pending[1][4] or 1}
		end
	end
end
local claimed = redis.call('XAUTOCLAIM', KEYS[1], group, group, ARGV[1], ARGV[3], 'COUNT', most)
result[1] = claimed[1]
add(claimed[2])
if #result <= most then
	local fresh = redis.call('XREADGROUP', 'GROUP', group, group, 'COUNT', most - #result + 1, 'STREAMS', KEYS[1], '>')
	if fresh then add(fresh[1][2]) end
end
return result`

// Take implements flush.Queue. While there is nothing to take it looks at the queues of
// all environments up to 50 times a second at first, and then twice.
func (q *Queue) Take(ctx context.Context, most int) ([]flush.Delivery, error) {
	most = max(most, 1)
	for wait := firstPoll; ; wait = min(2*wait, maxPoll) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		q.mu.Lock()
		current := idle(q.listed) < listFor
		q.mu.Unlock()
		if !current {
			if err := q.refresh(ctx); err != nil {
				return nil, err
			}
		}
		taken, err := q.takeAll(ctx, most)
		if len(taken) > 0 || err != nil {
			return taken, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// takeAll takes from the environments in turn. It returns an error only if it has taken
// nothing.
func (q *Queue) takeAll(ctx context.Context, most int) (taken []flush.Delivery, failed error) {
	q.mu.Lock()
	environments := q.environments // is never changed in place
	q.turn++
	turn := q.turn
	q.mu.Unlock()
	for i := range environments {
		if len(taken) >= most {
			break
		}
		more, err := q.takeFrom(ctx, environments[(turn+i)%len(environments)], most-len(taken))
		taken = append(taken, more...)
		if err != nil {
			failed = err
		}
	}
	if len(taken) > 0 {
		return taken, nil
	}
	return nil, failed
}

func (q *Queue) takeFrom(ctx context.Context, environment string, most int) (taken []flush.Delivery, err error) {
	stream, size := q.keys(environment)
	q.mu.Lock()
	cursor := q.cursors[environment]
	q.mu.Unlock()
	if cursor == "" {
		cursor = "0-0"
	}
	hide := strconv.FormatInt(q.hide.Milliseconds(), 10)
	reply, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed {
		return c.B().Eval().Script(take).Numkeys(2).Key(stream, size).Arg(hide, strconv.Itoa(most), cursor).Build()
	})
	if err != nil {
		return nil, err
	}
	parts, err := reply.ToArray()
	if err != nil || len(parts) == 0 {
		return nil, errStream
	}
	if cursor, err = parts[0].ToString(); err != nil {
		return nil, errStream
	}
	q.mu.Lock()
	q.cursors[environment] = cursor
	q.mu.Unlock()
	for _, part := range parts[1:] {
		d, err := q.delivery(environment, part)
		if err != nil {
			return taken, err
		}
		taken = append(taken, d)
	}
	return taken, nil
}

var errStream = errors.New("fleetredis: the key of the queue is not a stream of this package: use a Prefix of its own")

// delivery reads an entry. A body that cannot be read is empty.
func (q *Queue) delivery(environment string, entry rueidis.RedisMessage) (d flush.Delivery, err error) {
	parts, err := entry.ToArray()
	if err != nil || len(parts) != 3 {
		return d, errStream
	}
	id, err := parts[0].ToString()
	if err != nil {
		return d, errStream
	}
	members, err := parts[1].AsStrSlice()
	if err != nil {
		return d, errStream
	}
	tries, _ := parts[2].AsInt64()
	d = flush.Delivery{Batch: flush.Batch{Environment: environment}, Tries: max(int(tries), 1)}
	size := "0"
	for i := 0; i+1 < len(members); i += 2 {
		switch value := members[i+1]; members[i] {
		case "route":
			d.Route = value
		case "at":
			ms, _ := strconv.ParseInt(value, 10, 64)
			d.At = time.UnixMilli(ms)
		case "gzip":
			d.Body, _ = unpack(value)
		case "size":
			size = value
		}
	}
	d.Extend = func(ctx context.Context) error { return q.hidden(ctx, environment, id, 0) }
	d.Again = func(ctx context.Context, after time.Duration) error {
		return q.hidden(ctx, environment, id, q.hide-min(max(after, 0), q.hide))
	}
	d.Done = func(ctx context.Context) error { return q.remove(ctx, environment, id, size) }
	return d, nil
}

// hidden sets for how long an entry has been hidden.
func (q *Queue) hidden(ctx context.Context, environment, id string, since time.Duration) error {
	stream, _ := q.keys(environment)
	_, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed {
		return c.B().Xclaim().Key(stream).Group("ffc").Consumer("ffc").MinIdleTime("0").Id(id).Idle(since.Milliseconds()).Justid().Build()
	})
	return err
}

// remove removes an entry, and its size from that of the queue.
const remove = `redis.call('XACK', KEYS[1], 'ffc', ARGV[1])
if redis.call('XDEL', KEYS[1], ARGV[1]) == 1 then redis.call('DECRBY', KEYS[2], ARGV[2]) end
return 1`

func (q *Queue) remove(ctx context.Context, environment, id, bytes string) error {
	stream, size := q.keys(environment)
	_, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed {
		return c.B().Eval().Script(remove).Numkeys(2).Key(stream, size).Arg(id, bytes).Build()
	})
	return err
}

// measure returns how many entries a stream has, their size, and the ID of the oldest,
// which begins with the time in milliseconds.
const measure = `local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
return {redis.call('XLEN', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or '0'), first[1] and first[1][1] or ''}`

// Size implements flush.QueueSizer. It returns a size for each environment that has, or
// had, batches, with one request for each. Bytes are what counts for
// QueueConfig.MaxBytes.
func (q *Queue) Size(ctx context.Context) (sizes []flush.QueueSize, err error) {
	if err := q.refresh(ctx); err != nil {
		return nil, err
	}
	q.mu.Lock()
	environments := q.environments // is never changed in place
	q.mu.Unlock()
	for _, environment := range environments {
		stream, size := q.keys(environment)
		reply, err := q.b.do(ctx, func(c rueidis.Client) rueidis.Completed {
			return c.B().Eval().Script(measure).Numkeys(2).Key(stream, size).Build()
		})
		if err != nil {
			return nil, err
		}
		parts, err := reply.ToArray()
		if err != nil || len(parts) != 3 {
			return nil, errStream
		}
		batches, err1 := parts[0].AsInt64()
		bytes, err2 := parts[1].AsInt64()
		id, err3 := parts[2].ToString()
		if errors.Join(err1, err2, err3) != nil {
			return nil, errStream
		}
		s := flush.QueueSize{Environment: environment, Batches: batches, Bytes: bytes}
		if at, _, ok := strings.Cut(id, "-"); ok {
			ms, err := strconv.ParseInt(at, 10, 64)
			if err != nil {
				return nil, errStream
			}
			s.Oldest = time.UnixMilli(ms)
		}
		sizes = append(sizes, s)
	}
	return sizes, nil
}
