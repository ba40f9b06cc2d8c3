package ffctest

import (
	"math"
	"strings"
	"time"
)

// featBitItem is an element of a body, with the types of FeatBit's model. Lists and
// their elements may be absent; null rejects the whole body.
type featBitItem struct {
	User        *featBitUser            `json:"user"`
	Evaluations array[featBitRecord]    `json:"variations"`
	Metrics     array[featBitUserEvent] `json:"metrics"`
}

type featBitUser struct {
	Key        string                 `json:"keyId"`
	Name       string                 `json:"name"`
	Properties array[featBitProperty] `json:"customizedProperties"`
}

type featBitProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type featBitRecord struct {
	FlagKey   string `json:"featureFlagKey"`
	Variation *struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"variation"`
	Timestamp        integer `json:"timestamp"`
	SendToExperiment yesOrNo `json:"sendToExperiment"`
}

type featBitUserEvent struct {
	AppType   string  `json:"appType"`
	Route     string  `json:"route"`
	Type      string  `json:"type"`
	Name      string  `json:"eventName"`
	Value     number  `json:"numericValue"`
	Timestamp integer `json:"timestamp"`
}

// events returns the events that FeatBit keeps of an item, and the number of those
// that it drops. An item with only a user is valid: FeatBit stores the user.
func (t featBitItem) events() (kept []Event, dropped int) {
	total := len(t.Evaluations) + len(t.Metrics)
	if t.User == nil || strings.TrimSpace(t.User.Key) == "" {
		return nil, max(total, 1)
	}
	user := t.User.event()
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

// event returns an event with the user only.
func (u *featBitUser) event() Event {
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
