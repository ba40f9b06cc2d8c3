package ffcotel

import (
	"context"
	"errors"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// ScopeName is the name for the meter and the logger that are passed to this package.
const ScopeName = "github.com/feature-flags-co/ffc-server-go-sdk/otel"

// Keys of the attributes of metrics that the conventions do not have.
const (
	stateKey   = attribute.Key("ffc.state")         // of ffc.status
	outcomeKey = attribute.Key("ffc.event.outcome") // of ffc.events
)

// Observe registers asynchronous instruments that report the client's Stats and
// Status with each collection of the meter: see the package documentation. All
// measurements have the attributes attrs, which tell several clients of a process
// apart. They never have data of users.
//
// Evaluations cost nothing more; a collection reads the client's counts once. A
// closed client is still reported, so that the last collection, when the
// MeterProvider shuts down, has its last counts. If the program continues without the
// client, call Unregister of the registration: until then the meter keeps the client.
// Observe fails if client or meter is nil, or the meter fails.
func Observe(client *ffc.Client, meter metric.Meter, attrs ...attribute.KeyValue) (metric.Registration, error) {
	switch {
	case client == nil:
		return nil, errors.New("ffcotel: the client of Observe is nil: see the error of ffc.New")
	case meter == nil:
		return nil, errors.New("ffcotel: the meter of Observe is nil: expected one of a metric.MeterProvider")
	}
	i := instruments{meter: meter, common: attrs}
	i.define()
	if err := errors.Join(i.errs...); err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		r := reading{client.Stats(), client.Status()}
		for _, report := range i.reports {
			report(o, &r)
		}
		return nil
	}, i.all...)
}

// reading is what a collection reads of the client.
type reading struct {
	ffc.Stats
	status ffc.Status
}

// instruments are those of one client.
type instruments struct {
	meter   metric.Meter
	common  []attribute.KeyValue
	all     []metric.Observable
	reports []func(metric.Observer, *reading)
	errs    []error
}

// point is a measurement of an instrument.
type point struct {
	read       func(*reading) uint64
	attributes []attribute.KeyValue
}

// of returns a point.
func of(read func(*reading) uint64, attributes ...attribute.KeyValue) point {
	return point{read, attributes}
}

// define creates the instruments.
func (i *instruments) define() {
	i.counter("ffc.evaluations", "{evaluation}", "Evaluations of flags. With error.type they returned the fallback.",
		of(func(r *reading) uint64 { return r.ValueReasons.FlagOff + r.ValueReasons.PrerequisiteFailed }, semconv.FeatureFlagResultReasonDisabled),
		of(func(r *reading) uint64 { return r.ValueReasons.TargetMatch + r.ValueReasons.RuleMatch }, semconv.FeatureFlagResultReasonTargetingMatch),
		of(func(r *reading) uint64 { return r.ValueReasons.Fallthrough }, semconv.FeatureFlagResultReasonDefault),
		of(func(r *reading) uint64 { return r.FallbackReasons.NotReady }, fallback(ffc.ReasonClientNotReady)...),
		of(func(r *reading) uint64 { return r.FallbackReasons.FlagNotFound }, fallback(ffc.ReasonFlagNotFound)...),
		of(func(r *reading) uint64 { return r.FallbackReasons.UserNotSpecified }, fallback(ffc.ReasonUserNotSpecified)...),
		of(func(r *reading) uint64 { return r.FallbackReasons.WrongType }, fallback(ffc.ReasonWrongType)...),
		of(func(r *reading) uint64 { return r.FallbackReasons.Error }, fallback(ffc.ReasonError)...))
	i.counter("ffc.pattern.failures", "{condition}", "Conditions that did not match because of a limit of regular expressions.",
		of(func(r *reading) uint64 { return r.PatternsGivenUp }))

	i.upDownCounter("ffc.status", "{client}", "1 with the client's state, 0 with all other states.",
		in(ffc.StateInitializing), in(ffc.StateOK), in(ffc.StateInterrupted), in(ffc.StateOff))
	i.dataAge()
	i.counter("ffc.data.updates", "{message}", "Messages with data, also those that changed nothing.",
		of(func(r *reading) uint64 { return r.Updates }))
	i.counter("ffc.connection.attempts", "{attempt}", "Websockets dialled and requests sent for data; with websockets and no fallback, all but the first are reconnects.",
		of(func(r *reading) uint64 { return r.Transport.Connects }))
	i.counter("ffc.connection.failures", "{failure}", "Attempts that brought no data, and websockets that broke.",
		of(func(r *reading) uint64 { return r.Transport.Failures }))
	i.counter("ffc.fetches", "{fetch}", "Fetches of data that ended, on demand or at an interval.",
		of(func(r *reading) uint64 { return r.Transport.Fetches }))
	i.fetchTime()

	i.counter("ffc.events", "{event}", "Events by outcome; those that are still queued are in ffc.event.queued.",
		ended("delivered", func(r *reading) uint64 { return r.Events.Delivered }),
		ended("queue_full", func(r *reading) uint64 { return r.Events.Dropped.QueueFull }),
		ended("rejected", func(r *reading) uint64 { return r.Events.Dropped.Rejected }),
		ended("too_large", func(r *reading) uint64 { return r.Events.Dropped.TooLarge }),
		ended("closed", func(r *reading) uint64 { return r.Events.Dropped.Closed }),
		ended("deduplicated", func(r *reading) uint64 { return r.Events.Deduplicated }),
		ended("omitted", func(r *reading) uint64 { return r.Events.Omitted }))
	i.upDownCounter("ffc.event.queued", "{event}", "Events in the queue.",
		of(func(r *reading) uint64 { return r.Events.Queued }))
	i.counter("ffc.event.resends", "{event}", "Events that were sent again because the response was lost; the platform may have counted them twice.",
		of(func(r *reading) uint64 { return r.Events.Resent }))
	i.counter("ffc.event.requests", "{request}", "Requests with events, retries included.",
		of(func(r *reading) uint64 { return r.Events.Requests }))

	i.upDownCounter("ffc.call.abandoned", "{call}", "Calls of the application's functions that have not returned although their context has ended.",
		of(func(r *reading) uint64 { return uint64(max(r.Abandoned, 0)) }))
}

// fallback returns the attributes of evaluations that returned the fallback.
func fallback(r ffc.Reason) []attribute.KeyValue {
	return []attribute.KeyValue{semconv.FeatureFlagResultReasonError, errorTypeOf(r, nil)}
}

// in is 1 while the client is in a state.
func in(state ffc.State) point {
	return of(func(r *reading) uint64 {
		if r.status.State == state {
			return 1
		}
		return 0
	}, stateKey.String(strings.ToLower(string(state))))
}

// ended counts events with an outcome.
func ended(outcome string, read func(*reading) uint64) point {
	return of(read, outcomeKey.String(outcome))
}

func (i *instruments) counter(name, unit, description string, points ...point) {
	c, err := i.meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	i.add(c, err, i.integers(c, points))
}

func (i *instruments) upDownCounter(name, unit, description string, points ...point) {
	c, err := i.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	i.add(c, err, i.integers(c, points))
}

// dataAge reports the age of the data, unless the platform has confirmed none.
func (i *instruments) dataAge() {
	g, err := i.meter.Float64ObservableGauge("ffc.data.age", metric.WithUnit("s"),
		metric.WithDescription("Time since the platform last confirmed the data."))
	with := i.with()
	i.add(g, err, func(o metric.Observer, r *reading) {
		if r.status.DataAge > 0 {
			o.ObserveFloat64(g, r.status.DataAge.Seconds(), with)
		}
	})
}

func (i *instruments) fetchTime() {
	c, err := i.meter.Float64ObservableCounter("ffc.fetch.time", metric.WithUnit("s"),
		metric.WithDescription("Time that fetches of data took in all."))
	with := i.with()
	i.add(c, err, func(o metric.Observer, r *reading) {
		o.ObserveFloat64(c, r.Transport.FetchTime.Seconds(), with)
	})
}

// add adds an instrument and what reports its measurements.
func (i *instruments) add(o metric.Observable, err error, report func(metric.Observer, *reading)) {
	i.all = append(i.all, o)
	i.errs = append(i.errs, err)
	i.reports = append(i.reports, report)
}

// integers reports the points of an instrument.
func (i *instruments) integers(instrument metric.Int64Observable, points []point) func(metric.Observer, *reading) {
	sets := make([]metric.MeasurementOption, len(points))
	for n, p := range points {
		sets[n] = i.with(p.attributes...)
	}
	return func(o metric.Observer, r *reading) {
		for n, p := range points {
			o.ObserveInt64(instrument, int64(p.read(r)), sets[n])
		}
	}
}

// with returns the option for the common attributes and more.
func (i *instruments) with(more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(slices.Concat(i.common, more)...))
}
