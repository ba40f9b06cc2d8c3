package ffcotel_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcotel "github.com/feature-flags-co/ffc-server-go-sdk/otel"
)

// everyReason has a flag for each reason, named after it.
func everyReason() []ffctest.Item {
	gate := ffctest.Flag("gate").NoExperiment()
	return []ffctest.Item{
		gate,
		ffctest.Flag("off").Off(),
		ffctest.Flag("prerequisite").Prerequisite(gate, "false"),
		ffctest.Flag("target").Target("true", "u"),
		ffctest.Flag("rule").Rule("true", ffctest.Attr("plan").Equal("pro")),
		ffctest.Flag("default").NoExperiment().Target("false", "v"),
		ffctest.Flag("static").NoExperiment(),
		ffctest.Flag("rollout").Rollout(100, 0).RuleRollout([]float64{50, 50}, ffctest.Attr("plan").Equal("pro")),
		ffctest.Flag("text").Variations("red", "blue"),
		ffctest.Flag("circle").Prerequisite(ffctest.Flag("back"), "true"),
		ffctest.Flag("back").Prerequisite(ffctest.Flag("circle"), "true"),
	}
}

// TestEventFollowsConventions names attributes and values as the conventions do, and
// not by the constants that the code has.
func TestEventFollowsConventions(t *testing.T) {
	t.Parallel()
	u := ffc.NewUser("u", ffc.String("plan", "pro"))
	tests := []struct {
		name string
		cfg  ffcotel.Config
		flag string
		user ffc.User
		want map[string]any // but key, provider.name and version
	}{
		{name: "off", flag: "off", user: u, want: map[string]any{"feature_flag.result.reason": "disabled", "feature_flag.result.variant": "2"}},
		{name: "prerequisite failed", flag: "prerequisite", user: u, want: map[string]any{"feature_flag.result.reason": "disabled", "feature_flag.result.variant": "2"}},
		{name: "target", flag: "target", user: u, want: map[string]any{"feature_flag.result.reason": "targeting_match", "feature_flag.result.variant": "1"}},
		{name: "rule", flag: "rule", user: u, want: map[string]any{"feature_flag.result.reason": "targeting_match", "feature_flag.result.variant": "1"}},
		{name: "default", flag: "default", user: u, want: map[string]any{"feature_flag.result.reason": "default", "feature_flag.result.variant": "1"}},
		{name: "static", flag: "static", user: u, want: map[string]any{"feature_flag.result.reason": "static", "feature_flag.result.variant": "1"}},
		{name: "split", flag: "rollout", user: u, want: map[string]any{"feature_flag.result.reason": "split", "feature_flag.result.variant": "1"}},
		{
			name: "invalid attribute", flag: "rule", user: ffc.NewUser("u", ffc.Invalid("plan")),
			want: map[string]any{
				"feature_flag.result.reason": "error", "error.type": "invalid_context",
				"feature_flag.error.message": "ffc: the flag cannot be evaluated: it needs an attribute of the user that is invalid (Client.Explain shows which)",
			},
		},
		{name: "missing", flag: "missing", user: u, want: map[string]any{"feature_flag.result.reason": "error", "error.type": "flag_not_found"}},
		{name: "no user", flag: "default", want: map[string]any{"feature_flag.result.reason": "error", "error.type": "targeting_key_missing"}},
		{name: "wrong type", flag: "text", user: u, want: map[string]any{"feature_flag.result.reason": "error", "error.type": "type_mismatch"}},
		{name: "cycle", flag: "circle", user: u, want: map[string]any{"feature_flag.result.reason": "error", "error.type": "general", "feature_flag.error.message": "ffc: the flag cannot be evaluated"}},
		{
			name: "everything", flag: "rule", user: u, cfg: ffcotel.Config{ProviderName: "our flags", SetID: "shop/prod", UserKey: true, Value: true},
			want: map[string]any{
				"feature_flag.provider.name": "our flags", "feature_flag.set.id": "shop/prod", "feature_flag.context.id": "u",
				"feature_flag.result.value": "true", "feature_flag.result.reason": "targeting_match", "feature_flag.result.variant": "1",
			},
		},
		{
			name: "everything of a fallback", flag: "circle", user: u, cfg: ffcotel.Config{SetID: "shop/prod", UserKey: true, Value: true},
			want: map[string]any{
				"feature_flag.set.id": "shop/prod", "feature_flag.context.id": "u",
				"feature_flag.result.reason": "error", "error.type": "general", "feature_flag.error.message": "ffc: the flag cannot be evaluated",
			},
		},
		{name: "no key to add", flag: "default", cfg: ffcotel.Config{UserKey: true}, want: map[string]any{"feature_flag.result.reason": "error", "error.type": "targeting_key_missing"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := offline(t, test.cfg, everyReason()...)
			tracer, recorder := traces()
			ctx, span := tracer.Start(t.Context(), "request")
			client.BoolVariation(ctx, test.flag, test.user, false)
			span.End()
			test.want["feature_flag.key"] = test.flag
			test.want["feature_flag.version"] = fmt.Sprint(dataVersion)
			if test.cfg.ProviderName == "" {
				test.want["feature_flag.provider.name"] = "featureflag.co"
			}
			checkEvents(t, recorder.Ended(), test.want)
		})
	}
}

// checkEvents fails the test unless there is one span with events with these
// attributes.
func checkEvents(t *testing.T, spans []sdktrace.ReadOnlySpan, want ...map[string]any) {
	t.Helper()
	if len(spans) != 1 || len(spans[0].Events()) != len(want) {
		t.Fatalf("got %v, want one span with %d events", spans, len(want))
	}
	for i, e := range spans[0].Events() {
		if got := attributesOf(e.Attributes); e.Name != "feature_flag.evaluation" || !reflect.DeepEqual(got, want[i]) {
			t.Errorf("event %s with\n%v, want\n%v", e.Name, got, want[i])
		}
	}
}

// TestEventWithoutData: there is no version.
func TestEventWithoutData(t *testing.T) {
	t.Parallel()
	client := offline(t, ffcotel.Config{})
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	tracer, recorder := traces()
	ctx, span := tracer.Start(t.Context(), "request")
	client.BoolVariation(ctx, "f", ffc.NewUser("u"), false)
	span.End()
	checkEvents(t, recorder.Ended(), map[string]any{
		"feature_flag.key": "f", "feature_flag.provider.name": "featureflag.co",
		"feature_flag.result.reason": "error", "error.type": "provider_not_ready",
	})
}

// TestVersionFollowsData: the cached attribute is not that of older data.
func TestVersionFollowsData(t *testing.T) {
	t.Parallel()
	record := ffcotel.Evaluations(ffcotel.Config{})
	tracer, recorder := traces()
	ctx, span := tracer.Start(t.Context(), "request")
	for _, version := range []int64{1, 1, 2, 1} {
		record(ctx, ffc.Evaluation{FlagKey: "f", DataVersion: version})
	}
	span.End()
	var got []string
	for _, e := range recorder.Ended()[0].Events() {
		got = append(got, attributesOf(e.Attributes)["feature_flag.version"].(string))
	}
	if want := "1 1 2 1"; strings.Join(got, " ") != want {
		t.Errorf("versions %v, want %s", got, want)
	}
}

// TestEventIsOnTheSpanOfTheCall, and without a span or on one that is not sampled there
// is none.
func TestEventIsOnTheSpanOfTheCall(t *testing.T) {
	t.Parallel()
	client := offline(t, ffcotel.Config{}, ffctest.Flag("f"))
	tracer, recorder := traces()
	outer, outerSpan := tracer.Start(t.Context(), "outer")
	inner, innerSpan := tracer.Start(outer, "inner")
	unsampled, _ := traces(sdktrace.WithSampler(sdktrace.NeverSample()))
	dropped, droppedSpan := unsampled.Start(t.Context(), "dropped")
	for _, ctx := range []context.Context{outer, inner, inner, dropped, t.Context()} {
		client.BoolVariation(ctx, "f", ffc.NewUser("u"), false)
	}
	for _, span := range []trace.Span{innerSpan, outerSpan, droppedSpan} {
		span.End()
	}
	got := make(map[string]int)
	for _, span := range recorder.Ended() {
		got[span.Name()] = len(span.Events())
	}
	if want := map[string]int{"outer": 1, "inner": 2}; !reflect.DeepEqual(got, want) {
		t.Errorf("events by span: %v, want %v", got, want)
	}
}

// records keeps log records. It wants those of one severity and event name.
type records struct {
	severity log.Severity
	event    string
	kept     []sdklog.Record
}

func (r *records) Enabled(_ context.Context, p sdklog.EnabledParameters) bool {
	return p.Severity == r.severity && p.EventName == r.event
}

func (r *records) OnEmit(_ context.Context, record *sdklog.Record) error {
	r.kept = append(r.kept, record.Clone())
	return nil
}

func (r *records) Shutdown(context.Context) error   { return nil }
func (r *records) ForceFlush(context.Context) error { return nil }

// TestLogRecords: with a logger the event is a log record of the trace, also in a
// trace that is not sampled, and not on the span.
func TestLogRecords(t *testing.T) {
	t.Parallel()
	kept := &records{severity: log.SeverityInfo, event: "feature_flag.evaluation"}
	logger := sdklog.NewLoggerProvider(sdklog.WithProcessor(kept)).Logger(ffcotel.ScopeName)
	client := offline(t, ffcotel.Config{Logger: logger, SetID: "s"}, ffctest.Flag("f"))
	tracer, recorder := traces()
	ctx, span := tracer.Start(t.Context(), "request")
	client.BoolVariation(ctx, "f", ffc.NewUser("u"), false)
	client.BoolVariation(t.Context(), "f", ffc.NewUser("u"), false)
	span.End()
	checkEvents(t, recorder.Ended())
	if len(kept.kept) != 2 {
		t.Fatalf("%d records, want 2", len(kept.kept))
	}
	for i, id := range []trace.TraceID{span.SpanContext().TraceID(), {}} {
		record := kept.kept[i]
		var attrs []attribute.KeyValue
		record.WalkAttributes(func(a attribute.KeyValue) bool {
			attrs = append(attrs, a)
			return true
		})
		want := map[string]any{
			"feature_flag.key": "f", "feature_flag.provider.name": "featureflag.co", "feature_flag.result.reason": "static",
			"feature_flag.result.variant": "1", "feature_flag.version": fmt.Sprint(dataVersion), "feature_flag.set.id": "s",
		}
		if got := attributesOf(attrs); record.EventName() != "feature_flag.evaluation" || record.TraceID() != id || record.Timestamp().IsZero() || !reflect.DeepEqual(got, want) {
			t.Errorf("record %q of trace %s at %v with\n%v, want\n%v", record.EventName(), record.TraceID(), record.Timestamp(), got, want)
		}
	}
}

// TestDisabledLogger: a logger that wants no events gets none.
func TestDisabledLogger(t *testing.T) {
	t.Parallel()
	kept := &records{severity: log.SeverityError, event: "feature_flag.evaluation"}
	client := offline(t, ffcotel.Config{Logger: sdklog.NewLoggerProvider(sdklog.WithProcessor(kept)).Logger(ffcotel.ScopeName)}, ffctest.Flag("f"))
	client.BoolVariation(t.Context(), "f", ffc.NewUser("u"), false)
	if len(kept.kept) != 0 {
		t.Errorf("%d records, want none", len(kept.kept))
	}
}

// TestNoUserData: neither events nor metrics have anything about the user.
func TestNoUserData(t *testing.T) {
	t.Parallel()
	client := offline(t, ffcotel.Config{SetID: "s"}, everyReason()...)
	user := ffc.NewUser("hunter2", ffc.Name("hunter2"), ffc.Email("hunter2"), ffc.Country("hunter2"), ffc.String("plan", "hunter2"))
	tracer, recorder := traces()
	ctx, span := tracer.Start(t.Context(), "request")
	meter, collect := meterOf(t)
	observe(t, client, meter)
	for _, key := range []string{"off", "prerequisite", "target", "rule", "default", "text", "circle", "missing"} {
		client.BoolVariation(ctx, key, user, false)
	}
	span.End()
	events := tracetest.SpanStubsFromReadOnlySpans(recorder.Ended())
	if text := fmt.Sprintf("%+v %+v", events, collect()); len(events[0].Events) != 8 || strings.Contains(text, "hunter2") {
		t.Errorf("got %s", text)
	}
}
