package ffc_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// logged returns the attributes of a log line that has the client.
func logged(client *ffc.Client) string {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("text", "client", client)
	_, attributes, _ := strings.Cut(strings.TrimSpace(b.String()), "msg=text ")
	return attributes
}

func TestLogValueFollowsTheStatus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		is := func(want string) {
			t.Helper()
			if got := logged(client); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		is("client.state=INITIALIZING client.version=0")
		if _, err := store.Apply(versioned("a", 2000), store.Mark()); err != nil {
			t.Fatal(err)
		}
		store.Confirm()
		time.Sleep(90 * time.Second)
		is("client.state=OK client.version=2000 client.age=1m30s")
		store.Interrupted(&transport.Error{Kind: transport.KindNetwork, Err: errors.New("the secret is " + ffctest.EnvSecret)})
		time.Sleep(time.Second)
		is(`client.state=INTERRUPTED client.version=2000 client.age=1m31s client.error="Network error: the cause is not shown because its text contains a secret"`)
	})
}

func TestLogValueOfUnmadeClients(t *testing.T) {
	t.Parallel()
	for _, client := range []*ffc.Client{nil, new(ffc.Client)} {
		if got, want := logged(client), `client.state=OFF client.version=0 client.error="ffc: the client is closed"`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// The lines of a service are often JSON, which has no durations.
func TestLogValueIsReadableAsJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		if _, err := store.Apply(versioned("a", 2000), store.Mark()); err != nil {
			t.Fatal(err)
		}
		store.Confirm()
		time.Sleep(90 * time.Second)
		store.Interrupted(&transport.Error{Kind: transport.KindNetwork, Err: errors.New("no route to host")})
		var b strings.Builder
		slog.New(slog.NewJSONHandler(&b, nil)).Info("text", "client", client)
		_, got, _ := strings.Cut(strings.TrimSpace(b.String()), `"client":`)
		if want := `{"state":"INTERRUPTED","version":2000,"age":"1m30s","error":"Network error: no route to host"}}`; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
