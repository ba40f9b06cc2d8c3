package ffc_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// TestOmitFlagsReportsExperimentsOnly evaluates flags before and after a change.
func TestOmitFlagsReportsExperimentsOnly(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		flags := func(value string) []ffctest.Item {
			return []ffctest.Item{
				ffctest.Flag("noisy").NoExperiment().Serve(value),
				ffctest.Flag("measured").Serve(value),
				ffctest.Flag("other").NoExperiment().Serve(value),
			}
		}
		server, client := connectedTo(t, p, func(c *ffc.Config) { c.Events = flush.Config{OmitFlags: []string{"noisy", "measured", "unknown"}} }, flags("true")...)
		evaluate := func(want bool) {
			t.Helper()
			for _, key := range []string{"noisy", "measured", "other"} {
				if got := client.BoolVariation(t.Context(), key, ffc.NewUser("u"), !want); got != want {
					t.Errorf("%s is %v", key, got)
				}
			}
			if err := client.Flush(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
		}
		evaluate(true)
		if err := server.Replace(p.Snapshot(flags("false")...)); err != nil {
			t.Fatal(err)
		}
		waitFor(t, client, func() bool { // each flag is an update of its own; AllVariations records no events
			all, err := json.Marshal(client.AllVariations(t.Context(), ffc.NewUser("u")))
			return err == nil && !bytes.Contains(all, []byte(`"true"`))
		})
		evaluate(false)
		var got []string
		for _, e := range server.Events() {
			got = append(got, e.FlagKey+" "+e.Value)
		}
		want := []string{"measured true", "other true", "measured false", "other false"}
		if !slices.Equal(got, want) {
			t.Errorf("got  %q\nwant %q", got, want)
		}
		if s := client.Stats(); s.Events.Omitted != 2 || s.Events.Recorded != 4 || s.Evaluations != 6 {
			t.Errorf("Stats: %+v", s)
		}
	})
}
