package platformserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// ClassicItem is an element of a body with events of featureflag.co, with the types
// of the platform's model. Text may be null, numbers and booleans may be absent; any
// other mistake rejects the whole body.
type ClassicItem struct {
	User        *ClassicUser     `json:"user"`
	Evaluations []*ClassicRecord `json:"userVariations"`
	Metrics     []*ClassicMetric `json:"metrics"`
}

// ClassicUser is the user of a ClassicItem.
type ClassicUser struct {
	Key        string `json:"keyId"`
	Name       string `json:"userName"`
	Email      string `json:"email"`
	Country    string `json:"country"`
	Properties []*struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"customizedProperties"`
}

// ClassicRecord is an evaluation of a ClassicItem.
type ClassicRecord struct {
	FlagKey          string  `json:"featureFlagKeyName"`
	SendToExperiment YesOrNo `json:"sendToExperiment"`
	Timestamp        Integer `json:"timestamp"`
	Variation        *struct {
		LocalID SmallInteger `json:"localId"`
		Value   string       `json:"variationValue"`
		Reason  string       `json:"reason"`
	} `json:"variation"`
}

// ClassicMetric is a metric of a ClassicItem.
type ClassicMetric struct {
	Route   string `json:"route"`
	Type    string `json:"type"`
	Name    string `json:"eventName"`
	Value   Number `json:"numericValue"`
	AppType string `json:"appType"`
}

// FeatBitItem is an element of a body with events of FeatBit, with the types of
// FeatBit's model. Lists and their elements may be absent; null rejects the whole
// body.
type FeatBitItem struct {
	User        *FeatBitUser         `json:"user"`
	Evaluations Array[FeatBitRecord] `json:"variations"`
	Metrics     Array[FeatBitMetric] `json:"metrics"`
}

// FeatBitUser is the user of a FeatBitItem.
type FeatBitUser struct {
	Key        string                 `json:"keyId"`
	Name       string                 `json:"name"`
	Properties Array[FeatBitProperty] `json:"customizedProperties"`
}

// FeatBitProperty is an attribute of a FeatBitUser.
type FeatBitProperty struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// FeatBitRecord is an evaluation of a FeatBitItem.
type FeatBitRecord struct {
	FlagKey   string `json:"featureFlagKey"`
	Variation *struct {
		ID    string `json:"id"`
		Value string `json:"value"`
	} `json:"variation"`
	Timestamp        Integer `json:"timestamp"`
	SendToExperiment YesOrNo `json:"sendToExperiment"`
}

// FeatBitMetric is a metric of a FeatBitItem.
type FeatBitMetric struct {
	AppType   string  `json:"appType"`
	Route     string  `json:"route"`
	Type      string  `json:"type"`
	Name      string  `json:"eventName"`
	Value     Number  `json:"numericValue"`
	Timestamp Integer `json:"timestamp"`
}

// ParseEvents reads a body with events. Like the platforms it rejects the whole
// body for any mistake.
func ParseEvents[Items ~[]Item, Item any](body []byte) (Items, error) {
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

func checkEvents[Items ~[]Item, Item any](body []byte) (int, error) {
	items, err := ParseEvents[Items](body)
	return len(items), err
}

// Integer is a JSON integer: not null, not 1.0, not "1".
type Integer int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *Integer) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return fmt.Errorf("%s is not an integer of 64 bits", raw)
	}
	*n = Integer(v)
	return nil
}

// SmallInteger is an integer of 32 bits.
type SmallInteger int32

// UnmarshalJSON implements json.Unmarshaler.
func (n *SmallInteger) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseInt(string(raw), 10, 32)
	if err != nil {
		return fmt.Errorf("%s is not an integer of 32 bits", raw)
	}
	*n = SmallInteger(v)
	return nil
}

// YesOrNo is a JSON true or false: not null.
type YesOrNo bool

// UnmarshalJSON implements json.Unmarshaler.
func (b *YesOrNo) UnmarshalJSON(raw []byte) error {
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

// Number is a JSON number: not null. One that is too large becomes infinite.
type Number float64

// UnmarshalJSON implements json.Unmarshaler.
func (n *Number) UnmarshalJSON(raw []byte) error {
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is not a number", raw)
	}
	*n = Number(v)
	return nil
}

// Array is a JSON array: not null, and without null.
type Array[T any] []T

// UnmarshalJSON implements json.Unmarshaler.
func (a *Array[T]) UnmarshalJSON(raw []byte) error {
	var items []*T
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	if items == nil {
		return errors.New("a list is null: expected an array")
	}
	*a = make(Array[T], 0, len(items))
	for _, item := range items {
		if item == nil {
			return errors.New("a list has a null element")
		}
		*a = append(*a, *item)
	}
	return nil
}
