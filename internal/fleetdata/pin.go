package fleetdata

import (
	"encoding/json"
	"slices"
	"time"
)

// maxPins is how many bytes a list of pins has, at most.
const maxPins = 15 << 10

// Pin is who pinned a body, why and until when.
type Pin struct {
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"`
	Revision int64     `json:"revision"` // of the head that was pinned
	Body     string    `json:"body"`
}

// PinList is the last pins, oldest first. A pin is entered before the head has it:
// some never came to be.
type PinList []Pin

// ParsePins reads a list. One that cannot be read is empty: the head says what is
// pinned.
func ParsePins(text []byte) (l PinList) {
	if json.Unmarshal(text, &l) != nil {
		return nil
	}
	return l
}

// With returns the list with a pin as the newest. The oldest give way.
func (l PinList) With(p Pin) PinList {
	l = append(slices.Clone(l), p)
	for len(l) > 1 && len(l.Encode()) > maxPins {
		l = l[1:]
	}
	return l
}

// Encode returns the JSON of a list.
func (l PinList) Encode() []byte {
	text, _ := json.Marshal(l) // there is nothing in it that can fail
	return text
}

// Of returns the pin of a head. It is empty if the head has none, or if that is not
// in the list.
func (l PinList) Of(h *Head) Pin {
	for _, p := range slices.Backward(l) {
		if !h.Pin.IsZero() && p.Body == h.Body && p.Until.Equal(h.Pin) {
			return p
		}
	}
	return Pin{}
}

// At returns the pin that made a revision, or an empty one.
func (l PinList) At(revision int64, body string) Pin {
	for _, p := range slices.Backward(l) {
		if p.Revision == revision && p.Body == body {
			return p
		}
	}
	return Pin{}
}
