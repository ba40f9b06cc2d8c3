package ffc_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// BenchmarkMiddleware is the latency of quiet requests over loopback, each of
// which leaves an event: without the middleware, with it and an event endpoint
// that takes 300 ms or hangs, and with responses that are held until their events
// have been delivered. Requests of all kinds take turns, so that the machine is
// the same for all.
//
// Held requests take 300 ms each, so there is one for 100 others.
func BenchmarkMiddleware(b *testing.B) {
	const (
		without = "without"
		slow    = "endpoint-300ms"
		hangs   = "endpoint-hangs"
		held    = "held"
	)
	urls, took := make(map[string]string), make(map[string][]time.Duration)
	for name, delay := range map[string]time.Duration{without: 0, slow: 300 * time.Millisecond, hangs: time.Hour, held: 300 * time.Millisecond} {
		client := delayed(b, delay)
		handler := evaluating(client)
		switch name {
		case slow, hangs:
			handler = client.Middleware(handler)
		case held:
			handler = client.MiddlewareWith(ffc.MiddlewareConfig{HoldResponse: 2 * time.Second}, handler)
		}
		s, _ := listen(b, handler, false)
		urls[name] = s.URL
	}
	request := func(name string) {
		began := time.Now()
		if body, err := get(b.Context(), http.DefaultClient, urls[name]+"/?u"); body != "true" || err != nil {
			b.Fatalf("%s: got %q, %v", name, body, err)
		}
		took[name] = append(took[name], time.Since(began))
	}
	for i := 0; b.Loop(); i++ {
		for _, name := range []string{without, slow, hangs} {
			request(name)
		}
		if i%100 == 0 {
			request(held)
		}
	}
	quantile := func(name string, q float64) float64 {
		slices.Sort(took[name])
		return float64(took[name][int(q*float64(len(took[name])-1))])
	}
	for _, name := range []string{slow, hangs, held} {
		for _, q := range []float64{0.5, 0.99} {
			p := fmt.Sprintf("p%.0f-%s", 100*q, name)
			b.ReportMetric((quantile(name, q)-quantile(without, q))/1e6, p+"-added-ms")
			b.ReportMetric(quantile(name, q)/quantile(without, q), p+"-ratio")
		}
	}
	b.ReportMetric(quantile(without, 0.99)/1e6, "p99-"+without+"-ms")
}

// delayed returns a client whose event endpoint answers after a delay, or when
// the client has given up.
func delayed(b *testing.B, delay time.Duration) *ffc.Client {
	b.Helper()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	b.Cleanup(platform.Close)
	front, _ := listen(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && delay > 0 {
			body, _ := io.ReadAll(r.Body) // so that the server notices when the client gives up
			r.Body = io.NopCloser(bytes.NewReader(body))
			timer := time.NewTimer(delay)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-r.Context().Done():
			}
		}
		platform.ServeHTTP(w, r)
	}), false)
	client, err := ffc.New(b.Context(), ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   front.URL,
		Transport: &poll.Transport{MaxAge: time.Hour}, // no refresh takes part
		Logger:    testkit.Quiet(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = client.Close(ctx)
	})
	return client
}
