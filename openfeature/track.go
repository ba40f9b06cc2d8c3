package ffcopenfeature

import (
	"context"
	"errors"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// Track implements openfeature.Tracker with Client.TrackMetric.
func (p *Provider) Track(ctx context.Context, trackingEventName string, evalCtx of.EvaluationContext, details of.TrackingEventDetails) {
	flatCtx := of.FlattenedContext(evalCtx.Attributes())
	if key := evalCtx.TargetingKey(); key != "" {
		flatCtx[of.TargetingKey] = key
	}
	value := details.Value()
	if value == 0 { // not given
		value = 1
	}
	err := p.client.TrackMetric(ctx, userOf(flatCtx), trackingEventName, value)
	switch {
	case err == nil:
	case errors.Is(err, ffc.ErrUserNotSpecified):
		p.warn("key", trackingEventName, "ffc: the evaluation context has no targeting key")
	case errors.Is(err, ffc.ErrClosed):
		p.warn("closed", trackingEventName, err.Error())
	default:
		p.warn("metric", trackingEventName, err.Error())
	}
}

// warn logs that a metric was not recorded, because Track cannot return an error. It
// logs each kind of error once, because such an error usually repeats.
func (p *Provider) warn(kind, trackingEventName, cause string) {
	if _, logged := p.logged.LoadOrStore(kind, true); !logged {
		p.logger().Warn("ffc: a metric was not recorded; further errors of this kind are not logged",
			"name", trackingEventName, "error", cause)
	}
}
