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
	user, misuse := userOf(flatCtx)
	value := details.Value()
	if value == 0 { // not given
		value = 1
	}
	err := p.client.TrackMetric(ctx, user, trackingEventName, value)
	switch {
	case err == nil:
	case errors.Is(err, ffc.ErrUserNotSpecified) && misuse != "":
		p.warn("context", trackingEventName, misuse)
	case errors.Is(err, ffc.ErrUserNotSpecified):
		p.warn("key", trackingEventName, "ffc: the evaluation context has no targeting key")
	case errors.Is(err, ffc.ErrClosed):
		p.warn("closed", trackingEventName, err.Error())
	default:
		p.warn("metric", trackingEventName, err.Error())
	}
}

// warn tells that something could not be tracked: the API has no error to
// return. Each kind of problem is told once, as it tends to come back.
func (p *Provider) warn(kind, trackingEventName, cause string) {
	if _, told := p.told.LoadOrStore(kind, true); !told {
		p.logger().Warn("ffc: something tracked is not recorded; more of this kind will not be logged",
			"name", trackingEventName, "error", cause)
	}
}
