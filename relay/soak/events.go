package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const (
	// eventKills is how often a part is killed, and killEvery the time between two kills,
	// on average. Clients record their events in that time.
	eventKills = 100
	killEvery  = 2500 * time.Millisecond
	// hidden is for how long a batch is hidden that was taken, and a little more.
	hidden = 70 * time.Second
	// eventClients is how many clients record events.
	eventClients = 4
	// forwarders is how many processes deliver them.
	forwarders = 2
	// forwarderVariable makes a process of this program a forwarder. It has the kind of
	// the queue, its address, and the address of the platform.
	forwarderVariable = "FFC_SOAK_FORWARDER"
)

// runForwarder is a forwarder, if this process is one.
func runForwarder() {
	var kind, address, platform string
	if n, _ := fmt.Sscan(os.Getenv(forwarderVariable), &kind, &address, &platform); n != 3 {
		return
	}
	queue, _, err := openQueue(kind, address)
	if err == nil {
		err = (&relay.Forwarder{
			Queue: queue,
			Destination: func(string) (relay.Destination, bool) {
				return relay.Destination{EventsURL: platform, EnvSecret: ffctest.FeatBitEnvSecret}, true
			},
			Logger: slog.New(slog.DiscardHandler),
		}).Run(context.Background())
	}
	fmt.Fprintln(os.Stderr, "soak: forwarder:", err)
	os.Exit(1)
}

// openQueue connects to a queue.
func openQueue(kind, address string) (q flush.Queue, closeIt func(), err error) {
	if kind == "sqs" {
		endpoint, url, _ := strings.Cut(address, ",")
		q, err := enginetest.NewSQS(endpoint, url, 0, nil)
		return q, func() {}, err
	}
	if kind == "nats" {
		q, err := fleetnats.NewQueue(fleetnats.QueueConfig{Servers: []string{address}})
		if err != nil {
			return nil, nil, err
		}
		return q, q.Close, nil
	}
	b, err := fleetredis.New(fleetredis.Config{Addresses: []string{address}})
	if err != nil {
		return nil, nil, err
	}
	q, err = fleetredis.NewQueue(fleetredis.QueueConfig{Backend: b, MaxBytes: 256 << 20})
	return q, b.Close, err
}

// eventPlatform counts events by their numbers. It can be killed.
type eventPlatform struct {
	address string

	mu       sync.Mutex
	server   *http.Server
	arrived  []byte // how often, by number
	distinct int
	twice    int
	requests int
}

// start listens again after kill.
func (p *eventPlatform) start() error {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	p.mu.Lock()
	p.address, p.server = listener.Addr().String(), server
	p.mu.Unlock()
	go func() { _ = server.Serve(listener) }()
	return nil
}

// kill cuts all connections, and stops listening.
func (p *eventPlatform) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.server.Close()
}

// ServeHTTP accepts events.
func (p *eventPlatform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests++
	const name = `"eventName":"e`
	for rest, found := body, true; ; {
		if _, rest, found = bytes.Cut(rest, []byte(name)); !found {
			return
		}
		digits, _, _ := bytes.Cut(rest, []byte(`"`))
		n, err := strconv.Atoi(string(digits))
		if err != nil || n >= len(p.arrived) {
			continue
		}
		switch p.arrived[n]++; p.arrived[n] {
		case 1:
			p.distinct++
		default:
			p.twice++
		}
	}
}

// eventQueue is a queue that may be killed.
type eventQueue struct {
	kind, address string
	kill          func() error // nil: it keeps nothing when it is killed
	close         func()
}

func startRedisQueue() (*eventQueue, error) {
	port, err := testkit.NewPort()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "soak")
	if err != nil {
		return nil, err
	}
	var process *exec.Cmd
	start := func() error {
		process, err = testkit.RunRedis(port.Address, dir, "--appendonly", "yes", "--appendfsync", "always")
		return err
	}
	if err := start(); err != nil {
		return nil, err
	}
	end := onInterrupt.add(func() {
		testkit.Kill(process)
		port.Close()
		_ = os.RemoveAll(dir)
	})
	return &eventQueue{"redis", port.Address, func() error { testkit.Kill(process); return start() }, end}, nil
}

func startSQSQueue() (*eventQueue, error) {
	server, err := enginetest.StartSQS()
	if err != nil {
		return nil, err
	}
	url, err := enginetest.NewQueue(server.Endpoint, "events")
	if err != nil {
		server.Close()
		return nil, err
	}
	return &eventQueue{"sqs", server.Endpoint + "," + url, nil, onInterrupt.add(server.Close)}, nil
}

// eventSoak delivers events through queues while parts are killed, and returns a table
// of what has arrived. It fails if an event is lost.
func (s *soak) eventSoak() (table string, err error) {
	fmt.Fprintf(s.out, "soak: %d events, %d kills, -seed %d\n", s.events, eventKills, s.seed)
	var rows strings.Builder
	rows.WriteString("| Queue | Events | Killed: platform, forwarders, queue | Lost | Arrived twice | Requests | Time |\n|---|---|---|---|---|---|---|\n")
	for _, q := range []struct {
		name  string
		start func() (*eventQueue, error)
	}{{"Redis, appendfsync always", startRedisQueue}, {"NATS", startNATSQueue}, {"SQS (fauxqs)", startSQSQueue}} {
		if !strings.Contains(q.name, s.only) {
			continue
		}
		queue, err := q.start()
		if errors.Is(err, testkit.ErrNoRedis) || errors.Is(err, enginetest.ErrNoFauxqs) {
			fmt.Fprintln(s.out, err)
			continue
		}
		if err != nil {
			return "", err
		}
		row, err := s.deliverEvents(queue)
		queue.close()
		if err != nil {
			return rows.String(), fmt.Errorf("%s: %w", q.name, err)
		}
		fmt.Fprintf(&rows, "| %s | %s\n", q.name, row)
	}
	return rows.String(), nil
}

// eventTime bounds a run with one queue.
const eventTime = 20 * time.Minute

func (s *soak) deliverEvents(queue *eventQueue) (row string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), eventTime)
	defer cancel()
	platform := &eventPlatform{address: "127.0.0.1:0", arrived: make([]byte, s.events)}
	if err := platform.start(); err != nil {
		return "", err
	}
	defer platform.kill()
	began := time.Now()
	var processes [forwarders]*exec.Cmd
	start := func(i int) error {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s http://%s", forwarderVariable, queue.kind, queue.address, platform.address))
		cmd.Stderr = os.Stderr
		processes[i] = cmd
		return cmd.Start()
	}
	for i := range processes {
		if err := start(i); err != nil {
			return "", err
		}
		defer onInterrupt.add(func() { testkit.Kill(processes[i]) })()
	}
	recorded := make(chan error, eventClients)
	for i := range eventClients {
		go func() { recorded <- s.recordEvents(ctx, queue, i) }()
	}
	random := rand.New(rand.NewPCG(s.seed, 2))
	var kills [3]int
	for range eventKills {
		time.Sleep(rand.N(2 * killEvery))
		part := random.IntN(3)
		if part == 2 && queue.kill == nil {
			part = random.IntN(2)
		}
		kills[part]++
		switch part {
		case 0:
			platform.kill()
			time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
			err = platform.start()
		case 1:
			i := random.IntN(forwarders)
			testkit.Kill(processes[i])
			err = start(i)
		case 2:
			err = queue.kill()
		}
		if err != nil {
			return "", err
		}
	}
	for range eventClients {
		if err := <-recorded; err != nil {
			return "", err
		}
	}
	if err := platform.await(ctx, s.events); err != nil {
		return "", err
	}
	took := time.Since(began)
	time.Sleep(hidden) // what comes again, because a batch could not be removed, counts
	platform.mu.Lock()
	defer platform.mu.Unlock()
	return fmt.Sprintf("%d | %d, %d, %d | %d | %d | %d | %v |", s.events, kills[0], kills[1], kills[2],
		s.events-platform.distinct, platform.twice, platform.requests, took.Round(time.Second)), nil
}

// await waits until so many events have arrived.
func (p *eventPlatform) await(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		distinct := p.distinct
		p.mu.Unlock()
		switch {
		case distinct >= n:
			return nil
		case ctx.Err() != nil:
			return fmt.Errorf("%d of %d events arrived within %v", distinct, n, eventTime)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// recordEvents is a client that records its part of the events, and returns when all
// of them are in the queue.
func (s *soak) recordEvents(ctx context.Context, queue *eventQueue, part int) error {
	sink, closeIt, err := openQueue(queue.kind, queue.address)
	if err != nil {
		return err
	}
	defer closeIt()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: ffctest.FeatBitEnvSecret, BaseURL: "http://127.0.0.1:1", Transport: &poll.Transport{}, StartWait: -1,
		Bootstrap: ffctest.FeatBit.Snapshot(), Events: flush.Config{Sink: sink, Interval: 100 * time.Millisecond},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	user := ffc.NewUser(fmt.Sprint("user ", part))
	began := time.Now()
	for n := part; n < s.events; n += eventClients {
		due := time.Duration(float64(n) / float64(s.events) * float64(eventKills*killEvery))
		for time.Since(began) < due || client.Stats().Events.Queued > 10_000 && ctx.Err() == nil {
			time.Sleep(10 * time.Millisecond)
		}
		if err := client.Track(ctx, user, fmt.Sprint("e", n)); err != nil {
			return err
		}
	}
	for client.Flush(ctx) != nil && ctx.Err() == nil { // the queue is down
		time.Sleep(100 * time.Millisecond)
	}
	stats := client.Stats().Events
	if err := client.Close(ctx); err != nil || stats.Dropped.Total() > 0 || stats.Delivered != stats.Recorded {
		return fmt.Errorf("the client's events: %+v, %w", stats, err)
	}
	return nil
}
