package fleetdata

import (
	"encoding/json"
	"errors"
	"time"
)

// Pin says who pinned which body, why and until when. It is for people: what
// holds the body is Head.Pin.
type Pin struct {
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"`
	Revision int64     `json:"revision"` // that the pin made
	From     int64     `json:"from"`     // the revision before
	Body     string    `json:"body"`
}

var errPin = errors.New("the pin is not valid: expected the JSON that ffc-relay writes")

// ParsePin reads a pin.
func ParsePin(text []byte) (*Pin, error) {
	p := new(Pin)
	if json.Unmarshal(text, p) != nil || p.Until.IsZero() || !isSum(p.Body) {
		return nil, errPin
	}
	return p, nil
}

// Encode returns the JSON of a pin.
func (p *Pin) Encode() []byte {
	text, _ := json.Marshal(p) // there is nothing in it that can fail
	return text
}
