package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// bubble is a function, its runtime and a platform, all in memory and in fake
// time.
type bubble struct {
	t       *testing.T
	runtime *lambdatest.Runtime
	client  *ffc.Client
	// handler can be set before an invocation.
	handler func(ctx context.Context) error

	mu    sync.Mutex
	polls []time.Duration // since began
	posts []time.Duration
	data  func(n int) reply // what becomes of the nth request, from 0
	post  func(n int) reply
	began time.Time
	users map[string]int // who arrived in events, and how often
}

// reply is what becomes of a request. The zero value is 200 at once.
type reply struct {
	after  time.Duration
	status int
	err    error
	hang   bool // as long as the client waits
	lost   bool // it is taken, but the answer is lost
	panics bool
}

func always(r reply) func(int) reply { return func(int) reply { return r } }

var errDown = errors.New("the platform is down")

// inBubble runs a test with a function that evaluates the flag "a" for a user
// with the request's number. configure may be nil.
func inBubble(t *testing.T, configure func(*bubble, *ffc.Config), test func(*bubble), opts ...lambda.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{t: t, users: make(map[string]int), began: time.Now(), data: always(reply{}), post: always(reply{})}
		cfg := ffc.Config{
			EnvSecret:  ffctest.EnvSecret,
			BaseURL:    "http://platform.test",
			Transport:  &poll.Transport{},
			HTTPClient: &http.Client{Transport: b},
			Logger:     testkit.Quiet(),
		}
		b.handler = func(context.Context) error { return nil }
		if configure != nil {
			configure(b, &cfg)
		}
		listener := testkit.NewListener()
		transport := http.DefaultTransport
		defer func() { http.DefaultTransport = transport }()
		http.DefaultTransport = &http.Transport{DialContext: listener.Dial}
		b.runtime = lambdatest.NewRuntimeOn(listener)
		defer b.runtime.Close()
		b.runtime.Start(func() {
			client, err := ffc.New(context.Background(), cfg)
			if err != nil {
				panic(err)
			}
			b.client = client
			awslambda.Start(lambda.Wrap(client, b.serve, opts...))
		})
		defer func() { _ = b.client.Close(context.Background()) }()
		test(b)
	})
}

func (b *bubble) serve(ctx context.Context, user string) (string, error) {
	b.runtime.Note("handler")
	value := b.client.Variation(ctx, "a", ffc.NewUser(user), "fallback")
	return value, b.handler(ctx)
}

// invoke invokes the function for a user.
func (b *bubble) invoke(user string) lambdatest.Invocation {
	b.t.Helper()
	payload, err := json.Marshal(user)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.runtime.Invoke(b.t.Context(), payload)
}

// set changes what becomes of requests.
func (b *bubble) set(data, post func(int) reply) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.data, b.post = data, post
}

// RoundTrip implements http.RoundTripper.
func (b *bubble) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	b.mu.Lock()
	log, answer := &b.polls, b.data
	if req.Method == http.MethodPost {
		log, answer = &b.posts, b.post
	}
	*log = append(*log, time.Since(b.began))
	r := answer(len(*log) - 1)
	b.mu.Unlock()
	if err := r.wait(req.Context()); err != nil {
		return nil, err
	}
	recorder := httptest.NewRecorder()
	if r.status != 0 {
		recorder.WriteHeader(r.status)
		return recorder.Result(), nil
	}
	if req.Method == http.MethodPost {
		b.take(body)
	} else {
		_, _ = recorder.Write(ffctest.Snapshot(ffctest.Flag("a").Variations("on", "off")))
	}
	if r.lost {
		return nil, errDown
	}
	return recorder.Result(), nil
}

func (r reply) wait(ctx context.Context) error {
	if r.panics {
		panic("the application's mistake")
	}
	if r.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	timer := time.NewTimer(r.after)
	defer timer.Stop()
	select {
	case <-timer.C:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// take counts events.
func (b *bubble) take(body []byte) {
	var items []struct {
		User                                struct{ KeyID string }
		UserVariations, Variations, Metrics []struct{}
	}
	if err := json.Unmarshal(body, &items); err != nil {
		b.t.Errorf("a body with events: %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, item := range items {
		b.users[item.User.KeyID] += len(item.UserVariations) + len(item.Variations) + len(item.Metrics)
	}
}

// seen returns how many requests for data and with events there were, and of
// how many users there were events.
func (b *bubble) seen() (polls, posts, users int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.polls), len(b.posts), len(b.users)
}

// checkBooks fails the test unless every event is accounted for, and those that
// count as delivered have arrived.
func (b *bubble) checkBooks(recorded int) {
	b.t.Helper()
	s := b.client.Stats().Events
	if s.Recorded != uint64(recorded) || s.Recorded != s.Delivered+s.Queued+s.Dropped.Total() {
		b.t.Errorf("recorded %d events, and the books say %+v", recorded, s)
	}
	arrived := uint64(0)
	for _, n := range b.users {
		arrived += uint64(n)
	}
	if arrived < s.Delivered || arrived > s.Delivered+s.Queued+s.Resent {
		b.t.Errorf("%d events arrived, and the books say %+v", arrived, s)
	}
}

// after returns when something first happened in an invocation, counted from its
// delivery.
func after(t testing.TB, inv lambdatest.Invocation, name string) time.Duration {
	t.Helper()
	for _, e := range inv.Timeline {
		if e.Name == name {
			return e.At.Sub(inv.Timeline[0].At)
		}
	}
	t.Fatalf("no %q in: %s", name, names(inv.Timeline))
	return 0
}
