package ffctest

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// trackItem is an element of a body, with the types of the platform's model. Text
// may be null, numbers and booleans may be absent; any other mistake rejects the
// whole body.
type trackItem struct {
	User        *trackUser     `json:"user"`
	Evaluations []*trackRecord `json:"userVariations"`
	Metrics     []*trackMetric `json:"metrics"`
}

type trackUser struct {
	Key        string `json:"keyId"`
	Name       string `json:"userName"`
	Email      string `json:"email"`
	Country    string `json:"country"`
	Properties []*struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"customizedProperties"`
}

type trackRecord struct {
	FlagKey          string  `json:"featureFlagKeyName"`
	SendToExperiment yesOrNo `json:"sendToExperiment"`
	Timestamp        integer `json:"timestamp"`
	Variation        *struct {
		LocalID smallInteger `json:"localId"`
		Value   string       `json:"variationValue"`
		Reason  string       `json:"reason"`
	} `json:"variation"`
}

type trackMetric struct {
	Route   string `json:"route"`
	Type    string `json:"type"`
	Name    string `json:"eventName"`
	Value   number `json:"numericValue"`
	AppType string `json:"appType"`
}

// events returns the events that the platform keeps of an item, and the number of
// those that it drops.
func (t *trackItem) events(now time.Time) (kept []Event, dropped int) {
	if t == nil || len(t.Evaluations)+len(t.Metrics) == 0 {
		return nil, 1
	}
	total := len(t.Evaluations) + len(t.Metrics)
	if t.User == nil || strings.TrimSpace(t.User.Key) == "" {
		return nil, total
	}
	user := t.User.event()
	for _, r := range t.Evaluations {
		// The platform fails here and drops the rest of the item.
		if r == nil || r.Variation == nil || !r.Timestamp.isDate() {
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

// event returns an event with the user only.
func (u *trackUser) event() Event {
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
