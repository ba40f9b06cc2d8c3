package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// keyValue is an attribute as the exporters print it.
type keyValue struct {
	Key   attribute.Key
	Value struct{ Value any }
}

func values(attributes []keyValue) map[attribute.Key]any {
	m := map[attribute.Key]any{}
	for _, a := range attributes {
		m[a.Key] = a.Value.Value
	}
	return m
}

// printed is a span, or what the metrics were.
type printed struct {
	Name   string
	Events []struct {
		Name       string
		Attributes []keyValue
	}
	ScopeMetrics []struct {
		Metrics []struct {
			Name string
			Data struct {
				DataPoints []struct {
					Attributes []keyValue
					Value      float64
				}
			}
		}
	}
}

// TestRun compares what is printed with OpenTelemetry's own list of names.
func TestRun(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var events []map[attribute.Key]any
	counts := map[string]float64{}
	decoder := json.NewDecoder(&out)
	for {
		var p printed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Events {
			if e.Name != "feature_flag.evaluation" || p.Name != "GET /checkout" {
				t.Errorf("event %q on span %q", e.Name, p.Name)
			}
			events = append(events, values(e.Attributes))
		}
		for _, scope := range p.ScopeMetrics {
			for _, m := range scope.Metrics {
				for _, point := range m.Data.DataPoints {
					attributes := values(point.Attributes)
					if m.Name != "feature_flag.evaluations" || attributes[semconv.FeatureFlagContextIDKey] != nil {
						t.Errorf("metric %q with %v", m.Name, attributes)
					}
					counts[attributes[semconv.FeatureFlagKeyKey].(string)] += point.Value
				}
			}
		}
	}
	success := func(user, flag, variant string, reason attribute.KeyValue) map[attribute.Key]any {
		return map[attribute.Key]any{
			semconv.FeatureFlagKeyKey:           flag,
			semconv.FeatureFlagProviderNameKey:  "featureflag.co",
			semconv.FeatureFlagContextIDKey:     user,
			semconv.FeatureFlagResultVariantKey: variant,
			semconv.FeatureFlagResultReasonKey:  reason.Value.AsString(),
			semconv.FeatureFlagVersionKey:       "1700000000000",
		}
	}
	missing := func(user string) map[attribute.Key]any {
		m := success(user, "no-such-flag", "", semconv.FeatureFlagResultReasonError)
		delete(m, semconv.FeatureFlagResultVariantKey)
		maps.Copy(m, map[attribute.Key]any{
			semconv.FeatureFlagResultValueKey:  "fallback",
			semconv.ErrorTypeKey:               "flag_not_found",
			semconv.FeatureFlagErrorMessageKey: "ffc: the environment has no such flag",
		})
		return m
	}
	want := []map[attribute.Key]any{
		success("ann", "new-checkout", "1", semconv.FeatureFlagResultReasonTargetingMatch),
		success("ann", "discount", "2", semconv.FeatureFlagResultReasonStatic),
		missing("ann"),
		success("eve", "new-checkout", "2", semconv.FeatureFlagResultReasonDefault),
		missing("eve"),
	}
	if !slices.EqualFunc(events, want, func(a, b map[attribute.Key]any) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("got %v\nwant %v", events, want)
	}
	if want := map[string]float64{"new-checkout": 2, "discount": 1, "no-such-flag": 2}; !maps.Equal(counts, want) {
		t.Errorf("counted %v, want %v", counts, want)
	}
}
