package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// relayVariable makes a process of this program a relay. It has the number of flags,
// and of environments.
const relayVariable = "FFC_SOAK_RELAY"

// relayEnvironment is the environment of the platform of package ffctest.
const relayEnvironment = "11111111-2222-3333-4444-555555555555"

// runRelay returns at once unless this process is a relay. It prints its address,
// serves until its input ends, and exits.
func runRelay() {
	var flags, environments int
	if n, _ := fmt.Sscan(os.Getenv(relayVariable), &flags, &environments); n != 2 {
		return
	}
	if err := serveRelay(flags, environments); err != nil {
		fmt.Fprintln(os.Stderr, "soak: relay:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// relayFlags returns the flags of a relay, each of about 1 kB.
func relayFlags(n int) []ffctest.Item {
	items := make([]ffctest.Item, n)
	for i := range items {
		f := ffctest.Flag(fmt.Sprint("flag-", i)).Variations("red", "green", "blue", "black").Rollout(25, 25, 25, 25)
		for j := range 3 {
			f = f.Rule("blue", ffctest.Attr("country").IsOneOf("FR", "BE", fmt.Sprint(j)))
		}
		items[i] = f
	}
	return items
}

// still is a transport that has data and gets no changes.
type still struct {
	data  []byte
	store transport.Store
}

// Open implements transport.Transport.
func (s still) Open(env transport.Env) (transport.Session, error) {
	return still{s.data, env.Store}, nil
}

// Run implements transport.Runner.
func (s still) Run(ctx context.Context) {
	if _, err := s.store.Apply(s.data, s.store.Mark()); err == nil {
		s.store.Confirm()
	}
	<-ctx.Done()
}

// Stats implements transport.Session.
func (still) Stats() transport.Stats { return transport.Stats{} }

// serveRelay serves environments with the same flags, and an address to control it.
func serveRelay(flags, environments int) error {
	// Collect often: the figures are about memory as well.
	debug.SetGCPercent(50)
	began := time.Now()
	platform := ffctest.FeatBit.NewServer(ffctest.FeatBit.Snapshot(relayFlags(flags)...))
	defer platform.Close()
	config := ffc.Config{EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: &stream.Transport{}, Events: flush.Config{Disabled: true}, Logger: testkit.Quiet()}
	clients := make(map[string]*ffc.Client)
	for i := range environments {
		name := relayEnvironment
		if i > 0 {
			name = fmt.Sprintf("11111111-2222-3333-4444-%012d", i)
			config = ffc.Config{Offline: false, EnvSecret: platform.EnvSecret, BaseURL: platform.URL, Transport: still{data: platform.Snapshot()}, Events: flush.Config{Disabled: true}, Logger: testkit.Quiet()}
		}
		client, err := ffc.New(context.Background(), config)
		if err != nil {
			return err
		}
		clients[name] = client
	}
	h := &relay.Handler{
		Reader: func(environment string) (*ffc.Client, bool) { client, ok := clients[environment]; return client, ok },
		Keys:   func(key string) (string, bool) { return relayEnvironment, key == platform.EnvSecret },
		Logger: testkit.Quiet(),
	}
	defer h.Close()
	for name := range clients {
		h.Refresh(name)
	}
	ready := time.Since(began)
	mux := http.NewServeMux()
	mux.Handle("/", h)
	change := 0
	mux.HandleFunc("/change", func(http.ResponseWriter, *http.Request) {
		change++
		platform.Put(ffctest.Flag("flag-0").Variations("red", "green").Serve([]string{"red", "green"}[change%2]))
	})
	mux.HandleFunc("/usage", func(w http.ResponseWriter, _ *http.Request) {
		runtime.GC()
		debug.FreeOSMemory()
		fmt.Fprintln(w, ownTime().Nanoseconds(), memoryOf("VmRSS:"), memoryOf("VmHWM:"), ready.Nanoseconds())
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	fmt.Println(listener.Addr(), platform.EnvSecret)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return server.Close()
}

// memoryOf returns a line of the memory of this process, in KiB.
func memoryOf(name string) (kib int) {
	text, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(text), name)
	_, _ = fmt.Sscan(rest, &kib)
	return kib
}

// relayProcess is a relay in a process of its own.
type relayProcess struct {
	address, key string
	end          func()
}

func startRelay(flags, environments int) (*relayProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", relayVariable, flags, environments))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r := &relayProcess{end: onInterrupt.add(func() { _ = in.Close(); _ = cmd.Wait() })}
	if _, err := fmt.Fscan(out, &r.address, &r.key); err != nil {
		r.end()
		return nil, fmt.Errorf("the relay has not started: %w", err)
	}
	return r, nil
}

// relayUsage is what a relay has used.
type relayUsage struct {
	cpu       time.Duration
	now, peak int // KiB
	ready     time.Duration
}

func (r *relayProcess) usage() (u relayUsage, err error) {
	resp, err := http.Get("http://" + r.address + "/usage")
	if err != nil {
		return u, err
	}
	defer resp.Body.Close()
	_, err = fmt.Fscan(resp.Body, (*int64)(&u.cpu), &u.now, &u.peak, (*int64)(&u.ready))
	return u, err
}

func (r *relayProcess) change() error {
	resp, err := http.Get("http://" + r.address + "/change")
	if err == nil {
		err = resp.Body.Close()
	}
	return err
}

// polls sends the same request over connections for a time, and returns how many
// responses there were, and the size of a body.
func (r *relayProcess) polls(connections int, length time.Duration, header string) (count int64, body int64, err error) {
	request := []byte("GET /api/public/sdk/server/latest-all HTTP/1.1\r\nHost: relay\r\nAuthorization: " + r.key + "\r\n" + header + "\r\n")
	var total, size atomic.Int64
	errs := make(chan error, connections)
	until := time.Now().Add(length)
	for range connections {
		go func() {
			conn, err := net.Dial("tcp", r.address)
			if err != nil {
				errs <- err
				return
			}
			defer conn.Close()
			reader := bufio.NewReaderSize(conn, 64<<10)
			for time.Now().Before(until) {
				if _, err = conn.Write(request); err != nil {
					break
				}
				var n int64
				if n, err = readResponse(reader); err != nil {
					break
				}
				size.Store(n)
				total.Add(1)
			}
			errs <- err
		}()
	}
	for range connections {
		err = errors.Join(err, <-errs)
	}
	return total.Load(), size.Load(), err
}

// readResponse reads a response and returns the size of its body.
func readResponse(r *bufio.Reader) (size int64, err error) {
	first := true
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		if first && !bytes.Contains(line, []byte(" 200 ")) && !bytes.Contains(line, []byte(" 304 ")) {
			return 0, fmt.Errorf("the relay responded %q", line)
		}
		first = false
		if len(line) <= 2 {
			break
		}
		if value, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if size, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, err
			}
		}
	}
	_, err = r.Discard(int(size))
	return size, err
}

// dialSocket opens a websocket and requests all data. got is called with each
// message, from a goroutine.
func (r *relayProcess) dialSocket(got func(size int64)) (net.Conn, error) {
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		return nil, err
	}
	_, path, _ := strings.Cut(featbit.Protocol().StreamURL("ws://relay", r.key, time.Now()), "ws://relay")
	hello := "GET " + path + " HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
	ask := `{"messageType":"data-sync","data":{"timestamp":0}}`
	frame := append([]byte{0x81, 0x80 | byte(len(ask)), 0, 0, 0, 0}, ask...)
	if _, err := conn.Write(append([]byte(hello), frame...)); err != nil {
		return nil, err
	}
	go func() {
		reader := bufio.NewReaderSize(conn, 1<<10)
		for {
			line, err := reader.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= 2 {
				break
			}
		}
		for {
			size, err := readFrame(reader)
			if err != nil {
				return
			}
			got(size)
		}
	}()
	return conn, nil
}

// readFrame skips a frame of a server and returns its size.
func readFrame(r *bufio.Reader) (size int64, err error) {
	var head [10]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return 0, err
	}
	switch size = int64(head[1] & 0x7f); size {
	case 126:
		if _, err := io.ReadFull(r, head[2:4]); err != nil {
			return 0, err
		}
		size = int64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		if _, err := io.ReadFull(r, head[2:10]); err != nil {
			return 0, err
		}
		size = int64(binary.BigEndian.Uint64(head[2:]))
	}
	_, err = r.Discard(int(size))
	return size, err
}

// loadRelayPolls measures polling.
func (s *soak) loadRelayPolls() (figures []figure, err error) {
	r, err := startRelay(1000, 1)
	if err != nil {
		return nil, err
	}
	defer r.end()
	resp, err := http.NewRequest(http.MethodGet, "http://"+r.address+"/api/public/sdk/server/latest-all", nil)
	if err != nil {
		return nil, err
	}
	resp.Header.Set("Authorization", r.key)
	first, err := http.DefaultClient.Do(resp)
	if err != nil {
		return nil, err
	}
	_ = first.Body.Close()
	for _, kind := range []struct{ what, header string }{
		{"polls of unchanged data a second", "If-None-Match: " + first.Header.Get("Etag") + "\r\n"},
		{"polls of all data a second, 1,000 flags, gzip", "Accept-Encoding: gzip\r\n"},
		{"polls of all data a second, 1,000 flags, without gzip", ""},
	} {
		before, err := r.usage()
		if err != nil {
			return figures, err
		}
		length := min(max(time.Duration(s.instances)*time.Millisecond/2, 50*time.Millisecond), 5*time.Second)
		n, size, err := r.polls(64, length, kind.header)
		if err != nil {
			return figures, err
		}
		after, err := r.usage()
		if err != nil {
			return figures, err
		}
		figures = append(figures, figure{kind.what, fmt.Sprintf("%d; %d kB each; %.1f µs of a core of the relay for each", int64(float64(n)/length.Seconds()), size/1000,
			float64((after.cpu-before.cpu).Nanoseconds())/float64(n)/1000)})
	}
	row, err := s.loadRelayIdle(r)
	return append(figures, row), err
}

// loadRelayIdle measures connections that stay open after a poll.
func (s *soak) loadRelayIdle(r *relayProcess) (f figure, err error) {
	before, err := r.usage()
	if err != nil {
		return f, err
	}
	request := []byte("GET /api/public/sdk/server/latest-all HTTP/1.1\r\nHost: relay\r\nAuthorization: " + r.key + "\r\nAccept-Encoding: gzip\r\n\r\n")
	count := s.part(5_000)
	for range count {
		conn, err := net.Dial("tcp", r.address)
		if err != nil {
			return f, err
		}
		defer conn.Close()
		if _, err := conn.Write(request); err != nil {
			return f, err
		}
		if _, err := readResponse(bufio.NewReaderSize(conn, 1<<10)); err != nil {
			return f, err
		}
	}
	after, err := r.usage()
	return figure{fmt.Sprintf("%d connections that stay open after a poll", count), fmt.Sprintf("%.1f KiB of memory each", float64(after.now-before.now)/float64(count))}, err
}

// loadRelaySockets measures websockets.
func (s *soak) loadRelaySockets() (figures []figure, err error) {
	r, err := startRelay(100, 1)
	if err != nil {
		return nil, err
	}
	defer r.end()
	count := s.part(10_000)
	before, err := r.usage()
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	arrived := make([]time.Duration, 0, count)
	var began time.Time
	reached := make(chan struct{}, 1)
	got := func(int64) {
		at := time.Since(began)
		mu.Lock()
		defer mu.Unlock()
		if arrived = append(arrived, at); len(arrived) == count {
			reached <- struct{}{}
		}
	}
	await := func(what string) error {
		select {
		case <-reached:
			return nil
		case <-time.After(time.Minute):
			mu.Lock()
			defer mu.Unlock()
			return fmt.Errorf("only %d of %d websockets got %s", len(arrived), count, what)
		}
	}
	start := func() {
		mu.Lock()
		defer mu.Unlock()
		arrived, began = arrived[:0], time.Now()
	}
	connect := func() ([]net.Conn, error) {
		start()
		all := make([]net.Conn, count)
		errs := make(chan error, 100)
		next := atomic.Int64{}
		for range 100 {
			go func() {
				for {
					i := int(next.Add(1)) - 1
					if i >= count {
						errs <- nil
						return
					}
					var err error
					if all[i], err = r.dialSocket(got); err != nil {
						errs <- err
						return
					}
				}
			}()
		}
		for range 100 {
			err = errors.Join(err, <-errs)
		}
		return all, errors.Join(err, await("the data"))
	}
	all, err := connect()
	if err != nil {
		return nil, err
	}
	connected := time.Since(began)
	open, err := r.usage()
	if err != nil {
		return nil, err
	}
	figures = append(figures, figure{
		fmt.Sprintf("%d websockets, 100 flags", count),
		fmt.Sprintf("all had the data after %.1f s; %.1f KiB of memory each, %d MiB without them", connected.Seconds(), float64(open.now-before.now)/float64(count), before.now>>10),
	})
	var times []time.Duration
	const changes = 10
	for range changes {
		start()
		if err := r.change(); err != nil {
			return figures, err
		}
		if err := await("the change"); err != nil {
			return figures, err
		}
		times = append(times, arrived...)
		time.Sleep(200 * time.Millisecond)
	}
	pushed, err := r.usage()
	if err != nil {
		return figures, err
	}
	slices.Sort(times)
	figures = append(figures, figure{
		fmt.Sprintf("a change on the platform to arrived at %d websockets, ten times", count),
		fmt.Sprintf("p50 %v, p99 %v, last %v; %.1f µs of a core of the relay for each", times[len(times)/2].Round(time.Millisecond), times[len(times)*99/100].Round(time.Millisecond),
			times[len(times)-1].Round(time.Millisecond), float64((pushed.cpu-open.cpu).Nanoseconds())/float64(len(times))/1000),
	})
	for _, conn := range all {
		_ = conn.Close()
	}
	if all, err = connect(); err != nil {
		return figures, err
	}
	again := time.Since(began)
	last, err := r.usage()
	if err != nil {
		return figures, err
	}
	for _, conn := range all {
		_ = conn.Close()
	}
	return append(figures, figure{
		fmt.Sprintf("%d websockets are cut at once and connect again for all data", count),
		fmt.Sprintf("all had the data after %.1f s; at most %d MiB", again.Seconds(), last.peak>>10),
	}), nil
}

// loadRelayEnvironments measures a relay of many environments.
func (s *soak) loadRelayEnvironments() ([]figure, error) {
	environments := s.part(200)
	r, err := startRelay(1000, environments)
	if err != nil {
		return nil, err
	}
	defer r.end()
	u, err := r.usage()
	if err != nil {
		return nil, err
	}
	return []figure{{
		fmt.Sprintf("%d environments with 1,000 flags each", environments),
		fmt.Sprintf("served after %.1f s; %d MiB", u.ready.Seconds(), u.now>>10),
	}}, nil
}
