package ffc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Track records that something happened that an experiment counts, with the
// value 1. See TrackMetric.
func (c *Client) Track(ctx context.Context, user User, eventName string) error {
	return c.TrackMetric(ctx, user, eventName, 1)
}

// TrackMetric records a number for an experiment: a price, a duration. It
// queues an event and does not block or do I/O; it may be called before the
// client is ready. An experiment counts the metrics of users for whom its flag
// was evaluated before.
//
// The error is ErrClosed, ErrUserNotSpecified, or says that the name is empty
// or the value is not a number above 0 that fits in 32 bits, which is what the
// platform keeps. Then nothing is recorded.
func (c *Client) TrackMetric(_ context.Context, user User, eventName string, value float64) error {
	if err := c.checkMetric(user, eventName, value); err != nil {
		return err
	}
	c.events.RecordMetric(user.u, eventName, value)
	return nil
}

// TrackMetrics is TrackMetric for several metrics of one moment. Those that
// are unusable are left out; the error tells which.
func (c *Client) TrackMetrics(ctx context.Context, user User, metrics map[string]float64) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		errs = append(errs, c.TrackMetric(ctx, user, name, metrics[name]))
	}
	return errors.Join(errs...)
}

func (c *Client) checkMetric(user User, eventName string, value float64) error {
	switch {
	case c.closed.Load() || c.unmade():
		return ErrClosed
	case !user.u.Valid():
		return ErrUserNotSpecified
	case eventName == "":
		return errors.New("ffc: metric without a name")
	case !(value > 0 && value <= math.MaxFloat32): // also refuses NaN
		return fmt.Errorf("ffc: metric %q has the value %v: expected a number above 0 that fits in 32 bits", eventName, value)
	}
	return nil
}
