package wire

import (
	"errors"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Kind is what a message of the platform is about.
type Kind uint8

// The kinds. The SDK ignores those it does not know.
const (
	KindOther Kind = iota
	KindDataSync
	KindPong
)

// KindOf reads the messageType of a message, without reading the rest if it
// comes first, as it does.
func KindOf(message []byte) (Kind, error) {
	kind := KindOther
	_, err := eachMember(message, skipSpace(message, 0), func(name, value []byte) error {
		if string(name) != "messageType" {
			return nil
		}
		kind = kindOf(value)
		return errFound
	})
	if err != nil && err != errFound {
		return KindOther, fmt.Errorf("the message %w", err)
	}
	return kind, nil
}

// errFound ends a scan early.
var errFound = errors.New("found")

func kindOf(value []byte) Kind {
	switch string(value) {
	case `"data-sync"`:
		return KindDataSync
	case `"pong"`:
		return KindPong
	}
	return KindOther
}

// Skipped is an element that cannot be used as it says too little of itself. A
// flag or segment that says at least who it is, is in the Update all the same,
// as broken.
type Skipped struct {
	Member string // of the message: featureFlags, segments, userTags
	Index  int    // in that array, from 0
	Key    string // or what stands in its place; "" if it cannot be read
	Err    error
}

// Error tells an element by its place only if it has no key: the place differs
// from message to message.
func (s Skipped) Error() string {
	if s.Key == "" {
		return fmt.Sprintf("%s[%d]: %v", s.Member, s.Index, s.Err)
	}
	return fmt.Sprintf("%s %q: %v", s.Member, s.Key, s.Err)
}

// header reads what storing an element needs. An item that comes with an error
// is kept if it is broken.
type header func(element []byte) (eval.Item, error)

// parts are the members of the data object of a message.
type parts struct {
	eventType                 []byte
	flags, segments, userTags []byte
	any                       bool
	// enveloped: the data object came in a data-sync message.
	enveloped bool
}

// split reads a whole data-sync message, its data object alone, or the answer
// of a polling request, which wraps one of these (protocol reference, sections
// 3.3, 4 and 10).
func split(message []byte) (parts, error) {
	p, kind, data, err := readObject(message)
	if err != nil {
		return parts{}, err
	}
	if kind != nil && kindOf(kind) != KindDataSync {
		return parts{}, errors.New(`has a messageType other than "data-sync"`)
	}
	if kind != nil || data != nil {
		if isNull(data) {
			return parts{}, errors.New("has no data")
		}
		if kind == nil { // the wrapper of a polling answer: what is inside?
			return split(data)
		}
		if p, _, _, err = readObject(data); err != nil {
			return parts{}, err
		}
		if isNull(p.eventType) {
			return parts{}, errors.New("has no eventType")
		}
		p.enveloped = true
	}
	if !p.any {
		return parts{}, errors.New("has neither featureFlags nor segments: is it a message of the platform?")
	}
	return p, nil
}

// readObject reads the members of interest of the object that b is.
func readObject(b []byte) (p parts, kind, data []byte, err error) {
	end, err := eachMember(b, skipSpace(b, 0), func(name, value []byte) error {
		switch string(name) {
		case "messageType":
			kind = value
		case "data":
			data = value
		case "eventType":
			p.eventType = value
			p.any = true
		case "featureFlags":
			p.flags = value
			p.any = true
		case "segments":
			p.segments = value
			p.any = true
		case "userTags":
			p.userTags = value
		}
		return nil
	})
	if err == nil && skipSpace(b, end) != len(b) {
		err = errors.New("goes on after its end")
	}
	return p, kind, data, err
}

// full reads the eventType. Polling answers have none and are fulls.
func (p *parts) full() (bool, error) {
	switch string(p.eventType) {
	case `"full"`, "", "null":
		return true, nil
	case `"patch"`:
		return false, nil
	}
	return false, errors.New(`has an eventType other than "full" and "patch"`)
}

// items reads the elements of an array. What cannot be read is skipped or
// broken, so that one bad element does not cost the others.
func items(member string, array []byte, read header, skipped *[]Skipped) ([]eval.Item, error) {
	if isNull(array) {
		return nil, nil
	}
	var list []eval.Item
	index := -1
	err := eachElement(array, 0, func(element []byte) {
		index++
		item, err := read(element)
		if err != nil {
			*skipped = append(*skipped, Skipped{Member: member, Index: index, Key: item.Key, Err: err})
			if !item.Broken {
				return
			}
		}
		item.Raw = element
		list = append(list, item)
	})
	if err != nil {
		return nil, fmt.Errorf("has %s that %w", member, err)
	}
	return list, nil
}
