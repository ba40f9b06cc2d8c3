package testkit_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

func TestListenerServesInABubble(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		listener := testkit.NewListener()
		served := make(chan error)
		go func() {
			served <- http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }))
		}()
		connections := &http.Transport{DialContext: listener.Dial}
		resp, err := (&http.Client{Transport: connections}).Get("http://listener.test")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != "hello" || err != nil {
			t.Errorf("got %q, %v", body, err)
		}
		_ = resp.Body.Close()
		connections.CloseIdleConnections()
		_, _ = listener.Close(), listener.Close()
		if err := <-served; !errors.Is(err, net.ErrClosed) {
			t.Errorf("Serve returned %v after Close", err)
		}
		if _, err := listener.Dial(t.Context(), "", ""); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Dial returned %v after Close", err)
		}
	})
}

func TestListenerDialEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := testkit.NewListener().Dial(ctx, "", ""); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
