package ffc_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// withStore returns a client whose data the test applies itself, and its store.
func withStore(t *testing.T) (*ffc.Client, transport.Store) {
	t.Helper()
	var own idle
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: ffctest.EnvSecret,
		Transport: &own,
		StartWait: -1,
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(context.Background()) })
	return client, own.store
}

// versioned is the data of one flag that is on, of a version.
func versioned(key string, version int64) []byte {
	return ffctest.Snapshot(ffctest.Flag(key).Variations("a", "b").Version(version))
}

func TestApplyAsOfReplacesNewerVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		if _, err := store.Apply(versioned("new", 2000), store.Mark()); err != nil {
			t.Fatal(err)
		}
		store.Confirm()
		if store.Version() != 2000 {
			t.Fatalf("version %d, want 2000", store.Version())
		}
		applied, err := store.ApplyAsOf(versioned("old", 1000), store.Mark(), time.Now())
		if err != nil || !applied.Full || applied.Held != 0 {
			t.Fatalf("applied %+v, error %v", applied, err)
		}
		if keys := client.AllVariations(t.Context(), ffc.NewUser("u")).Keys(); len(keys) != 1 || keys[0] != "old" {
			t.Errorf("flags %q, want old only", keys)
		}
		if store.Version() != 0 {
			t.Errorf("version %d: the platform must be asked for everything", store.Version())
		}
	})
}

func TestApplyAsOfKeepsWhatWasPushedSinceTheMark(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		_, _ = store.ApplyAsOf(versioned("flag", 1000), store.Mark(), time.Now())
		asked := store.Mark()
		_, _ = store.ApplyAsOf(versioned("flag", 3000), asked, time.Now())
		if _, err := store.ApplyAsOf(versioned("flag", 2000), asked, time.Now()); err != nil {
			t.Fatal(err)
		}
		if v := client.Status().DataVersion; v != 3000 {
			t.Errorf("version %d: an answer from before the mark replaced a later one", v)
		}
	})
}

func TestApplyAsOfRejectsPatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		_, err := store.ApplyAsOf([]byte(`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[]}}`), store.Mark(), time.Now())
		if why := (*transport.Error)(nil); !errors.As(err, &why) || why.Kind != transport.KindData {
			t.Errorf("error %v, want one of KindData", err)
		}
		if client.Initialized() {
			t.Error("the client is initialized by a patch")
		}
	})
}

func TestDataAgeCountsFromAsOfAndNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		age := func(want time.Duration) {
			t.Helper()
			if got := client.Status().DataAge; got != want {
				t.Errorf("DataAge %v, want %v", got, want)
			}
		}
		began := time.Now()
		_, _ = store.ApplyAsOf(versioned("flag", 1000), store.Mark(), began.Add(-time.Minute).UTC())
		age(time.Minute)
		if s := client.Status(); s.State != ffc.StateInitializing {
			t.Errorf("state %s: ApplyAsOf must not change it", s.State)
		}
		store.ConfirmAsOf(began.Add(-time.Minute))
		age(time.Minute)
		if s := client.Status(); s.State != ffc.StateOK {
			t.Errorf("state %s, want OK", s.State)
		}
		time.Sleep(10 * time.Second)
		age(70 * time.Second)
		store.ConfirmAsOf(began.Add(5 * time.Second))
		age(5 * time.Second)
		store.ConfirmAsOf(began) // what a replica that lags behind has
		age(5 * time.Second)
		store.ConfirmAsOf(began.Add(time.Hour)) // a clock that is ahead
		age(0)
		store.Interrupted(&transport.Error{Kind: transport.KindUnavailable, AsOf: began})
		age(0)
		time.Sleep(time.Minute)
		store.Interrupted(&transport.Error{Kind: transport.KindUnavailable, AsOf: time.Now().Add(-time.Second)})
		age(time.Second)
	})
}

// A function that starts while the publisher is away has data, and says how old.
func TestInterruptedAfterApplyAsOfInitializesTheClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		store.Interrupted(&transport.Error{Kind: transport.KindNetwork})
		if s := client.Status(); s.State != ffc.StateInitializing {
			t.Fatalf("state %s before there is data", s.State)
		}
		asOf := time.Now().Add(-time.Hour)
		_, _ = store.ApplyAsOf(versioned("flag", 1000), store.Mark(), asOf)
		store.Interrupted(&transport.Error{Kind: transport.KindUnavailable, Err: errors.New("old"), AsOf: asOf})
		if err := client.WaitReady(t.Context()); err != nil {
			t.Errorf("WaitReady: %v", err)
		}
		if s := client.Status(); s.State != ffc.StateInterrupted || s.DataAge != time.Hour || !client.Initialized() {
			t.Errorf("status %+v, initialized %t", s, client.Initialized())
		}
	})
}

// TestVersionOfRelayedData: the data of a relay is complete up to its version once
// ConfirmAsOf was called; that of an engine says nothing to the platform.
func TestVersionOfRelayedData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, store := withStore(t)
		defer client.Close(context.Background())
		version := func(want int64) {
			t.Helper()
			if got := store.Version(); got != want {
				t.Errorf("version %d, want %d", got, want)
			}
		}
		_, _ = store.ApplyAsOf(versioned("flag", 1000), store.Mark(), time.Now())
		store.ConfirmAsOf(time.Now())
		version(0)
		if _, err := store.Apply(versioned("flag", 2000), store.Mark()); err != nil {
			t.Fatal(err)
		}
		version(0)
		store.ConfirmAsOf(time.Now().Add(-time.Minute))
		version(2000)
	})
}
