// Package ffcotel reports an [ffc.Client] to OpenTelemetry: evaluations as events
// in traces or logs, and the client's counts as metrics.
//
//	client, err := ffc.New(ctx, ffc.Config{
//		EnvSecret:    secret,
//		Transport:    &stream.Transport{},
//		OnEvaluation: ffcotel.Evaluations(ffcotel.Config{}),
//	})
//	if err != nil {
//		return err // the configuration is invalid
//	}
//	defer client.Close(context.WithoutCancel(ctx)) // delivers the last events
//	if _, err := ffcotel.Observe(client, otel.Meter(ffcotel.ScopeName)); err != nil {
//		return err
//	}
//
// Set up OpenTelemetry's SDK and its exporters first: without a TracerProvider and a
// MeterProvider nothing is recorded, and there is no error. Shut them down after the
// client is closed, so that the last collection has the client's last counts.
//
// # Evaluations
//
// [Evaluations] adds an event feature_flag.evaluation for each evaluation to the span
// in the context of the call. The attributes are those of the semantic conventions for
// feature flags, version 1.43:
//
//	feature_flag.key             the flag's key
//	feature_flag.provider.name   Config.ProviderName
//	feature_flag.result.reason   see below
//	feature_flag.result.variant  the platform's id of the variation; missing with error.type
//	feature_flag.result.value    the flag's value as text, with Config.Value only; missing with error.type
//	feature_flag.version         the version of the data, the Unix time of its newest change in milliseconds
//	feature_flag.set.id          Config.SetID, if set
//	feature_flag.context.id      the user's key, with Config.UserKey only
//	error.type                   see below
//	feature_flag.error.message   why the flag cannot be evaluated, with error.type general and invalid_context only
//
// The reasons:
//
//	ffc.Reason              feature_flag.result.reason                       error.type
//	flag off                disabled
//	prerequisite failed     disabled
//	target match            targeting_match
//	rule match              targeting_match, or split if percentages decided
//	fall through all rules  default, split, or static if every user gets the value
//	client not ready        error                                            provider_not_ready
//	flag not found          error                                            flag_not_found
//	user not specified      error                                            targeting_key_missing
//	wrong type              error                                            type_mismatch
//	error in evaluation     error                                            invalid_context with ffc.ErrInvalidAttribute, general otherwise
//
// The reason is never stale: whether the data is up to date is in the metrics.
//
// The conventions describe the event as a log record with an event name, no longer as
// a span event. With Config.Logger the event is such a record. Without it the event is
// on the span, with the same name and attributes, where trace viewers show it. Log
// records do not depend on sampling: in a busy process they are many.
//
// An event is built only for a span that records. OpenTelemetry's SDK keeps the last 128
// events of a span, unless its SpanLimits say otherwise.
//
// ffc.Config.OnEvaluation is one function. To do more than record events, call the
// result of Evaluations in a function of your own.
//
// # Metrics
//
// [Observe] reports the counts of Client.Stats and Client.Status with each collection.
// The conventions have no metrics of feature flags. The names follow their rules:
//
//	ffc.evaluations          {evaluation}  counter          feature_flag.result.reason, error.type
//	ffc.pattern.failures     {condition}   counter
//	ffc.status               {client}      up-down counter  ffc.state: initializing, interrupted, off, ok
//	ffc.data.age             s             gauge            missing until the platform has confirmed the data
//	ffc.data.updates         {message}     counter
//	ffc.connection.attempts  {attempt}     counter
//	ffc.connection.failures  {failure}     counter
//	ffc.fetches              {fetch}       counter
//	ffc.fetch.time           s             counter
//	ffc.events               {event}       counter          ffc.event.outcome: closed, deduplicated, delivered, omitted, queue_full, rejected, too_large
//	ffc.event.queued         {event}       up-down counter
//	ffc.event.resends        {event}       counter
//	ffc.event.requests       {request}     counter
//	ffc.call.abandoned       {call}        up-down counter
//
// The descriptions of the fields of [ffc.Stats] and [ffc.Status] say what exactly each
// counts. In ffc.evaluations, those with error.type returned the fallback; default
// includes split and static, and general includes invalid_context.
package ffcotel
