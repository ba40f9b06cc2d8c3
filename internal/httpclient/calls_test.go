package httpclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// madeBody is a body made of functions.
type madeBody struct {
	read  func([]byte) (int, error)
	close func() error
}

func (b *madeBody) Read(p []byte) (int, error) { return b.read(p) }
func (b *madeBody) Close() error               { return b.close() }

func answering(b io.ReadCloser) testkit.RoundTrip {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Set-Cookie": {"a=b"}}, Body: b}, nil
	}
}

// cookies is a Jar that calls functions.
type cookies struct{ get, set func() }

func (c cookies) Cookies(*url.URL) []*http.Cookie {
	c.get()
	return nil
}

func (c cookies) SetCookies(*url.URL, []*http.Cookie) { c.set() }

// hooks are functions of an application's HTTP client, in each of which it makes
// a mistake. A request through the client fails because of it.
func hooks(mistake func()) map[string]*http.Client {
	eof := func([]byte) (int, error) { return 0, io.EOF }
	none := func() error { return nil }
	return map[string]*http.Client{
		"RoundTrip":      {Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) { mistake(); return nil, errors.New("failed") })},
		"Body.Read":      {Transport: answering(&madeBody{func([]byte) (int, error) { mistake(); return 0, errors.New("failed") }, none})},
		"Body.Close":     {Transport: answering(&madeBody{eof, func() error { mistake(); return errors.New("failed") }})},
		"Jar.Cookies":    {Transport: answering(http.NoBody), Jar: cookies{func() { mistake() }, func() {}}},
		"Jar.SetCookies": {Transport: answering(http.NoBody), Jar: cookies{func() {}, func() { mistake() }}},
		"CheckRedirect": {
			Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"/"}}}, nil
			}),
			CheckRedirect: func(*http.Request, []*http.Request) error { mistake(); return errors.New("failed") },
		},
	}
}

// get requests something and reads the answer.
func get(ctx context.Context, c *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://platform.test/", nil)
	if err != nil {
		return err
	}
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	_, err = io.ReadAll(resp.Body)
	return errors.Join(err, resp.Body.Close())
}

// TestHooksThatPanic: a function of the application that panics or ends its
// goroutine costs the request, and its error does not tell the value.
func TestHooksThatPanic(t *testing.T) {
	t.Parallel()
	mistakes := map[string]func(){
		"panicked with a string": func() { panic("hunter2") },
		"called runtime.Goexit":  runtime.Goexit,
	}
	for want, mistake := range mistakes {
		for name, base := range hooks(mistake) {
			t.Run(name+" "+want, func(t *testing.T) {
				t.Parallel()
				err := get(t.Context(), Following(base, time.Minute, "secret"))
				if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("error %v, want %q", err, want)
				}
			})
		}
	}
}

// TestHooksThatHang: a request through a client that ignores its context ends
// with its context, and what hangs is counted until it returns.
func TestHooksThatHang(t *testing.T) {
	t.Parallel()
	names := hooks(nil)
	for name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				release := make(chan struct{})
				var told []string
				pool := NewPool(hooks(func() { <-release })[name], func(function string) { told = append(told, function) })
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				err := get(ctx, Following(pool.Client(), time.Minute, "secret"))
				if took := time.Since(began); took < time.Second || took > 1100*time.Millisecond {
					t.Errorf("took %v, want 1 s and at most 100 ms more", took)
				}
				if !errors.Is(err, errAbandoned) || pool.Abandoned() != 1 || len(told) != 1 {
					t.Errorf("error %v, %d abandoned, reported %q", err, pool.Abandoned(), told)
				}
				close(release)
				synctest.Wait()
				if n := pool.Abandoned(); n != 0 {
					t.Errorf("%d abandoned calls after they returned", n)
				}
			})
		})
	}
}

// TestNineHangingCalls: when 8 calls have been abandoned no new call begins,
// until one of them returns.
func TestNineHangingCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 8
		release := make(chan struct{})
		var calls atomic.Int32
		pool := NewPool(&http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
			calls.Add(1)
			<-release
			return nil, io.EOF
		})}, nil)
		client := Attempts(pool.Client(), constant(time.Second))
		for range most {
			if err := get(t.Context(), client); !errors.Is(err, errAbandoned) {
				t.Fatal(err)
			}
		}
		began := time.Now()
		err := get(t.Context(), client)
		if took := time.Since(began); !errors.Is(err, errTooMany) || took != 0 {
			t.Errorf("after %v: %v", took, err)
		}
		if n := calls.Load(); n != most || pool.Abandoned() != most {
			t.Errorf("%d calls, %d abandoned, want %d", n, pool.Abandoned(), most)
		}
		release <- struct{}{}
		synctest.Wait()
		if err := get(t.Context(), client); !errors.Is(err, errAbandoned) {
			t.Errorf("after one returned: %v", err)
		}
		close(release)
	})
}

// TestManyHangingCallsAtOnce: of calls that begin at the same time no more than 8
// are abandoned. The others wait, and return an error in time.
func TestManyHangingCallsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const requests = 3*maxCalls + 1
		release := make(chan struct{})
		var calls atomic.Int32
		pool := NewPool(&http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
			calls.Add(1)
			<-release
			return nil, io.EOF
		})}, nil)
		type outcome struct {
			err  error
			took time.Duration
		}
		outcomes := make(chan outcome, requests)
		began := time.Now()
		for range requests {
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				err := get(ctx, pool.Client())
				outcomes <- outcome{err, time.Since(began)}
			}()
		}
		refused := 0
		for range requests {
			o := <-outcomes
			if o.took > time.Second+100*time.Millisecond {
				t.Errorf("a request took %v: %v", o.took, o.err)
			}
			switch {
			case errors.Is(o.err, errTooMany):
				refused++
			case !errors.Is(o.err, errAbandoned):
				t.Errorf("got %v", o.err)
			}
		}
		if n := calls.Load(); n != maxCalls || pool.Abandoned() != maxCalls || refused != requests-maxCalls {
			t.Errorf("%d calls, %d abandoned, %d refused", n, pool.Abandoned(), refused)
		}
		close(release)
		synctest.Wait()
		if err := get(t.Context(), pool.Client()); !errors.Is(err, io.EOF) || pool.Abandoned() != 0 {
			t.Errorf("after all returned: %v, %d abandoned", err, pool.Abandoned())
		}
	})
}

// TestCallsWaitForEachOther: calls that return make way for others, which need no
// more than their turn.
func TestCallsWaitForEachOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const requests = 5 * maxCalls
		var now, most atomic.Int32
		pool := NewPool(&http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
			n := now.Add(1)
			defer now.Add(-1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(time.Second)
			return &http.Response{StatusCode: 200}, nil
		})}, nil)
		done := make(chan error, requests)
		began := time.Now()
		for range requests {
			go func() { done <- get(t.Context(), pool.Client()) }()
		}
		for range requests {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); most.Load() != maxCalls || took != 5*time.Second {
			t.Errorf("%d calls at once, %v; want %d, 5 s", most.Load(), took, maxCalls)
		}
	})
}

// TestLateAnswerIsClosed: an answer that comes after all does not keep its
// connection.
func TestLateAnswerIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closed := false
		client := Attempts(&http.Client{Transport: testkit.RoundTrip(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Minute)
			return &http.Response{StatusCode: 200, Body: &madeBody{nil, func() error { closed = true; return nil }}}, nil
		})}, constant(time.Second))
		if err := get(t.Context(), client); !errors.Is(err, errAbandoned) {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if !closed {
			t.Error("the body was not closed")
		}
	})
}

// TestForeignBodyThatLies: an invalid count of bytes is an error.
func TestForeignBodyThatLies(t *testing.T) {
	t.Parallel()
	for _, n := range []int{-1, 1 << 30} {
		lying := answering(&madeBody{func([]byte) (int, error) { return n, nil }, func() error { return nil }})
		if err := get(t.Context(), Attempts(&http.Client{Transport: lying}, constant(time.Minute))); err == nil || !strings.Contains(err.Error(), "invalid count") {
			t.Errorf("%d: %v", n, err)
		}
	}
}

// TestAnswerWithoutBody: as with net/http, that is an empty one.
func TestAnswerWithoutBody(t *testing.T) {
	t.Parallel()
	bare := testkit.RoundTrip(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 503}, nil })
	for _, client := range []*http.Client{
		Attempts(&http.Client{Transport: bare}, constant(time.Minute)), Following(&http.Client{Transport: bare}, time.Minute, "secret"),
		Sockets(&http.Client{Transport: bare}),
	} {
		if err := get(t.Context(), client); err != nil {
			t.Error(err)
		}
	}
}

// TestCookies: a Jar works as it does in http.Client, at each hop.
func TestCookies(t *testing.T) {
	t.Parallel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var sent []string
	base := &http.Client{Jar: jar, Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.Header.Get("Cookie"))
		if len(sent) == 1 {
			return &http.Response{StatusCode: http.StatusFound, Header: http.Header{"Location": {"/b"}, "Set-Cookie": {"hop=1"}}}, nil
		}
		return &http.Response{StatusCode: http.StatusOK}, nil
	})}
	if err := get(t.Context(), Following(base, time.Minute, "secret")); err != nil {
		t.Fatal(err)
	}
	if len(sent) != 2 || sent[0] != "" || sent[1] != "hop=1" {
		t.Errorf("cookies were %q", sent)
	}
}
