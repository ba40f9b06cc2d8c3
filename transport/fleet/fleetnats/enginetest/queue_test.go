package enginetest_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
)

func TestQueueConforms(t *testing.T) {
	t.Parallel()
	e := startEmpty(t)
	limits := fleetnats.QueueLimits{MaxBytes: 1 << 20, Timeout: 2 * time.Second}
	queuetest.Run(t, queuetest.Config{Timeout: limits.Timeout, Limit: int(limits.MaxBytes), Open: func(t *testing.T) flush.Queue {
		q := e.queue(func(c *fleetnats.QueueConfig) { c.Name = "events_" + strings.ReplaceAll(t.Name(), "/", "_") })
		if err := q.Create(testkit.Within(t), limits); err != nil {
			t.Fatal(err)
		}
		return q
	}})
}

// newQueue makes a queue with a stream. timeout is how long a batch is hidden.
func (e *engine) newQueue(timeout time.Duration) *fleetnats.Queue {
	e.Helper()
	q := e.queue()
	if err := q.Create(testkit.Within(e), fleetnats.QueueLimits{MaxBytes: 8 << 20, Timeout: timeout}); err != nil {
		e.Fatal(err)
	}
	return q
}

// What a queue has accepted is there after the server has restarted, and so is how
// often it was taken.
func TestBatchesSurviveARestart(t *testing.T) {
	t.Parallel()
	e := startEmpty(t)
	q := e.newQueue(time.Second)
	b := flush.Batch{Environment: "env", Route: "/api/public/insight/track", Body: []byte("[]"), At: time.Now()}
	if err := q.Put(testkit.Within(t), b); err != nil {
		t.Fatal(err)
	}
	for tries := range 3 {
		e.restart()
		taken, err := q.Take(testkit.Within(t), 10)
		if err != nil || len(taken) != 1 || taken[0].Tries != tries+1 || !bytes.Equal(taken[0].Body, b.Body) {
			t.Fatalf("%+v after restart %d, error %v, want one batch", taken, tries, err)
		}
		e.restart()
		if err := taken[0].Extend(testkit.Within(t)); err != nil {
			t.Errorf("Extend after the restart: %v", err)
		}
		if err := taken[0].Again(testkit.Within(t), 0); err != nil {
			t.Errorf("Again after the restart: %v", err)
		}
	}
}

// A Take whose connection breaks while it waits goes on over another one.
func TestTakeWaitsAcrossABrokenConnection(t *testing.T) {
	t.Parallel()
	e := startEmpty(t)
	sender := e.newQueue(time.Minute)
	p := testkit.NewProxy(t, e.port.Address)
	q := e.queue(func(c *fleetnats.QueueConfig) { c.Servers = []string{p.Address} })
	taken := make(chan error, 1)
	go func() {
		deliveries, err := q.Take(testkit.Within(t), 10)
		if err == nil {
			err = deliveries[0].Done(testkit.Within(t))
		}
		taken <- err
	}()
	js := e.jetStream()
	testkit.Eventually(t, "Take waits", func() bool {
		info, err := js.ConsumerInfo("ffc_events", "forwarder")
		return err == nil && info.NumWaiting == 1
	})
	p.Cut.Store(1) // that with the batch
	if err := sender.Put(testkit.Within(t), flush.Batch{Environment: "env", Body: []byte("[]")}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "Take has connected again", func() bool { return p.Accepted.Load() == 2 })
	if err := sender.Put(testkit.Within(t), flush.Batch{Environment: "env", Body: []byte("[]")}); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Error(err)
	}
}

func TestBatchesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	q := startEmpty(t).newQueue(time.Minute)
	err := q.Put(testkit.Within(t), flush.Batch{Environment: "env", Body: make([]byte, 1<<20)})
	if !errors.Is(err, flush.ErrTooLarge) || !strings.Contains(err.Error(), "expected at most 1048576") {
		t.Errorf("error %v, want ErrTooLarge and the limit", err)
	}
}

// Messages of other programs do not stop the queue.
func TestMessagesOfOtherPrograms(t *testing.T) {
	t.Parallel()
	e := startEmpty(t)
	q := e.newQueue(time.Minute)
	js := e.jetStream()
	for _, m := range []*nats.Msg{
		{Subject: "ffc_events", Data: []byte("hello")},
		{Subject: "ffc_events", Data: []byte("hello"), Header: nats.Header{"Ffc-Batch": {"{"}}},
	} {
		if _, err := js.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
		taken, err := q.Take(testkit.Within(t), 10)
		if err != nil || len(taken) != 1 || string(taken[0].Body) != "hello" || taken[0].Environment != "" || time.Since(taken[0].At) > time.Minute {
			t.Fatalf("%+v, error %v, want a batch of no environment", taken, err)
		}
		if err := taken[0].Done(testkit.Within(t)); err != nil {
			t.Error(err)
		}
	}
}

func TestNoStream(t *testing.T) {
	t.Parallel()
	q := startEmpty(t).queue()
	_, takeErr := q.Take(testkit.Within(t), 1)
	for name, err := range map[string]error{"Take": takeErr, "Put": q.Put(testkit.Within(t), flush.Batch{Body: []byte("[]")})} {
		if err == nil || !strings.Contains(err.Error(), "stream ffc_events") || !strings.Contains(err.Error(), "Queue.Create") {
			t.Errorf("%s: error %v, want to make the stream", name, err)
		}
	}
}

// Create does not accept a stream that would lose batches.
func TestCreateOfStreamsThatExist(t *testing.T) {
	t.Parallel()
	e := startEmpty(t)
	js := e.jetStream()
	for name, test := range map[string]struct {
		config nats.StreamConfig
		want   string
	}{
		"suitable": {nats.StreamConfig{Retention: nats.WorkQueuePolicy, Discard: nats.DiscardNew, MaxBytes: 1 << 20}, ""},
		"rejects":  {nats.StreamConfig{Retention: nats.WorkQueuePolicy, Discard: nats.DiscardNew, MaxMsgsPerSubject: 10, DiscardNewPerSubject: true}, ""},
		"memory":   {nats.StreamConfig{Retention: nats.WorkQueuePolicy, Discard: nats.DiscardNew, Storage: nats.MemoryStorage}, "its storage is memory"},
		"all":      {nats.StreamConfig{Discard: nats.DiscardNew}, "its retention is limits"},
		"old":      {nats.StreamConfig{Retention: nats.WorkQueuePolicy}, "it discards old messages"},
		"few":      {nats.StreamConfig{Retention: nats.WorkQueuePolicy, Discard: nats.DiscardNew, MaxMsgsPerSubject: 10}, "it keeps 10 messages of a subject"},
		"expires":  {nats.StreamConfig{Retention: nats.WorkQueuePolicy, Discard: nats.DiscardNew, MaxAge: time.Hour}, "expire after 1h0m0s"},
	} {
		test.config.Name = name
		test.config.Subjects = []string{name}
		if _, err := js.AddStream(&test.config); err != nil {
			t.Fatal(err)
		}
		q := e.queue(func(c *fleetnats.QueueConfig) { c.Name = name })
		for range 2 {
			err := q.Create(testkit.Within(t), fleetnats.QueueLimits{MaxBytes: 1 << 20})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("%s: error %v, want %q", name, err, test.want)
			}
		}
	}
	if err := e.queue().Create(testkit.Within(t), fleetnats.QueueLimits{}); err == nil || !strings.Contains(err.Error(), "MaxBytes 0") {
		t.Errorf("error %v, want that MaxBytes is missing", err)
	}
}
