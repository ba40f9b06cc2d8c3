package main

import (
	"context"
	"fmt"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/telemetry"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// evaluationHook records each evaluation as an event on the current span and in a
// counter, with the names of OpenTelemetry's semantic conventions for feature flags.
type evaluationHook struct {
	openfeature.UnimplementedHook
	evaluations metric.Int64Counter
}

func newEvaluationHook(meter metric.Meter) (openfeature.Hook, error) {
	// The conventions have no metrics yet. The name of the counter is this example's,
	// the attributes are those of the conventions.
	evaluations, err := meter.Int64Counter("feature_flag.evaluations",
		metric.WithUnit("{evaluation}"), metric.WithDescription("Evaluations of feature flags."))
	return evaluationHook{evaluations: evaluations}, err
}

// Finally runs after each evaluation, whether it failed or not.
func (h evaluationHook) Finally(ctx context.Context, hookContext openfeature.HookContext, details openfeature.InterfaceEvaluationDetails, _ openfeature.HookHints) {
	event := telemetry.CreateEvaluationEvent(hookContext, details)
	var onSpan, onMetric []attribute.KeyValue
	for name, value := range event.Attributes {
		attr := attributeOf(name, value)
		onSpan = append(onSpan, attr)
		if few(attr.Key) {
			onMetric = append(onMetric, attr)
		}
	}
	trace.SpanFromContext(ctx).AddEvent(event.Name, trace.WithAttributes(onSpan...))
	h.evaluations.Add(ctx, 1, metric.WithAttributes(onMetric...))
}

// few reports whether an attribute has few values, as attributes of a metric should.
// The user's key (feature_flag.context.id) has many values and is personal data: leave
// it out of spans, too, if your traces must not contain personal data.
func few(key attribute.Key) bool {
	switch key {
	case semconv.FeatureFlagKeyKey, semconv.FeatureFlagProviderNameKey, semconv.FeatureFlagResultVariantKey,
		semconv.FeatureFlagResultReasonKey, semconv.ErrorTypeKey:
		return true
	}
	return false
}

func attributeOf(name string, value any) attribute.KeyValue {
	if name == telemetry.ErrorMessageKey { // renamed in the conventions
		name = string(semconv.FeatureFlagErrorMessageKey)
	}
	switch v := value.(type) {
	case string:
		return attribute.String(name, v)
	case bool:
		return attribute.Bool(name, v)
	case int64:
		return attribute.Int64(name, v)
	case float64:
		return attribute.Float64(name, v)
	}
	return attribute.String(name, fmt.Sprint(value))
}
