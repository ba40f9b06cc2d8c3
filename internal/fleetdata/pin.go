package fleetdata

import (
	"encoding/json"
	"slices"
	"time"
)

// maxPins is how many bytes a list of pins has, at most.
const maxPins = 15 << 10

// Pin says who pinned a body, when, why and until when.
type Pin struct {
	By       string    `json:"by,omitempty"`
	Reason   string    `json:"reason,omitempty"`
	At       time.Time `json:"at"`
	Until    time.Time `json:"until"`
	Revision int64     `json:"revision"` // of the head that was pinned
	Body     string    `json:"body"`
}

// PinList is the list of the last pins, oldest first. A pin is added before the
// head is written, so the list may have pins that no head got.
type PinList []Pin

// ParsePins reads a list. It returns an empty list if the text is malformed: the
// head alone decides what is pinned.
func ParsePins(text []byte) (l PinList) {
	if json.Unmarshal(text, &l) != nil {
		return nil
	}
	return l
}

// With returns the list with a pin as the newest, without the oldest pins if
// the list is too long.
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

// Of returns the pin of a head; the zero Pin if the head is not pinned or the list
// does not have its pin.
func (l PinList) Of(h *Head) Pin {
	for _, p := range slices.Backward(l) {
		if !h.Pin.IsZero() && p.Body == h.Body && p.Until.Equal(h.Pin) {
			return p
		}
	}
	return Pin{}
}

// Between returns the newest pin of a body with a revision later than after, up to
// the last: the revision of a head grows also while its body stays, when the pin
// ends or another replica takes over. It returns the zero Pin if the list has none.
func (l PinList) Between(after, last int64, body string) Pin {
	for _, p := range slices.Backward(l) {
		if p.Revision > after && p.Revision <= last && p.Body == body {
			return p
		}
	}
	return Pin{}
}
