package flush

import (
	"errors"
	"slices"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
)

// Config says how events are queued and delivered. The zero value is ready to
// use.
type Config struct {
	// Interval is the time between deliveries in the background. A delivery also
	// begins when there are BatchSize events or the queue is half full: then only
	// full requests are sent, and the rest waits for the interval. After the
	// platform rejected a delivery (with 401, 403 or another status that does not
	// mean that it is unavailable), deliveries pause for at most 10 minutes. 0 is
	// 3 s with a transport that runs in the background, and no deliveries in the
	// background with a transport that works on demand. Negative switches them
	// off. Then nothing runs between calls, and events leave only on Flush and
	// Close. More than 0 and less than 1 ms is an error.
	Interval time.Duration
	// Capacity is the maximum number of queued events, including events that are
	// being delivered. When the queue is full, new events are dropped and
	// counted. An evaluation with prerequisites records one event for each
	// prerequisite as well. These events are dropped together, unless they exceed
	// one processor's share of the queue: then as many as fit are queued. The
	// queue takes 56 bytes for each place, allocated when the first events are
	// recorded, and 64 bytes more for each event that is being delivered. Queued
	// events keep their users in memory, so new events are also dropped while
	// these users have 64 MiB of text or more. 0 is 20,000; the maximum is
	// 10,000,000.
	Capacity int
	// BatchSize is the maximum number of events in one request. A request is also
	// full at 512 KiB. A single event that is larger than 1 MiB, because of its
	// user's attributes, is dropped and counted. If the platform is slow, requests
	// have fewer events, so that a response takes about 1 s. 0 is 1,000, which is
	// also the limit: FeatBit loses events of larger requests.
	BatchSize int
	// Requests is the maximum number of concurrent requests. It is 1 until the
	// platform has responded to the first request, at most 2 while responses take
	// longer than 0.5 s, and 1 while they take longer than 4 s, because more
	// requests would make a slow platform slower. The events of one user always
	// keep their order. 0 is 4.
	Requests int
	// Retries is the maximum number of retries of a request within one delivery,
	// after a network error or the statuses 404, 407, 408, 421, 425, 429 and 5xx.
	// Events that are not delivered by then stay queued. 0 is 2; negative is
	// none.
	Retries int
	// RetryWait is the backoff before the first retry. It doubles for each
	// further retry, up to 30 s. If the platform sends Retry-After, that counts
	// instead, up to 10 minutes: a delivery waits if its deadline leaves enough
	// time, or up to 30 s if it has no deadline. Otherwise the events stay queued,
	// and nothing is sent until that time. 0 is 200 ms.
	RetryWait time.Duration
	// Timeout is the timeout of one attempt of a request, from dialling to the end
	// of the response. 0 follows the platform: 10 s, or four times the duration of
	// its last response, at most 30 s.
	Timeout time.Duration
	// PrivateAttributes names attributes of users that never leave the process.
	// Evaluations still use them. Names are compared without regard to case on
	// both platforms: "email" also matches Email and EMAIL. The user's
	// key cannot be private: its name is keyId on FeatBit, and key, keyid or
	// KeyId on classic.
	PrivateAttributes []string
	// AllAttributesPrivate makes all attributes private: only the keys of users
	// leave the process.
	AllAttributesPrivate bool
	// Once is the time within which the same variation of the same flag for the
	// same user key is recorded only once. It is for hot loops and health checks.
	// The platform's charts then count the users who got a variation in that
	// time, instead of evaluations. An evaluation that counts in an experiment is
	// suppressed only after the same evaluation was delivered, so an experiment
	// sees every user. Metrics are never suppressed. Stats counts suppressed
	// events as Deduplicated. The client remembers 65,536 evaluations, in 1 MiB.
	// Beyond that it forgets some and records them again, as it does after an
	// event was dropped. The resolution is 1 ms. 0 is off.
	Once time.Duration
	// OmitFlags are the keys of flags whose evaluations are not recorded. It is
	// for flags that are evaluated very often, as in hot loops and health checks.
	// The platform's charts then do not count these evaluations. Evaluations that
	// count in an experiment are still recorded. Omitted evaluations take no place
	// in the queue, and Stats counts them as Omitted. A key without a flag is not
	// an error.
	OmitFlags []string
	// Sink receives the events instead of the platform, such as a durable queue for
	// functions without a way to the platform. Requests are then calls of Sink.Put,
	// and everything in this Config holds for them as well. ffc.Config.EventsURL is
	// not used. nil is the platform.
	Sink Sink
	// Disabled switches events off: none is queued or delivered.
	Disabled bool
}

const (
	maxCapacity  = 10_000_000
	maxBatchSize = 1000
)

// Validate returns nil if the configuration is valid. Otherwise the error joins
// one error for each invalid field. ffc.New returns them as *ffc.ConfigError.
func (c Config) Validate() error {
	errs := []error{
		setting.Interval("Interval", c.Interval),
		setting.NotNegative("Capacity", c.Capacity),
		setting.NotNegative("BatchSize", c.BatchSize),
		setting.NotNegative("Requests", c.Requests),
		setting.NotNegative("RetryWait", c.RetryWait),
		setting.NotNegative("Once", c.Once),
		setting.NotNegative("Timeout", c.Timeout),
	}
	if c.Capacity > maxCapacity {
		errs = append(errs, setting.Errorf("Capacity", "%d is above the maximum: expected at most %d", c.Capacity, maxCapacity))
	}
	if c.BatchSize > maxBatchSize {
		errs = append(errs, setting.Errorf("BatchSize", "%d is above the maximum: expected at most %d", c.BatchSize, maxBatchSize))
	}
	for _, name := range c.PrivateAttributes {
		switch name {
		case "keyId":
			errs = append(errs, setting.Errorf("PrivateAttributes", "%q cannot be private: events need the user's key", name))
		case "":
			errs = append(errs, setting.Errorf("PrivateAttributes", "an attribute has no name"))
		}
	}
	if slices.Contains(c.OmitFlags, "") {
		errs = append(errs, setting.Errorf("OmitFlags", "a flag has no key"))
	}
	return errors.Join(errs...)
}
