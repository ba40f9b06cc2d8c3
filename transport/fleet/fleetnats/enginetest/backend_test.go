package enginetest_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// directly makes a Backend read from any server.
func directly(c *fleetnats.Config) { c.EventuallyConsistent = true }

func TestNATSConforms(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*fleetnats.Config){
		"consistent": func(*fleetnats.Config) {}, "eventually consistent": directly,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := start(t)
			fleettest.Run(t, func(*testing.T) fleet.Backend { return e.open(configure) })
		})
	}
}

func TestBucketsSeparateFleets(t *testing.T) {
	t.Parallel()
	e := start(t)
	other := e.open(func(c *fleetnats.Config) { c.Bucket = "other" })
	if err := other.Create(testkit.Within(t), 0); err != nil {
		t.Fatal(err)
	}
	backends := []*fleetnats.Backend{e.open(), other}
	for i, b := range backends {
		if _, err := b.Swap(testkit.Within(t), "env/head", []byte{'0' + byte(i)}, ""); err != nil {
			t.Fatal(err)
		}
	}
	for i, b := range backends {
		if value, _, err := b.Get(testkit.Within(t), "env/head"); err != nil || string(value) != string('0'+byte(i)) {
			t.Errorf("backend %d has %q, error %v", i, value, err)
		}
	}
}

// The dots in a name do not move its slash.
func TestDotsInNames(t *testing.T) {
	t.Parallel()
	b := start(t).open()
	names := []string{"a.b/c", "a/b.c", "a../b", "a/..b"}
	for _, name := range names {
		if err := b.Put(testkit.Within(t), name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		if value, _, err := b.Get(testkit.Within(t), name); err != nil || string(value) != name {
			t.Errorf("%s has the value %q, error %v", name, value, err)
		}
	}
}

// jetStream is JetStream as other programs see it.
func (e *engine) jetStream() nats.JetStreamContext {
	e.Helper()
	conn, err := nats.Connect(e.port.Address)
	if err != nil {
		e.Fatal(err)
	}
	e.Cleanup(conn.Close)
	js, err := conn.JetStream()
	if err != nil {
		e.Fatal(err)
	}
	return js
}

// The values are keys of a bucket, which other programs can read and delete.
func TestBucketIsThatOfNATS(t *testing.T) {
	t.Parallel()
	e := start(t)
	bucket, err := e.jetStream().KeyValue("ffc")
	if err != nil {
		t.Fatal(err)
	}
	b := e.open()
	for _, configure := range []func(*fleetnats.Config){directly, func(*fleetnats.Config) {}} {
		if _, err := b.Swap(testkit.Within(t), "env/head", []byte("head"), ""); err != nil {
			t.Fatal(err)
		}
		if entry, err := bucket.Get("env.head"); err != nil || string(entry.Value()) != "head" {
			t.Fatalf("the key env.head: %v, error %v", entry, err)
		}
		if err := bucket.Delete("env.head"); err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.open(configure).Get(testkit.Within(t), "env/head"); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("Get after another program has deleted the key: error %v, want ErrNotFound", err)
		}
	}
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("head"), ""); err != nil {
		t.Fatal(err)
	}
	if err := b.Delete(testkit.Within(t), "env/head"); err != nil {
		t.Fatal(err)
	}
	if status, err := bucket.Status(); err != nil || status.Values() != 0 {
		t.Errorf("after Delete the bucket has %d values, error %v: want no mark", status.Values(), err)
	}
}

func TestTagsOfOtherEngines(t *testing.T) {
	t.Parallel()
	b := start(t).open()
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("head"), `"etag"`); !errors.Is(err, fleet.ErrConflict) {
		t.Errorf("error %v, want ErrConflict", err)
	}
}

func TestServerRestartsBetweenCalls(t *testing.T) {
	t.Parallel()
	e := start(t)
	b := e.open()
	tag := ""
	for i := range 3 {
		e.restart()
		next, err := b.Swap(testkit.Within(t), "env/head", []byte{byte(i)}, tag)
		if err != nil {
			t.Fatal(err)
		}
		e.restart()
		value, got, err := b.Get(testkit.Within(t), "env/head")
		if err != nil || !bytes.Equal(value, []byte{byte(i)}) || got != next {
			t.Fatalf("Get after the restart: %q with the tag %s, error %v; want %q, %s", value, got, err, []byte{byte(i)}, next)
		}
		tag = next
	}
}

func TestServerDown(t *testing.T) {
	t.Parallel()
	e := start(t)
	b := e.open()
	e.Close()
	for name, call := range map[string]func() error{
		"Get":   func() error { _, _, err := b.Get(testkit.Within(t), "env/head"); return err },
		"Watch": func() error { return b.Watch(testkit.Within(t), "env/head", func() {}) },
		"Take":  func() error { _, err := e.queue().Take(testkit.Within(t), 1); return err },
	} {
		if err := call(); !errors.Is(err, syscall.ECONNREFUSED) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want that the connection was refused", name, err)
		}
	}
}

// Each error says what is missing, at once.
func TestNoBucketAndNoJetStream(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*server.Options){
		"no bucket":    func(*server.Options) {},
		"no JetStream": func(o *server.Options) { o.JetStream = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := startEmpty(t, configure)
			b := e.open()
			ctx := testkit.Within(t)
			_, _, getErr := b.Get(ctx, "env/head")
			_, _, directErr := e.open(directly).Get(ctx, "env/head")
			_, swapErr := b.Swap(ctx, "env/head", []byte("head"), "")
			_, durabilityErr := b.Durability(ctx)
			for name, err := range map[string]error{
				"Get": getErr, "Get, directly": directErr, "Swap": swapErr, "Durability": durabilityErr,
				"Put": b.Put(ctx, "env/body", []byte("body")), "Delete": b.Delete(ctx, "env/body"),
			} {
				if err == nil || !strings.Contains(err.Error(), "bucket ffc") || !strings.Contains(err.Error(), "create it") {
					t.Errorf("%s: error %v, want to create the bucket", name, err)
				}
			}
		})
	}
}

func TestValuesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	e := start(t)
	b := e.open()
	err := b.Put(testkit.Within(t), "env/body", make([]byte, 1<<20))
	if err == nil || !strings.Contains(err.Error(), "1048576 bytes and headers, expected at most 1048576") {
		t.Errorf("error %v, want the limit", err)
	}
	if _, _, err := b.Get(testkit.Within(t), "env/body"); !errors.Is(err, fleet.ErrNotFound) {
		t.Errorf("Get after it: error %v, want ErrNotFound", err)
	}
}

func TestCreateKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	e := start(t)
	b := e.open()
	if err := b.Put(testkit.Within(t), "env/body", []byte("body")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := b.Create(testkit.Within(t), 1); err != nil {
			t.Errorf("Create of a bucket that exists: %v", err)
		}
	}
	if _, _, err := b.Get(testkit.Within(t), "env/body"); err != nil {
		t.Error(err)
	}
	if got, err := b.Durability(testkit.Within(t)); err != nil || got != (fleetnats.Durability{File: true, Replicas: 1}) {
		t.Errorf("Durability is %+v, error %v", got, err)
	}
}

// Create does not accept a bucket that would lose values.
func TestCreateOfBucketsThatExist(t *testing.T) {
	t.Parallel()
	e := startEmpty(t)
	js := e.jetStream()
	for name, test := range map[string]struct {
		config nats.KeyValueConfig
		want   string
	}{
		"suitable": {nats.KeyValueConfig{History: 5}, ""},
		"memory":   {nats.KeyValueConfig{Storage: nats.MemoryStorage}, "its storage is memory"},
		"expires":  {nats.KeyValueConfig{TTL: time.Hour}, "expire after 1h0m0s"},
	} {
		test.config.Bucket = name
		if _, err := js.CreateKeyValue(&test.config); err != nil {
			t.Fatal(err)
		}
		b := e.open(func(c *fleetnats.Config) { c.Bucket = name })
		err := b.Create(testkit.Within(t), 1)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
		got, err := b.Durability(testkit.Within(t))
		if want := (fleetnats.Durability{File: name != "memory", Replicas: 1, Expires: test.config.TTL}); err != nil || got != want {
			t.Errorf("%s: Durability is %+v, error %v, want %+v", name, got, err, want)
		}
	}
}

func TestWatchEndsWithTheServer(t *testing.T) {
	t.Parallel()
	e := start(t)
	b := e.open()
	watching, ended := make(chan struct{}, 10), make(chan error, 1)
	go func() { ended <- b.Watch(testkit.Within(t), "env/head", func() { watching <- struct{}{} }) }()
	<-watching
	e.Close()
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "the connection broke") {
		t.Errorf("error %v, want that the connection broke", err)
	}
}

// Watch reports each value that was written, when it can be read, and none that was
// rejected.
func TestWatchReportsWhatWasWritten(t *testing.T) {
	t.Parallel()
	e := start(t)
	reader, publisher := e.open(directly), e.open()
	ctx, cancel := context.WithCancel(testkit.Within(t))
	changed, ended := make(chan []byte, 1000), make(chan error, 1)
	go func() { ended <- reader.WatchValue(ctx, "env/head", func(value []byte) { changed <- value }) }()
	if value := <-changed; value != nil {
		t.Errorf("the first report has the value %q, want none", value)
	}
	tag := ""
	for i := range 200 {
		var err error
		if tag, err = publisher.Swap(ctx, "env/head", []byte{byte(i)}, tag); err != nil {
			t.Fatal(err)
		}
		if _, err = publisher.Swap(ctx, "env/head", []byte("rejected"), ""); !errors.Is(err, fleet.ErrConflict) {
			t.Fatalf("error %v, want ErrConflict", err)
		}
		if reported := <-changed; !bytes.Equal(reported, []byte{byte(i)}) {
			t.Fatalf("the report of Swap %d has the value %q", i, reported)
		}
		if value, got, err := reader.Get(ctx, "env/head"); err != nil || value[0] != byte(i) || got != tag {
			t.Fatalf("after the report of Swap %d: %q with the tag %s, error %v; want the tag %s", i, value, got, err, tag)
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Watch: error %v, want context.Canceled", err)
	}
}

func TestCloseEndsCallsAndReturnsEverything(t *testing.T) {
	e := start(t)
	p := testkit.NewProxy(t, e.port.Address)
	open := func() (*fleetnats.Backend, *fleetnats.Queue) {
		b := e.open(via(p))
		q := e.queue(func(c *fleetnats.QueueConfig) { c.Servers = []string{p.Address} })
		limits := fleetnats.QueueLimits{MaxBytes: 1 << 20}
		if err := errors.Join(b.Put(testkit.Within(t), "env/body", []byte("body")), q.Create(testkit.Within(t), limits)); err != nil {
			t.Fatal(err)
		}
		return b, q
	}
	b, q := open() // what the server opens for them stays
	b.Close()
	q.Close()
	before := testkit.Used()
	b, q = open()
	watching, ended := make(chan struct{}, 10), make(chan error, 3)
	go func() { ended <- b.Watch(context.Background(), "env/head", func() { watching <- struct{}{} }) }()
	<-watching
	p.Stall(true)
	go func() {
		_, _, err := b.Get(context.Background(), "env/body")
		ended <- err
	}()
	go func() {
		_, err := q.Take(context.Background(), 1)
		ended <- err
	}()
	b.Close()
	b.Close()
	q.Close()
	for range cap(ended) {
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "closed") {
			t.Errorf("a call that ran returned the error %v, want that it is closed", err)
		}
	}
	if _, _, err := b.Get(context.Background(), "env/body"); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a later call returned the error %v, want that it is closed", err)
	}
	if err := b.Watch(context.Background(), "env/body", func() {}); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("a later Watch returned the error %v, want that it is closed", err)
	}
	p.Stall(false)
	before.Returned(t)
}
