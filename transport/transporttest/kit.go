package transporttest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"runtime/pprof"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// kit is the check of one rule.
type kit struct {
	testing.TB
	source  Source
	fake    bool // the clock is
	log     *logBuffer
	client  http.Client // Env.HTTPClient as it was
	label   string
	store   *store // of the first session
	stores  []*store
	version int64 // of the last message published
	// finals run at the end, whatever happened before: nothing may go on.
	finals []func()
}

// finish ends the sessions and reports what was wrong in any rule.
func (k *kit) finish() {
	for len(k.finals) > 0 {
		last := len(k.finals) - 1
		final := k.finals[last]
		k.finals = k.finals[:last]
		final()
	}
	secret := k.source.Env.EnvSecret.Reveal()
	for _, store := range k.stores {
		for _, problem := range store.verify(secret) {
			k.Errorf("%s; the calls were %v", problem, store)
		}
	}
	if k.log.contains(secret) {
		k.Errorf("the log contains the secret")
	}
	now, before := k.source.Env.HTTPClient, &k.client
	if now.Timeout != before.Timeout || !same(now.Transport, before.Transport) || !same(now.Jar, before.Jar) ||
		!same(now.CheckRedirect, before.CheckRedirect) {
		k.Errorf("the session changed Env.HTTPClient")
	}
}

// same reports whether two values are the same, as far as Go can compare them.
func same(a, b any) bool {
	x, y := reflect.ValueOf(a), reflect.ValueOf(b)
	switch {
	case x.IsValid() != y.IsValid() || x.IsValid() && x.Type() != y.Type():
		return false
	case x.IsValid() && x.Kind() == reflect.Func:
		return x.IsNil() == y.IsNil()
	case x.IsValid() && x.Comparable():
		return a == b
	}
	return true
}

func (k *kit) newStore() *store {
	k.Helper()
	protocol, err := registry.ProtocolOf(k.source.Env.Platform)
	if err != nil {
		k.Fatalf("Source.Env.Platform: %v", err)
	}
	store := newStore(protocol.CodecOf(""))
	k.stores = append(k.stores, store)
	return store
}

// publish gives the source newer data.
func (k *kit) publish() {
	k.version = max(k.version+1, firstVersion)
	platform, err := ffctest.ParsePlatform(k.source.Env.Platform)
	if err != nil {
		k.Fatalf("Source.Env.Platform: %v", err)
	}
	k.source.Publish(message(platform, k.version))
}

// open opens a session on the store.
func (k *kit) open() *session {
	k.Helper()
	return k.openOn(k.store)
}

func (k *kit) openOn(store *store) *session {
	k.Helper()
	env := k.source.Env
	env.Store = store
	var opened transport.Session
	var err error
	k.await("Open", k.do(func() { opened, err = k.source.Transport.Open(env) }))
	if err != nil {
		k.Fatalf("Open: %v", err)
	}
	s := &session{k: k, store: store, stats: opened}
	runner, runs := opened.(transport.Runner)
	refresher, refreshes := opened.(transport.Refresher)
	if runs == refreshes {
		k.Fatalf("Open returned a %T: expected either a Runner or a Refresher", opened)
	}
	if runs {
		s.runner = runner
	} else {
		s.refresher = refresher
		k.finals = append(k.finals, func() { k.returns("Close", k.do(refresher.Close)) })
	}
	return s
}

// start opens a session. A Runner runs.
func (k *kit) start() *session {
	k.Helper()
	s := k.open()
	s.run()
	return s
}

// do runs f in a goroutine that is labelled as the session's. The channel is
// closed when f has returned.
func (k *kit) do(f func()) (done <-chan struct{}) {
	returned := make(chan struct{})
	go pprof.Do(context.Background(), pprof.Labels(labelKey, k.label), func(context.Context) {
		defer close(returned)
		f()
	})
	return returned
}

// await waits for something.
func (k *kit) await(what string, done <-chan struct{}) {
	k.Helper()
	timer := time.NewTimer(k.source.Timeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		k.Fatalf("%s: nothing after %v; the calls were %v", what, k.source.Timeout, k.store)
	}
}

// returns is await for the end of a rule, which it does not stop.
func (k *kit) returns(what string, done <-chan struct{}) {
	k.Helper()
	timer := time.NewTimer(k.source.Timeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		k.Errorf("%s: nothing after %v", what, k.source.Timeout)
	}
}

// long is a time in which a session would do what it has planned.
const long = 48 * time.Hour

// quiet checks that nothing of the sessions runs, or will run.
func (k *kit) quiet(when string) {
	k.Helper()
	k.idle(when)
	if k.fake {
		before := k.store.total()
		time.Sleep(long)
		if n := k.store.total() - before; n > 0 {
			k.Errorf("%s the store was called %d times; the calls were %v", when, n, k.store)
		}
		k.idle(when)
	}
}

// idle waits until no goroutine of the sessions is left.
func (k *kit) idle(when string) {
	k.Helper()
	deadline := time.Now().Add(k.source.Timeout)
	for pause := firstPause; ; pause = k.longer(pause) {
		left := labelled(k.label)
		if left == "" {
			return
		}
		if !time.Now().Before(deadline) {
			k.Fatalf("%s this still runs:\n%s", when, left)
		}
		<-time.After(pause)
	}
}

// firstPause is the time before what nothing signals is checked again.
const firstPause = time.Millisecond

// longer returns the next pause: a day of fake time must not take millions.
func (k *kit) longer(pause time.Duration) time.Duration {
	if !k.fake {
		return pause
	}
	return min(2*pause, k.source.Timeout/64)
}

// labelKey labels the goroutines of sessions.
const labelKey = "transporttest"

var labels atomic.Int64

func newLabel() string { return fmt.Sprintf("rule-%d", labels.Add(1)) }

// labelled returns the stack of goroutines with a label, but for those that
// net/http keeps for connections.
func labelled(label string) string {
	var profile bytes.Buffer
	_ = pprof.Lookup("goroutine").WriteTo(&profile, 1)
	for stack := range strings.SplitSeq(profile.String(), "\n\n") {
		if !strings.Contains(stack, fmt.Sprintf("%q:%q", labelKey, label)) {
			continue
		}
		lines := strings.Split(strings.TrimSpace(stack), "\n")
		began := strings.Fields(lines[len(lines)-1])
		if len(began) < 3 || !strings.HasPrefix(began[2], "net/http") {
			return stack
		}
	}
	return ""
}

// session is a session under test.
type session struct {
	k         *kit
	store     *store
	stats     transport.Session
	runner    transport.Runner    // nil of a Refresher
	refresher transport.Refresher // nil of a Runner
	stop      context.CancelFunc  // of a Runner that runs
	returned  <-chan struct{}     // Run has
}

// run runs a Runner.
func (s *session) run() {
	if s.runner == nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	s.returned = s.k.do(func() { s.runner.Run(ctx) })
	s.k.finals = append(s.k.finals, func() {
		cancel()
		s.k.returns("Run, whose context has ended", s.returned)
	})
}

// load calls Load in a goroutine of its own.
func (s *session) load(ctx context.Context) *outcome { return s.call(ctx, s.refresher.Load) }

// refresh calls Refresh in a goroutine of its own.
func (s *session) refresh(ctx context.Context) *outcome { return s.call(ctx, s.refresher.Refresh) }

func (s *session) call(ctx context.Context, method func(context.Context) error) *outcome {
	o := &outcome{}
	o.done = s.k.do(func() { o.err = method(ctx) })
	return o
}

// outcome is how a call ends.
type outcome struct {
	done <-chan struct{}
	err  error // after done
}

// fails waits for a call that must fail.
func (o *outcome) fails(k *kit, what string) {
	k.Helper()
	k.await(what, o.done)
	if o.err == nil {
		k.Errorf("%s: got no error", what)
		return
	}
	if strings.Contains(o.err.Error(), k.source.Env.EnvSecret.Reveal()) {
		k.Errorf("%s: the error contains the secret", what)
	}
}

// sync waits until the session has confirmed what was published last.
func (s *session) sync() {
	s.k.Helper()
	version := s.k.version
	if s.runner != nil {
		s.until("the session confirms the data", func(s *store) bool { return s.complete >= version })
		return
	}
	before := s.store.count(confirmed)
	o := s.load(context.Background())
	s.k.await("Load", o.done)
	if o.err != nil {
		s.k.Fatalf("Load: %v; the calls were %v", o.err, s.store)
	}
	s.store.with(func(st *store) {
		n := st.countLocked(confirmed) - before
		if n != 1 {
			s.k.Errorf("Load called Confirm %d times, expected once", n)
		}
		if st.complete < version {
			s.k.Errorf("Load returned nil with data of version %d, the source has %d", st.complete, version)
		}
	})
}

// until waits until the store is in some condition. Meanwhile a Refresher is
// called again and again.
func (s *session) until(what string, condition func(s *store) bool) {
	s.k.Helper()
	if s.refresher == nil {
		s.waitFor(what, condition)
		return
	}
	stop := s.keepLoading()
	defer stop()
	s.waitFor(what, condition)
}

// waitFor waits until the store is in some condition.
func (s *session) waitFor(what string, condition func(s *store) bool) {
	s.k.Helper()
	timer := time.NewTimer(s.k.source.Timeout)
	defer timer.Stop()
	for {
		reached, changed := s.store.reached(condition)
		if reached {
			return
		}
		select {
		case <-changed:
		case <-timer.C:
			s.k.Fatalf("%s: not after %v; the calls were %v", what, s.k.source.Timeout, s.store)
		}
	}
}

// keepLoading calls Load again and again until stop is called.
func (s *session) keepLoading() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := s.k.do(func() {
		for pause := firstPause; ; pause = s.k.longer(pause) {
			_ = s.refresher.Load(ctx)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		s.k.Helper()
		cancel()
		s.k.returns("Load, whose context has ended", done)
	}
}

// end ends the session and checks that it has ended.
func (s *session) end() {
	s.k.Helper()
	s.store.with(func(st *store) { st.ending = true })
	if s.runner != nil {
		s.stop()
		s.k.await("Run, whose context has ended", s.returned)
	} else {
		// Twice, also at once.
		first, second := s.k.do(s.refresher.Close), s.k.do(s.refresher.Close)
		s.k.await("Close", first)
		s.k.await("Close", second)
	}
	s.store.with(func(st *store) { st.ended = true })
}

// logBuffer is the log of a session.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) contains(text string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Contains(b.text.String(), text)
}
