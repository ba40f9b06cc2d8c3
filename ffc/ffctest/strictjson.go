package ffctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// parseTrack reads a body. Like the platforms it rejects the whole body for any
// mistake.
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

// isDate reports whether n milliseconds after 1970 is in the years 1 to 9999, the
// range of the platform's dates.
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

// array is a JSON array: not null, and without null.
type array[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (a *array[T]) UnmarshalJSON(raw []byte) error {
	var items []*T
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	if items == nil {
		return errors.New("a list is null: expected an array")
	}
	*a = make(array[T], 0, len(items))
	for _, item := range items {
		if item == nil {
			return errors.New("a list has a null element")
		}
		*a = append(*a, *item)
	}
	return nil
}
