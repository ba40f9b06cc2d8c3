package ffcopenfeature_test

import (
	"sync"
	"testing"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"github.com/open-feature/go-sdk/openfeature/memprovider"
	"github.com/open-feature/go-sdk/openfeature/multi"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// TestMultiProvider: two environments and the SDK's own provider behind one.
func TestMultiProvider(t *testing.T) {
	t.Parallel()
	m, first := manually(t, nil)
	defer first.Close(t.Context())
	m.put(t, ffctest.Flag("f").Variations("first"), ffctest.Flag("malformed").Variations("text"))
	second := offline(t, ffctest.Flag("f").Variations("second"), ffctest.Flag("g").Variations("second"))
	memory := memprovider.NewInMemoryProvider(map[string]memprovider.InMemoryFlag{
		"h": {State: memprovider.Enabled, DefaultVariant: "on", Variants: map[string]any{"on": "third"}},
	})
	hook := &countingHook{}
	provider, err := multi.NewProvider(multi.StrategyFirstMatch,
		multi.WithProvider("first", ffcopenfeature.NewProvider(first, ffcopenfeature.Config{})),
		multi.WithProvider("second", ffcopenfeature.NewProvider(second, ffcopenfeature.Config{}), hook),
		multi.WithProvider("memory", memory))
	if err != nil {
		t.Fatal(err)
	}
	api := isolated.NewAPI()
	if err := api.SetProviderAndWait(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	flags := api.NewClient()

	for key, want := range map[string]string{"f": "first", "g": "second", "h": "third", "missing": "default"} {
		if got := flags.String(t.Context(), key, "default", user("u")); got != want {
			t.Errorf("%s: got %q, want %q", key, got, want)
		}
	}
	// What we cannot take as a context must not keep others from answering.
	nested := of.NewEvaluationContext("u", map[string]any{"tags": []string{"a"}})
	if got := flags.String(t.Context(), "h", "default", nested); got != "third" {
		t.Errorf("with a nested attribute: %q", got)
	}
	d, _ := flags.IntValueDetails(t.Context(), "malformed", 7, user("u"))
	if d.Value != 7 || d.ErrorCode != of.TypeMismatchCode {
		t.Errorf("got %+v", d)
	}
	if hook.called() == 0 {
		t.Error("hooks of a single provider did not run")
	}

	stale, changed := handled(api, of.ProviderStale), handled(api, of.ProviderConfigChange)
	m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork})
	next(t, "PROVIDER_STALE", stale)
	m.put(t, ffctest.Flag("f").Variations("changed").Version(5))
	next(t, "PROVIDER_CONFIGURATION_CHANGED", changed)
	if got := flags.String(t.Context(), "f", "default", user("u")); got != "changed" {
		t.Errorf("got %q", got)
	}
	if err := api.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestMultiProviderConcurrently: it writes to the metadata it is given.
func TestMultiProviderConcurrently(t *testing.T) {
	t.Parallel()
	provider, err := multi.NewProvider(multi.StrategyFirstSuccess,
		multi.WithProvider("only", ffcopenfeature.NewProvider(offline(t, ffctest.Flag("f").Name("F")), ffcopenfeature.Config{})))
	if err != nil {
		t.Fatal(err)
	}
	api := isolated.NewAPI()
	if err := api.SetProviderAndWait(t.Context(), provider); err != nil {
		t.Fatal(err)
	}
	defer api.Shutdown(t.Context())
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				d, err := api.NewClient().BooleanValueDetails(t.Context(), "f", false, user("u"))
				if name, _ := d.FlagMetadata.GetString(ffcopenfeature.MetadataFlagName); err != nil || !d.Value || name != "F" {
					t.Errorf("got %+v, %v", d, err)
					return
				}
			}
		})
	}
	all.Wait()
}
