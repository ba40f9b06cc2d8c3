package ffctest

import (
	"math"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// featBitEvents returns the events that FeatBit keeps of an item, and the number of
// those that it drops. An item with only a user is valid: FeatBit stores the user.
func featBitEvents(t platformserver.FeatBitItem) (kept []Event, dropped int) {
	total := len(t.Evaluations) + len(t.Metrics)
	if t.User == nil || strings.TrimSpace(t.User.Key) == "" {
		return nil, max(total, 1)
	}
	user := featBitUserEvent(t.User)
	for _, r := range t.Evaluations {
		if r.Variation == nil {
			continue
		}
		e := user.clone()
		e.FlagKey = r.FlagKey
		e.VariationID, e.Value = r.Variation.ID, r.Variation.Value
		e.SendToExperiment = bool(r.SendToExperiment)
		e.Time = time.UnixMilli(int64(r.Timestamp))
		kept = append(kept, e)
	}
	for _, m := range t.Metrics {
		if math.IsInf(float64(float32(m.Value)), 0) {
			continue // FeatBit keeps 32 bits
		}
		e := user.clone()
		e.Metric, e.MetricValue = m.Name, float64(m.Value)
		e.AppType, e.Route, e.Type = m.AppType, m.Route, m.Type
		e.Time = time.UnixMilli(int64(m.Timestamp))
		kept = append(kept, e)
	}
	return kept, total - len(kept)
}

// featBitUserEvent returns an event with the user only.
func featBitUserEvent(u *platformserver.FeatBitUser) Event {
	e := Event{UserKey: u.Key, UserName: u.Name}
	for _, p := range u.Properties {
		switch p.Name {
		case "email":
			e.Email = p.Value
		case "country":
			e.Country = p.Value
		default:
			if e.Attributes == nil {
				e.Attributes = make(map[string]string)
			}
			e.Attributes[p.Name] = p.Value
		}
	}
	return e
}
