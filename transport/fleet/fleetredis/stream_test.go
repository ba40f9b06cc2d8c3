package fleetredis_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// newQueue returns a queue with connections of its own.
func newQueue(t testing.TB, b *fleetredis.Backend, configure ...func(*fleetredis.QueueConfig)) *fleetredis.Queue {
	t.Helper()
	config := fleetredis.QueueConfig{Backend: b}
	for _, c := range configure {
		c(&config)
	}
	q, err := fleetredis.NewQueue(config)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// prefixed gives each test keys of its own.
func prefixed(t testing.TB) func(*fleetredis.Config) {
	return func(c *fleetredis.Config) { c.Prefix = strings.ReplaceAll(t.Name(), "/", "-") }
}

func quick(c *fleetredis.QueueConfig) { c.Hide, c.MaxBytes = 2*time.Second, 1<<20 }

func TestQueueConforms(t *testing.T) {
	t.Parallel()
	s := start(t)
	queuetest.Run(t, queuetest.Config{
		Timeout: 2 * time.Second, Limit: 1 << 20,
		Open: func(t *testing.T) flush.Queue { return newQueue(t, s.open(prefixed(t)), quick) },
	})
}

func TestQueueConformsInACluster(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	queuetest.Run(t, queuetest.Config{
		Timeout: 2 * time.Second,
		Open: func(t *testing.T) flush.Queue {
			return newQueue(t, c.open(prefixed(t)), func(c *fleetredis.QueueConfig) { c.Hide = 2 * time.Second })
		},
	})
}

// The users that the documentation makes can do what they are for, and a putter
// cannot take.
func TestQueueRights(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, command := range documented(t) {
		s.command(command...)
	}
	user := func(name string) func(*fleetredis.Config) { return as(name, "PASSWORD", nil) }
	putter, forwarder := newQueue(t, s.open(user("putter"))), newQueue(t, s.open(user("forwarder")))
	if err := putter.Put(testkit.Within(t), flush.Batch{Environment: "e", Body: []byte("[]")}); err != nil {
		t.Fatal(err)
	}
	if _, err := putter.Take(testkit.Within(t), 1); err == nil || !strings.Contains(err.Error(), "can't run this command") {
		t.Errorf("Take of the putter: error %v, want that of a missing right", err)
	}
	if _, err := newQueue(t, s.open(user("reader"))).Take(testkit.Within(t), 1); err == nil {
		t.Error("a reader takes events")
	}
	taken, err := forwarder.Take(testkit.Within(t), 10)
	if err != nil || len(taken) != 1 {
		t.Fatalf("%d batches, %v", len(taken), err)
	}
	ctx := testkit.Within(t)
	if err := errors.Join(taken[0].Extend(ctx), taken[0].Again(ctx, 0)); err != nil {
		t.Error(err)
	}
	if taken, err = forwarder.Take(ctx, 10); err != nil || len(taken) != 1 {
		t.Fatalf("%d batches, %v", len(taken), err)
	}
	if err := errors.Join(taken[0].Done(ctx), forwarder.Put(ctx, taken[0].Batch)); err != nil {
		t.Error(err)
	}
	if sizes, err := forwarder.Size(ctx); err != nil || len(sizes) != 1 || sizes[0].Environment != "e" || sizes[0].Batches != 1 {
		t.Errorf("sizes %+v, %v", sizes, err)
	}
}

func TestNewQueueRejects(t *testing.T) {
	t.Parallel()
	_, err := fleetredis.NewQueue(fleetredis.QueueConfig{MaxBytes: 1, Hide: time.Hour})
	for _, want := range []string{"missing Backend", "unusable MaxBytes", "unusable Hide"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// random is a body of about so many bytes, compressed.
func random(size int) []byte {
	text := []byte(`["`)
	for len(text) < size*4/3 {
		text = fmt.Appendf(text, "%x", rand.Uint64())
		text = append(text, "GHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz"[rand.IntN(40)])
	}
	return append(text, `"]`...)
}

// fill puts batches until the queue of an environment is full.
func fill(t *testing.T, q *fleetredis.Queue, environment string) (puts int) {
	t.Helper()
	for ; puts < 10_000; puts++ {
		err := q.Put(testkit.Within(t), flush.Batch{Environment: environment, Route: "/r", Body: random(20_000), At: time.Now()})
		if errors.Is(err, flush.ErrFull) {
			return puts
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the queue is not full after 200 MB")
	return 0
}

// Queues that are full together take a quarter of the server's memory, and heads can
// still be swapped. One that is emptied has room again.
func TestFullQueuesLeaveRoomForHeads(t *testing.T) {
	t.Parallel()
	const memory = 40 << 20
	s := start(t, "--maxmemory", fmt.Sprint(memory), "--maxmemory-policy", "noeviction")
	b := s.open()
	before := usedMemory(t, s)
	var queues []*fleetredis.Queue
	for range 2 { // processes, which see the environments of each other
		queues = append(queues, newQueue(t, s.open(func(c *fleetredis.Config) { c.Prefix = "ffc" })))
	}
	for i := range 4 {
		if err := queues[i%2].Put(testkit.Within(t), flush.Batch{Environment: fmt.Sprint("env", i), Body: []byte("[]")}); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for i := range 4 { // new ones: they know all environments
		total += fill(t, newQueue(t, b), fmt.Sprint("env", i))
	}
	if used := usedMemory(t, s) - before; used > memory/4*3/2 || total < 300 {
		t.Errorf("%d batches take %d bytes, want at most about %d", total, used, memory/4)
	}
	tag := ""
	for i := range 20 {
		next, err := b.Swap(testkit.Within(t), "env0/head", fmt.Appendf(nil, "head %d", i), tag)
		if err != nil {
			t.Fatal(err)
		}
		tag = next
	}
	q := newQueue(t, b)
	for left := total + 4; left > 0; {
		taken, err := q.Take(testkit.Within(t), 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range taken {
			if err := d.Done(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
			left--
		}
	}
	if n := fill(t, q, "env0"); n < total/4-1 {
		t.Errorf("there is room for %d batches, %d before", n, total/4)
	}
}

// A stream that was deleted with another command has room again, once a forwarder has
// seen that.
func TestQueueThatWasDeletedHasRoom(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, command := range documented(t) {
		s.command(command...)
	}
	queue := func(user string) *fleetredis.Queue {
		return newQueue(t, s.open(as(user, "PASSWORD", nil)), func(c *fleetredis.QueueConfig) { c.MaxBytes = 1 << 20 })
	}
	q := queue("putter")
	n := fill(t, q, "env")
	s.command("DEL", "{ffc:env}/events")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if taken, err := queue("forwarder").Take(ctx, 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Take of an empty queue: %d batches, error %v", len(taken), err)
	}
	if again := fill(t, q, "env"); again != n {
		t.Errorf("there is room for %d batches, want %d", again, n)
	}
}

func usedMemory(t *testing.T, s *server) (n int) {
	t.Helper()
	for line := range strings.Lines(s.command("INFO", "memory")) {
		if value, ok := strings.CutPrefix(line, "used_memory:"); ok {
			fmt.Sscan(value, &n)
		}
	}
	return n
}

// A server without memory says so, and is not asked for a while.
func TestQueueOfAServerWithoutMemory(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.open()
	q := newQueue(t, b)
	if err := q.Put(testkit.Within(t), flush.Batch{Environment: "e", Body: []byte("[]")}); err != nil {
		t.Fatal(err)
	}
	s.command("CONFIG", "SET", "maxmemory", "1")
	if err := q.Put(testkit.Within(t), flush.Batch{Environment: "e", Body: []byte("[]")}); !errors.Is(err, flush.ErrFull) {
		t.Errorf("error %v", err)
	}
}

// Events of a client are delivered once each through a server with a file on disk that
// is killed again and again, and through two forwarders.
func TestEventsSurviveKills(t *testing.T) {
	t.Parallel()
	s := start(t, "--appendonly", "yes", "--appendfsync", "always", "--dir", t.TempDir())
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot())
	t.Cleanup(platform.Close)
	b := s.open()
	putter := newQueue(t, b)
	ctx, cancel := context.WithCancel(testkit.Within(t))
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for range 2 {
		f := &relay.Forwarder{
			Queue: newQueue(t, s.open(), quick),
			Destination: func(string) (relay.Destination, bool) {
				return relay.Destination{EventsURL: platform.URL, EnvSecret: platform.EnvSecret}, true
			},
			Logger: slog.New(slog.DiscardHandler),
		}
		running.Go(func() { _ = f.Run(ctx) })
	}
	const kills, each = 5, 40
	for kill := range kills {
		for i := range each {
			user := fmt.Sprintf("user %d", kill*each+i)
			batch := flush.Batch{
				Environment: "e", Route: "/api/public/insight/track", At: time.Now(),
				Body: fmt.Appendf(nil, `[{"user":{"keyId":%q},"variations":[],"metrics":[{"appType":"a","route":"r","type":"CustomEvent","eventName":"e","numericValue":1,"timestamp":1795909271123}]}]`, user),
			}
			if i == each/2 && kill < kills-1 {
				s.restart()
			}
			for putter.Put(ctx, batch) != nil { // as package flush does
				if ctx.Err() != nil {
					t.Fatal(context.Cause(ctx))
				}
			}
		}
	}
	arrived := make(map[string]bool)
	for n := 1; len(arrived) < kills*each; n++ {
		events, err := platform.WaitEvents(ctx, n)
		if err != nil {
			t.Fatalf("%d of %d events arrived: %v", len(arrived), kills*each, err)
		}
		n = len(events)
		for _, e := range events {
			arrived[e.UserKey] = true
		}
	}
	if n := len(platform.Events()); n > kills*each*3/2 {
		t.Errorf("%d events arrived, want %d and a few twice", n, kills*each)
	}
}
