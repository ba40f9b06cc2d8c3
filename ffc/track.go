package ffc

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Track is TrackMetric with the value 1, for events that an experiment counts.
func (c *Client) Track(ctx context.Context, user User, eventName string) error {
	return c.TrackMetric(ctx, user, eventName, 1)
}

// TrackMetric records a number for an experiment, such as a price or a duration.
// It queues an event and does not block or do I/O. It may be called before the
// client is ready. An experiment counts the metrics of users for whom its flag was
// evaluated before.
//
// If there is an error, nothing is recorded. The error is ErrClosed or
// ErrUserNotSpecified, or says that the name is empty or the value invalid: it must
// be a number above 0 that fits in 32 bits, because the platform stores no other
// values.
func (c *Client) TrackMetric(_ context.Context, user User, eventName string, value float64) error {
	if err := c.checkMetric(user, eventName, value); err != nil {
		return err
	}
	c.events.RecordMetric(user.u, eventName, value)
	return nil
}

// TrackMetrics is TrackMetric for several metrics at once. It skips invalid
// metrics; the error joins the errors of all of them.
func (c *Client) TrackMetrics(ctx context.Context, user User, metrics map[string]float64) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(metrics)) {
		errs = append(errs, c.TrackMetric(ctx, user, name, metrics[name]))
	}
	return errors.Join(errs...)
}

func (c *Client) checkMetric(user User, eventName string, value float64) error {
	switch {
	case c.over():
		return ErrClosed
	case !user.u.Valid():
		return ErrUserNotSpecified
	case eventName == "":
		return errors.New("ffc: missing metric name: expected one that is not empty")
	case !(value > 0 && value <= math.MaxFloat32): // also rejects NaN
		return fmt.Errorf("ffc: metric %q has the value %v: expected a number above 0 that fits in 32 bits", eventName, value)
	}
	return nil
}
