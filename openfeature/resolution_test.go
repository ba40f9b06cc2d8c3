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
		ffctest.Flag("fallthrough").Variations("on", "off"),
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
		{"client not ready", waiting, "off", known, "fallback", "", of.ErrorReason, of.ProviderNotReadyCode},
		{"flag not found", client, "missing", known, "fallback", "", of.ErrorReason, of.FlagNotFoundCode},
		{"flag not found, with misuse", client, "missing", of.FlattenedContext{"a": []int{1}}, "fallback", "", of.ErrorReason, of.FlagNotFoundCode},
		{"no context", client, "off", nil, "fallback", "", of.ErrorReason, of.TargetingKeyMissingCode},
		{"no targeting key", client, "off", of.FlattenedContext{"plan": "pro"}, "fallback", "", of.ErrorReason, of.TargetingKeyMissingCode},
		{"blank targeting key", client, "off", of.FlattenedContext{of.TargetingKey: " "}, "fallback", "", of.ErrorReason, of.TargetingKeyMissingCode},
		{"invalid context", client, "off", of.FlattenedContext{of.TargetingKey: "u", "a": []int{1}}, "fallback", "", of.ErrorReason, of.InvalidContextCode},
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
