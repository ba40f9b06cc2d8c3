package ffcopenfeature_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// TestReasonsAndErrors is the table of the package's documentation.
func TestReasonsAndErrors(t *testing.T) {
	t.Parallel()
	gate := ffctest.Flag("gate").Off()
	loop := ffctest.Flag("loop").Prerequisite(ffctest.Flag("back"), "true")
	back := ffctest.Flag("back").Prerequisite(loop, "true")
	client := offline(t, gate, loop, back,
		ffctest.Flag("off").Variations("on", "off").Off(),
		ffctest.Flag("gated").Variations("on", "off").Prerequisite(gate, "true"),
		ffctest.Flag("target").Variations("on", "off").Target("on", "u").Serve("off"),
		ffctest.Flag("rule").Variations("on", "off").Rule("on", ffctest.Attr("plan").Equal("pro")).Serve("off"),
		ffctest.Flag("fallthrough").Variations("on", "off").Rule("off", ffctest.Attr("plan").Equal("free")),
		ffctest.Flag("static").Variations("on", "off"),
		ffctest.Flag("split").Variations("on", "off").Rollout(50, 50),
		ffctest.Flag("split rule").Variations("on", "off").RuleRollout([]float64{50, 50}, ffctest.Attr("plan").Equal("pro")),
		ffctest.Flag("roles").Variations("on", "off").Rule("on", ffctest.Attr("roles").Contains("admin")).Serve("off"),
		ffctest.Flag("malformed").Variations("{"))
	_, waiting := manually(t, nil)
	t.Cleanup(func() { waiting.Close(context.Background()) })

	known := of.FlattenedContext{of.TargetingKey: "u", "plan": "pro"}
	tests := []struct {
		name    string
		client  *ffc.Client
		flag    string
		ctx     of.FlattenedContext
		value   string
		variant string
		reason  of.Reason
		code    of.ErrorCode
	}{
		{"flag off", client, "off", known, "off", "2", of.DisabledReason, ""},
		{"prerequisite failed", client, "gated", known, "off", "2", of.DisabledReason, ""},
		{"target match", client, "target", known, "on", "1", of.TargetingMatchReason, ""},
		{"rule match", client, "rule", known, "on", "1", of.TargetingMatchReason, ""},
		{"fall through all rules", client, "fallthrough", known, "on", "1", of.DefaultReason, ""},
		{"fall through all rules, one value", client, "static", known, "on", "1", of.StaticReason, ""},
		{"fall through all rules, percentages", client, "split", known, "on", "1", of.SplitReason, ""},
		{"rule match, percentages", client, "split rule", known, "on", "1", of.SplitReason, ""},
		{"client not ready", waiting, "off", known, "fallback", "", of.ErrorReason, of.ProviderNotReadyCode},
		{"flag not found", client, "missing", known, "fallback", "", of.ErrorReason, of.FlagNotFoundCode},
		{"flag not found, with misuse", client, "missing", of.FlattenedContext{"a": []int{1}}, "fallback", "", of.ErrorReason, of.FlagNotFoundCode},
		{"no context", client, "off", nil, "fallback", "", of.ErrorReason, of.TargetingKeyMissingCode},
		{"no targeting key", client, "off", of.FlattenedContext{"plan": "pro"}, "fallback", "", of.ErrorReason, of.TargetingKeyMissingCode},
		{"blank targeting key", client, "off", of.FlattenedContext{of.TargetingKey: " "}, "fallback", "", of.ErrorReason, of.TargetingKeyMissingCode},
		{"invalid context", client, "roles", of.FlattenedContext{of.TargetingKey: "u", "roles": []string{"admin"}}, "fallback", "", of.ErrorReason, of.InvalidContextCode},
		{"invalid context, not needed", client, "target", of.FlattenedContext{of.TargetingKey: "u", "roles": []string{"admin"}}, "on", "1", of.TargetingMatchReason, ""},
		{"invalid targeting key", client, "static", of.FlattenedContext{of.TargetingKey: 42}, "fallback", "", of.ErrorReason, of.InvalidContextCode},
		{"error in evaluation", client, "loop", known, "fallback", "", of.ErrorReason, of.GeneralCode},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			provider := ffcopenfeature.NewProvider(test.client, ffcopenfeature.Config{})
			got := provider.StringEvaluation(t.Context(), test.flag, "fallback", test.ctx)
			detail := got.ResolutionDetail()
			if got.Value != test.value || detail.Variant != test.variant || detail.Reason != test.reason || detail.ErrorCode != test.code {
				t.Errorf("got %q, %+v", got.Value, detail)
			}
			if (detail.ErrorMessage == "") != (test.code == "") {
				t.Errorf("error message %q", detail.ErrorMessage)
			}
		})
	}
}

func TestParseErrorsDoNotQuoteTheValue(t *testing.T) {
	t.Parallel()
	provider := ffcopenfeature.NewProvider(offline(t, ffctest.Flag("f").Variations(`{"a": secret}`)), ffcopenfeature.Config{})
	got := provider.ObjectEvaluation(t.Context(), "f", nil, of.FlattenedContext{of.TargetingKey: "u"})
	if detail := got.ResolutionDetail(); detail.ErrorCode != of.ParseErrorCode || strings.Contains(detail.ErrorMessage, "secret") {
		t.Errorf("got %+v", detail)
	}
}

// TestFallbacksDoNotCount: OpenFeature's rule is that an error answers the
// default of the call.
func TestFallbacksDoNotCount(t *testing.T) {
	t.Parallel()
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Fallbacks: map[string]string{"missing": "configured"}})
	if err != nil {
		t.Fatal(err)
	}
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	if got := provider.StringEvaluation(t.Context(), "missing", "default", of.FlattenedContext{of.TargetingKey: "u"}); got.Value != "default" {
		t.Errorf("got %q", got.Value)
	}
}

func TestFlagMetadata(t *testing.T) {
	t.Parallel()
	server := platform(t, ffctest.Flag("f").Name("A flag").Version(1700000000000))
	client := online(t, server, nil)
	_, flags := ready(t, client)
	keys := func(m of.FlagMetadata) []string { return slices.Sorted(maps.Keys(m)) }

	d, err := flags.BooleanValueDetails(t.Context(), "f", false, user("u"))
	if err != nil {
		t.Fatal(err)
	}
	name, _ := d.FlagMetadata.GetString(ffcopenfeature.MetadataFlagName)
	version, _ := d.FlagMetadata.GetString(ffcopenfeature.MetadataVersion)
	age, err := d.FlagMetadata.GetFloat(ffcopenfeature.MetadataDataAge)
	if name != "A flag" || version != "1700000000000" || err != nil || age <= 0 || age > 60 {
		t.Errorf("got %v", d.FlagMetadata)
	}
	server.Put(ffctest.Flag("f").Off())
	if err := server.WaitSynced(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	d, _ = flags.BooleanValueDetails(t.Context(), "f", false, user("u"))
	if got, _ := d.FlagMetadata.GetString(ffcopenfeature.MetadataVersion); got != strconv.FormatInt(server.Version(), 10) {
		t.Errorf("after a change: version %s, want %d", got, server.Version())
	}
	d, _ = flags.BooleanValueDetails(t.Context(), "missing", false, user("u"))
	if got := keys(d.FlagMetadata); !slices.Equal(got, []string{"dataAge", "version"}) {
		t.Errorf("of a missing flag: %v", d.FlagMetadata)
	}
	_, flags = ready(t, offline(t, ffctest.Flag("f")))
	d, _ = flags.BooleanValueDetails(t.Context(), "f", false, user("u"))
	if got := keys(d.FlagMetadata); !slices.Equal(got, []string{"flagName", "version"}) {
		t.Errorf("of a bootstrap: %v", d.FlagMetadata)
	}
}

// TestStale: with data that may be out of date the reason is STALE, and the metadata
// have the other one.
func TestStale(t *testing.T) {
	t.Parallel()
	flag := ffctest.Flag("f").Rule("true", ffctest.Attr("plan").Equal("pro"))
	m, client := manually(t, func(c *ffc.Config) { c.Bootstrap = ffctest.Snapshot(flag) })
	defer client.Close(context.Background())
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{})
	steps := []struct {
		name   string
		change func()
		stale  bool
	}{
		{"a bootstrap", func() {}, true},
		{"data", func() { m.put(t, flag) }, false},
		{"an outage", func() { m.store.Interrupted(&transport.Error{Kind: transport.KindNetwork}) }, true},
		{"recovered", func() { m.store.Confirm() }, false},
		{"rejected", func() { m.store.Off(&transport.Error{Kind: transport.KindRefused}) }, true},
	}
	for _, step := range steps {
		step.change()
		got := provider.BooleanEvaluation(t.Context(), "f", false, of.FlattenedContext{of.TargetingKey: "u", "plan": "pro"})
		want := of.TargetingMatchReason
		underlying, hasUnderlying := got.FlagMetadata[ffcopenfeature.MetadataReason]
		if step.stale {
			want = ffcopenfeature.StaleReason
		}
		if !got.Value || got.Reason != want || hasUnderlying != step.stale || step.stale && underlying != string(of.TargetingMatchReason) {
			t.Errorf("%s: got %+v", step.name, got)
		}
	}
	missing := provider.BooleanEvaluation(t.Context(), "missing", false, of.FlattenedContext{of.TargetingKey: "u"})
	if missing.Reason != of.ErrorReason || missing.FlagMetadata[ffcopenfeature.MetadataReason] != nil {
		t.Errorf("a missing flag: got %+v", missing)
	}
}
