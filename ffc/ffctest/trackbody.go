package ffctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The types of the platform's own model. Text may be null, numbers and yes or
// no may be absent; anything else refuses the whole body.
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

// parseTrack reads a body the way the platform does: as a whole or not at all.
func parseTrack[Items ~[]Item, Item any](body []byte) (Items, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("the body is not UTF-8")
	}
	var items Items
	if err := json.Unmarshal(body, &items); err != nil {
		return nil, err
	}
	if items == nil {
		return nil, errors.New("the body is not an array")
	}
	return items, nil
}

// events returns what the platform keeps of an item and counts what it loses.
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
		// The platform fails here and forgets the rest of the item.
		if r == nil || r.Variation == nil || !r.Timestamp.isDate() {
			return kept, total - len(kept)
		}
		e := user
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
			continue // cannot be written as JSON again, where the platform keeps it
		}
		e := user
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

// event returns an event that has only its user.
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

// integer is a JSON integer: not null, not 1.0, not "1".
type integer int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *integer) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return fmt.Errorf("%s is not an integer of 64 bits", raw)
	}
	*n = integer(v)
	return nil
}

// isDate reports whether n milliseconds after 1970 is in the years 1 to 9999,
// the only ones that the platform has.
func (n integer) isDate() bool {
	return n >= -62_135_596_800_000 && n <= 253_402_300_799_999
}

// smallInteger is an integer of 32 bits.
type smallInteger int32

// UnmarshalJSON implements json.Unmarshaler.
func (n *smallInteger) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil {
		return fmt.Errorf("%s is not an integer of 32 bits", raw)
	}
	*n = smallInteger(v)
	return nil
}

// yesOrNo is a JSON true or false: not null.
type yesOrNo bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *yesOrNo) UnmarshalJSON(raw []byte) error {
	switch string(raw) {
	case "true":
		*b = true
	case "false":
		*b = false
	default:
		return fmt.Errorf("%s is neither true nor false", raw)
	}
	return nil
}

// number is a JSON number: not null. One that is too large becomes infinite.
type number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is not a number", raw)
	}
	*n = number(v)
	return nil
}
