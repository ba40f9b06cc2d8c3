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
	// Interval is the time between deliveries in the background, which also begin
	// when there are BatchSize events or the queue is half full. After the
	// platform refused a delivery (401, 403 and other statuses that do not say
	// that it is unavailable) they pause, at most 10 minutes. 0 is 3 s with a
	// transport that runs in the background and none with one that works on
	// demand; negative is none. Without it nothing runs between calls, and
	// events leave on Flush and Close only.
	Interval time.Duration
	// Capacity is how many events can wait, those that are being delivered
	// included. When that many do, new ones are dropped and counted. An
	// evaluation with prerequisites makes an event for each of them as well, and
	// they are dropped together, unless they are more than fit a processor's part
	// of the places: then as many as fit are kept. The places, 56 bytes each, are
	// allocated when the first events are recorded; events that are being
	// delivered take 64 bytes more. As events keep their users, new ones are
	// dropped as well while those that wait keep 64 MiB of text or more. 0 is
	// 20,000, the maximum is 10,000,000.
	Capacity int
	// BatchSize is the maximum number of events in a request. A request of 512
	// KiB takes no more of them either, and an event that alone is larger than
	// 1 MiB, because of its user's attributes, is dropped and counted. If the
	// platform is slow, requests have fewer events, so that an answer takes about
	// 1 s. 0 is 1,000, which is the limit: FeatBit loses events of larger requests.
	BatchSize int
	// Requests is how many requests may be under way at once: one until the
	// platform has answered one, at most two while answers take longer than 0.5 s,
	// and one while they take longer than 4 s, as more would make a slow platform
	// slower. The events of one user keep their order all the same. 0 is 4.
	Requests int
	// Retries is how often a request is tried again within one delivery, after
	// a network error or the statuses 404, 407, 408, 421, 425, 429 and 5xx. What
	// has not been delivered then stays queued. 0 is 2; negative is never.
	Retries int
	// RetryWait is the time before the first retry; it doubles for each
	// further one, up to 30 s. A Retry-After of the platform counts instead,
	// up to 10 minutes: a delivery waits for it if its deadline leaves the
	// time, or 30 s where there is none; otherwise the events stay queued and
	// nothing is sent until then. 0 is 200 ms.
	RetryWait time.Duration
	// Timeout bounds one try of a request, from dialling to the end of the
	// answer. 0 follows the platform: 10 s, or four times as long as its last
	// answer took, at most 30 s.
	Timeout time.Duration
	// PrivateAttributes names attributes of users that never leave the
	// process. They still count in evaluation. Names are compared without regard
	// to case on both platforms: "email" also keeps Email and EMAIL. The user's
	// key cannot be private: its name is keyId on FeatBit, and key, keyid or
	// KeyId on classic.
	PrivateAttributes []string
	// AllAttributesPrivate: of users, only the keys leave the process.
	AllAttributesPrivate bool
	// Once is the time within which the same variation of the same flag for the
	// same user key is reported once, for hot loops and health checks. Then the
	// platform's charts count users who were served a variation in that time
	// instead of evaluations. Evaluations that count in an experiment are
	// suppressed only after the same one was delivered, so an experiment sees
	// every user. Metrics are never suppressed. Stats counts suppressed events as
	// Deduplicated. The client remembers 65,536 evaluations, in 1 MiB; beyond
	// that it forgets some and reports them again, as it does if an event was
	// dropped. The unit is 1 ms. 0 is off.
	Once time.Duration
	// OmitFlags are the keys of flags whose evaluations are not reported, for
	// flags that are evaluated very often, as in hot loops and health checks. The
	// platform's charts then do not count these evaluations. Evaluations that
	// count in an experiment are reported all the same. Omitted evaluations take
	// no place in the queue, and Stats counts them as Omitted. A key without a
	// flag is not an error.
	OmitFlags []string
	// Disabled: no event is queued and none delivered.
	Disabled bool
}

const (
	maxCapacity  = 10_000_000
	maxBatchSize = 1000
)

// Validate returns an error that joins one for each invalid field, or nil. In
// ffc.New these errors are *ffc.ConfigError.
func (c Config) Validate() error {
	errs := []error{
		setting.NotNegative("Capacity", c.Capacity),
		setting.NotNegative("BatchSize", c.BatchSize),
		setting.NotNegative("Requests", c.Requests),
		setting.NotNegative("RetryWait", c.RetryWait),
		setting.NotNegative("Once", c.Once),
		setting.NotNegative("Timeout", c.Timeout),
	}
	if c.Capacity > maxCapacity {
		errs = append(errs, setting.Errorf("Capacity", "%d is too many: expected at most %d", c.Capacity, maxCapacity))
	}
	if c.BatchSize > maxBatchSize {
		errs = append(errs, setting.Errorf("BatchSize", "%d is too many: expected at most %d", c.BatchSize, maxBatchSize))
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
