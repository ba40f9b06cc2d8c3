package ffctest

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// classicEvents returns the events that the platform keeps of an item, and the
// number of those that it drops.
func classicEvents(t *platformserver.ClassicItem, now time.Time) (kept []Event, dropped int) {
	if t == nil || len(t.Evaluations)+len(t.Metrics) == 0 {
		return nil, 1
	}
	total := len(t.Evaluations) + len(t.Metrics)
	if t.User == nil || strings.TrimSpace(t.User.Key) == "" {
		return nil, total
	}
	user := classicUserEvent(t.User)
	for _, r := range t.Evaluations {
		// The platform fails here and drops the rest of the item.
		if r == nil || r.Variation == nil || !isDate(int64(r.Timestamp)) {
			return kept, total - len(kept)
		}
		e := user.clone()
		e.FlagKey = t.Evaluations[0].FlagKey
		e.VariationID = strconv.Itoa(int(r.Variation.LocalID))
		e.Value = r.Variation.Value
		e.Reason = r.Variation.Reason
		e.SendToExperiment = bool(r.SendToExperiment)
		e.Time = time.UnixMilli(int64(r.Timestamp))
		kept = append(kept, e)
	}
	for _, m := range t.Metrics {
		if m == nil {
			return kept, total - len(kept)
		}
		if math.IsInf(float64(float32(m.Value)), 0) {
			continue // the platform cannot store it
		}
		e := user.clone()
		e.Metric = m.Name
		e.MetricValue = float64(m.Value)
		e.AppType = m.AppType
		e.Route = m.Route
		e.Type = m.Type
		e.Time = now
		kept = append(kept, e)
	}
	return kept, total - len(kept)
}

// isDate reports whether n milliseconds after 1970 is in the years 1 to 9999, the
// range of the platform's dates.
func isDate(n int64) bool {
	return n >= -62_135_596_800_000 && n <= 253_402_300_799_999
}

// classicUserEvent returns an event with the user only.
func classicUserEvent(u *platformserver.ClassicUser) Event {
	e := Event{UserKey: u.Key, UserName: u.Name, Email: u.Email, Country: u.Country}
	for _, p := range u.Properties {
		if p == nil {
			continue
		}
		if e.Attributes == nil {
			e.Attributes = make(map[string]string)
		}
		e.Attributes[p.Name] = p.Value
	}
	return e
}
