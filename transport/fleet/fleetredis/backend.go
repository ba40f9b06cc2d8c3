package fleetredis

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/redis/rueidis"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
)

// Backend is a fleet.Backend on Redis or Valkey, and a fleet.Watcher. It may be
// used concurrently. Make one with New.
type Backend struct {
	config Config
	name   string

	mu      sync.Mutex
	current *sharedClient // nil if there is none
	address int           // index of the address to connect to

	done    context.Context // ends with Close
	cancel  context.CancelFunc
	closing sync.WaitGroup // of clients
}

var _ fleet.ValueWatcher = (*Backend)(nil)

// New returns a Backend. It does not connect: the first call does. New fails only
// if the configuration is invalid, and reports all problems at once.
func New(config Config) (*Backend, error) {
	config, err := config.checked()
	if err != nil {
		return nil, err
	}
	b := &Backend{config: config, name: "redis at " + strings.Join(config.Addresses, ", ")}
	b.done, b.cancel = context.WithCancel(context.Background())
	return b, nil
}

var errClosed = errors.New("fleetredis: the backend is closed")

// Close breaks the connections, which ends calls that run. Later calls fail. Close an
// ffc.Client before its Backend. Close may be called more than once.
func (b *Backend) Close() {
	b.mu.Lock()
	b.cancel()
	b.mu.Unlock()
	b.closing.Wait()
}

// String returns the addresses.
func (b *Backend) String() string { return b.name }

// key returns the key of a value. The part in braces is a hash tag: all values of
// an environment are in the same slot of a cluster.
func (b *Backend) key(name string) string {
	environment, object, _ := strings.Cut(name, "/")
	return "{" + b.config.Prefix + ":" + environment + "}/" + object
}

// Get implements fleet.Backend. The tag is the value itself.
func (b *Backend) Get(ctx context.Context, name string) (value []byte, tag string, err error) {
	key := b.key(name)
	reply, err := b.do(ctx, func(c rueidis.Client) rueidis.Completed {
		return c.B().Get().Key(key).Build()
	})
	if err != nil {
		return nil, "", err
	}
	if !reply.IsString() && !reply.IsNil() {
		return nil, "", errNoString
	}
	// An empty value counts as missing: an empty tag stands for no value.
	if tag, err = reply.ToString(); err != nil || tag == "" {
		return nil, "", fleet.ErrNotFound
	}
	return []byte(tag), tag, nil
}

var errNoString = errors.New("the response is invalid, expected a string: check whether the address is that of a Redis server")

var errEmpty = errors.New("fleetredis: the value is empty: expected at least one byte")

// Put implements fleet.Backend. It fails if the value is empty.
func (b *Backend) Put(ctx context.Context, name string, value []byte) error {
	if len(value) == 0 {
		return errEmpty
	}
	// A copy: after ctx has ended the command may still be in the queue.
	key, text := b.key(name), string(value)
	_, err := b.do(ctx, func(c rueidis.Client) rueidis.Completed {
		return c.B().Set().Key(key).Value(text).Build()
	})
	return err
}

// swap compares, sets and publishes the value. If it cannot publish, it sets what was
// there before: an error then leaves the value as it was. No one reads before the
// script has ended.
const swap = `local before = redis.call('GET', KEYS[1]) or ''
if before ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
local published = redis.pcall('PUBLISH', KEYS[1], ARGV[2])
if type(published) ~= 'table' then return 1 end
if before == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], before) end
return redis.error_reply('NOPERM PUBLISH: ' .. published.err)`

// Swap implements fleet.Backend. It fails if the value is empty.
func (b *Backend) Swap(ctx context.Context, name string, value []byte, tag string) (newTag string, err error) {
	if len(value) == 0 {
		return "", errEmpty
	}
	key, text := b.key(name), string(value)
	var maybe error
	reply, err := b.doAfter(ctx, &maybe, func(c rueidis.Client) rueidis.Completed {
		return c.B().Eval().Script(swap).Numkeys(1).Key(key).Arg(tag, text).Build()
	})
	if err != nil {
		return "", err
	}
	switch done, err := reply.AsInt64(); {
	case err != nil:
		return "", replyError(err)
	case done == 1:
		return text, nil
	case maybe != nil:
		// The first attempt may have been what changed the value.
		return "", maybe
	}
	return "", fleet.ErrConflict
}

// Delete implements fleet.Backend.
func (b *Backend) Delete(ctx context.Context, name string) error {
	key := b.key(name)
	_, err := b.do(ctx, func(c rueidis.Client) rueidis.Completed {
		return c.B().Del().Key(key).Build()
	})
	return err
}
