package ffcotel

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Config is the configuration of Evaluations. The zero Config is ready to use and
// records nothing about users.
type Config struct {
	// ProviderName is feature_flag.provider.name. "" is "featureflag.co", as in
	// OpenFeature's telemetry.
	ProviderName string
	// SetID is feature_flag.set.id, such as the name of the environment. "" leaves
	// the attribute out.
	SetID string
	// UserKey adds the user's key as feature_flag.context.id. A key often
	// identifies a person: set UserKey only if your traces may contain such data.
	UserKey bool
	// Value adds the flag's value as feature_flag.result.value. Values can be long:
	// OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT and
	// OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT limit them.
	Value bool
	// Logger emits each event as a log record with an event name, as the current
	// conventions say, also without a span and in traces that are not sampled. nil
	// adds the events to spans instead.
	Logger log.Logger
}

const (
	eventName    = "feature_flag.evaluation"
	providerName = "featureflag.co"
	// maxAttributes is the most that an event has.
	maxAttributes = 8
)

// Evaluations returns a function for ffc.Config.OnEvaluation that adds an event
// feature_flag.evaluation to the span in the context of each evaluation. It does
// nothing, and allocates nothing, if the context has no span or the span does not
// record. The function does not block and may be called concurrently. See the package
// documentation for the attributes.
func Evaluations(cfg Config) func(context.Context, ffc.Evaluation) {
	if cfg.ProviderName == "" {
		cfg.ProviderName = providerName
	}
	r := &recorder{cfg: cfg}
	if cfg.Logger != nil {
		return r.emit
	}
	return r.addEvent
}

// recorder records evaluations.
type recorder struct {
	cfg     Config
	version atomic.Pointer[version]
}

// version is the attribute of a version of the data. It is cached because the version
// rarely changes.
type version struct {
	number    int64
	attribute attribute.KeyValue
}

// addEvent adds an event to the current span.
func (r *recorder) addEvent(ctx context.Context, e ffc.Evaluation) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.AddEvent(eventName, trace.WithAttributes(r.attributes(&e)...))
}

// emit emits an event as a log record.
func (r *recorder) emit(ctx context.Context, e ffc.Evaluation) {
	if !r.cfg.Logger.Enabled(ctx, log.EnabledParameters{Severity: log.SeverityInfo, EventName: eventName}) {
		return
	}
	var record log.Record
	record.SetEventName(eventName)
	record.SetSeverity(log.SeverityInfo)
	record.SetTimestamp(time.Now())
	record.AddAttributes(r.attributes(&e)...)
	r.cfg.Logger.Emit(ctx, record)
}

// attributes returns the attributes of an event. The caller owns the slice.
func (r *recorder) attributes(e *ffc.Evaluation) []attribute.KeyValue {
	all := append(make([]attribute.KeyValue, 0, maxAttributes),
		semconv.FeatureFlagKey(e.FlagKey),
		semconv.FeatureFlagProviderName(r.cfg.ProviderName),
		reasonOf(e))
	if e.Err == nil {
		all = append(all, semconv.FeatureFlagResultVariant(e.VariationID))
		if r.cfg.Value {
			all = append(all, semconv.FeatureFlagResultValueKey.String(e.Value))
		}
	} else {
		all = append(all, errorTypeOf(e.Reason, e.Err))
		if e.Reason == ffc.ReasonError { // the types of other reasons say everything
			all = append(all, semconv.FeatureFlagErrorMessage(e.Err.Error()))
		}
	}
	if e.DataVersion != 0 {
		all = append(all, r.versionOf(e.DataVersion))
	}
	if r.cfg.SetID != "" {
		all = append(all, semconv.FeatureFlagSetID(r.cfg.SetID))
	}
	if r.cfg.UserKey && e.User.Key() != "" {
		all = append(all, semconv.FeatureFlagContextID(e.User.Key()))
	}
	return all
}

func (r *recorder) versionOf(number int64) attribute.KeyValue {
	v := r.version.Load()
	if v == nil || v.number != number {
		v = &version{number, semconv.FeatureFlagVersion(strconv.FormatInt(number, 10))}
		r.version.Store(v)
	}
	return v.attribute
}

// reasonOf returns the conventions' reason.
func reasonOf(e *ffc.Evaluation) attribute.KeyValue {
	switch {
	case e.Err != nil:
		return semconv.FeatureFlagResultReasonError
	case e.Reason == ffc.ReasonFlagOff, e.Reason == ffc.ReasonPrerequisiteFailed:
		return semconv.FeatureFlagResultReasonDisabled
	case e.Split:
		return semconv.FeatureFlagResultReasonSplit
	case e.Reason == ffc.ReasonTargetMatch, e.Reason == ffc.ReasonRuleMatch:
		return semconv.FeatureFlagResultReasonTargetingMatch
	case e.Static:
		return semconv.FeatureFlagResultReasonStatic
	case e.Reason == ffc.ReasonFallthrough:
		return semconv.FeatureFlagResultReasonDefault
	}
	return semconv.FeatureFlagResultReasonUnknown
}

// errorTypeOf returns the conventions' error.type of an evaluation without a value.
func errorTypeOf(r ffc.Reason, err error) attribute.KeyValue {
	name := "general"
	switch {
	case r == ffc.ReasonClientNotReady:
		name = "provider_not_ready"
	case r == ffc.ReasonFlagNotFound:
		name = "flag_not_found"
	case r == ffc.ReasonUserNotSpecified:
		name = "targeting_key_missing"
	case r == ffc.ReasonWrongType:
		name = "type_mismatch"
	case errors.Is(err, ffc.ErrInvalidAttribute):
		name = "invalid_context"
	}
	return semconv.ErrorTypeKey.String(name)
}
