// Package scan reads raw messages, flags and segments for all platforms: what
// their JSON has in common, with limits that keep hostile data cheap.
package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
	"unsafe"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// Kind is the type of a message of the platform.
type Kind uint8

// The kinds. The SDK ignores those it does not know.
const (
	KindOther Kind = iota
	KindDataSync
	KindPong
)

// KindOf reads the messageType of a message. The platforms send it first;
// KindOf then does not read the rest.
func KindOf(message []byte) (Kind, error) {
	kind := KindOther
	message = jsontext.TrimBOM(message)
	start := jsontext.SkipSpace(message, 0)
	if err := notAnObject(message, start); err != nil {
		return KindOther, fmt.Errorf("the message %w", err)
	}
	_, err := jsontext.EachMember(message, start, func(name, value []byte) error {
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

// Header is a function that reads the members that package store needs of the
// element at b[i], and finds the end of the element in the same pass. end is 0
// if the end was not found. An item with an error is stored only if it is
// marked as broken.
type Header func(b []byte, i int) (item store.Item, end int, err error)

// Headers has what a platform's messages need to be read.
type Headers struct {
	Flags, Segments Header
	UserTags        Header // nil if the platform has none
	// KeepSegments: poll responses have no segments member, and leave the
	// segments as they are. If false, a message without segments has none.
	KeepSegments bool
	// Earlier has items that the message may repeat. Their headers are not read.
	Earlier store.Earlier
}

// budget is what a message may still cost.
type budget struct {
	// spare is the number of items for which memory may still be allocated in
	// advance. It covers the whole message. Otherwise a message that repeats a
	// list could cause that allocation each time.
	spare int
	// items is the number of items that may still follow.
	items int
}

var errItems = fmt.Errorf("has too many items for its size: expected at least %d bytes for each", model.ItemSize)

// parts has the members of a message or of its data object. The headers of the
// items in its lists are read in the same scan.
type parts struct {
	headers                   Headers
	budget                    budget
	kind, eventType           []byte
	flags, segments, userTags list
	any                       bool // it has a member that only a data object has
	hasData                   bool
	data                      *parts // nil if it is null
	// enveloped: this is the data object of a data-sync message.
	enveloped bool
	// err is an error inside, if the end of the object was found nevertheless.
	err error
}

// list is an array of items that is a member.
type list struct {
	given    bool // also if it is null
	items    []store.Item
	skipped  []platform.Skipped // the first maxSkipped
	unusable int                // number of unusable elements
	err      error              // as parts.err
}

const (
	// maxSkipped is the number of unusable elements of a message that are kept.
	// It bounds the memory for a message of unusable elements.
	maxSkipped = 100
	// maxSkippedKey is the number of bytes of an unusable element's key that
	// are kept.
	maxSkippedKey = 100
)

// skip counts an unusable element.
func (l *list) skip(s platform.Skipped) {
	l.unusable++
	if len(l.skipped) == maxSkipped {
		return
	}
	if len(s.Key) > maxSkippedKey {
		end := maxSkippedKey
		for end > 0 && !utf8.RuneStart(s.Key[end]) {
			end--
		}
		s.Key = s.Key[:end] + "..."
	}
	l.skipped = append(l.skipped, s)
}

// Message reads a whole data-sync message, its data object alone, or a poll
// response, which wraps one of these (protocol reference, sections 3.3, 4 and
// 10). It is platform.Reader.Update for a platform with these headers.
func Message(message []byte, h Headers) (*store.Update, []platform.Skipped, error) {
	p, err := split(message, h)
	var u *store.Update
	var skipped []platform.Skipped
	if err == nil {
		u, skipped, err = p.update()
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the message %w", err)
	}
	return u, skipped, nil
}

func split(message []byte, h Headers) (*parts, error) {
	message = jsontext.TrimBOM(message)
	p := &parts{headers: h, budget: budget{
		spare: len(message)/int(unsafe.Sizeof(store.Item{})) + 1,
		items: model.MaxItems(len(message)),
	}}
	start := jsontext.SkipSpace(message, 0)
	if err := notAnObject(message, start); err != nil {
		return nil, err
	}
	end, err := p.read(message, start, 0)
	if err != nil {
		return nil, err
	}
	if jsontext.SkipSpace(message, end) != len(message) {
		return nil, errors.New("has more data after the JSON object")
	}
	return p.unwrap()
}

// notAnObject returns an error if the message does not begin with an object. It
// describes the whole message.
func notAnObject(message []byte, start int) error {
	if start == len(message) {
		return fmt.Errorf("is empty: %s", expectedMessage)
	}
	if err := jsontext.CheckEncoding(message); err != nil {
		return err
	}
	if message[start] == '{' {
		return nil
	}
	// fastjson's check is not used: its error quotes the rest at each level, so
	// a message of 100,000 brackets would take minutes.
	if !json.Valid(message) {
		return jsontext.ErrNotJSON
	}
	return fmt.Errorf("is a JSON %s: %s", kindOfValue(message[start:]), expectedMessage)
}

// kindOfValue names the type of a JSON value.
func kindOfValue(value []byte) string {
	switch value[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}

const expectedMessage = "expected an object with featureFlags, as the platform sends and ffc snapshot writes"

// unwrap returns the data object.
func (p *parts) unwrap() (*parts, error) {
	switch {
	case p.err != nil:
		return nil, p.err
	case p.kind != nil && kindOf(p.kind) != KindDataSync:
		return nil, errors.New(`has a wrong messageType: expected "data-sync"`)
	case p.kind != nil || p.hasData:
		if p.data == nil {
			return nil, errors.New("has no data")
		}
		if p.kind == nil { // the wrapper of a poll response
			return p.data.unwrap()
		}
		if p = p.data; p.err != nil {
			return nil, p.err
		}
		if jsontext.IsNull(p.eventType) {
			return nil, errors.New("has no eventType")
		}
		p.enveloped = true
	}
	if !p.any {
		return nil, errors.New("has neither featureFlags nor segments: expected a message of the platform")
	}
	return p, nil
}

// MaxWrapping is the depth to which data objects are read: in the wrapper of a
// poll response, in the message that it wraps, and one more.
const MaxWrapping = 3

// read reads the members of interest of the object at b[i] and returns the index
// after it.
func (p *parts) read(b []byte, i, depth int) (end int, err error) {
	return jsontext.EachMemberAt(b, i, func(name []byte, i int) (end int, err error) {
		switch string(name) {
		case "featureFlags":
			p.any = true
			return p.readList(b, i, &p.flags, "featureFlags", p.headers.Earlier.Flags, p.headers.Flags)
		case "segments":
			p.any = true
			return p.readList(b, i, &p.segments, "segments", p.headers.Earlier.Segments, p.headers.Segments)
		case "userTags":
			if p.headers.UserTags != nil {
				return p.readList(b, i, &p.userTags, "userTags", store.Sequence{}, p.headers.UserTags)
			}
		case "data":
			if depth < MaxWrapping {
				return p.readData(b, i, depth+1)
			}
		}
		if end, err = jsontext.SkipValue(b, i); err != nil {
			return 0, err
		}
		switch string(name) {
		case "messageType":
			p.kind = b[i:end]
		case "eventType":
			p.eventType, p.any = b[i:end], true
		}
		return end, nil
	})
}

// readData reads the data object.
func (p *parts) readData(b []byte, i, depth int) (end int, err error) {
	data := &parts{headers: p.headers, budget: p.budget}
	end, err = data.read(b, i, depth)
	p.budget = data.budget
	if err != nil {
		data.err = err
		if end, err = jsontext.SkipValue(b, i); err != nil {
			return 0, err
		}
	}
	p.hasData, p.data = true, data
	if jsontext.IsNull(b[i:end]) {
		p.data = nil
	}
	return end, nil
}

// after returns read for a list that may repeat earlier items.
func after(earlier store.Sequence, read Header) Header {
	return func(b []byte, i int) (store.Item, int, error) {
		if item := earlier.Repeated(b[i:]); item != nil {
			return *item, i + len(item.Raw), nil
		}
		item, end, err := read(b, i)
		earlier.Passed(item.Key)
		return item, end, err
	}
}

// readList reads the array at b[i] and returns the index after it. An element
// that cannot be read is skipped or broken; the others are kept.
func (p *parts) readList(b []byte, i int, l *list, member string, earlier store.Sequence, read Header) (end int, err error) {
	readNext := after(earlier, read)
	*l = list{given: true}
	array, index := i, 0
	end, err = jsontext.EachElementAt(b, i, func(i int) (int, error) {
		item, end, wrong := readNext(b, i)
		if end == 0 {
			var err error
			if end, err = jsontext.SkipValue(b, i); err != nil {
				return 0, err
			}
		}
		if wrong != nil {
			l.skip(platform.Skipped{Member: member, Index: index, Key: item.Key, Err: wrong})
		}
		if wrong == nil || item.Broken {
			if p.budget.items--; p.budget.items < 0 {
				l.items = nil
				return 0, errItems
			}
			have, left := len(l.items), p.budget.items+1 // with this one
			switch {
			case have < cap(l.items):
			case (len(b)-i)/max((end-array)/(have+1), 1) > left: // those so far were that small
				most := have + left
				all := countItems(b, array, read, most)
				if all > most {
					l.items = nil
					return 0, errItems
				}
				l.items = slices.Grow(l.items, all-have)
			case have == 0:
				l.items = make([]store.Item, 0, p.budget.room(len(b)-i, end-i))
			}
			item.Raw = b[i:end]
			l.items = append(l.items, item)
		}
		index++
		return end, nil
	})
	if err != nil {
		l.err = fmt.Errorf("has the member %s, which %w", member, err)
		if end, err = jsontext.SkipValue(b, i); err != nil {
			return 0, err
		}
		if jsontext.IsNull(b[i:end]) {
			l.err = nil
		}
	}
	return end, nil
}

// countItems returns the number of items in the array at b[i], or a larger number than
// most. It keeps none: the items of a message take as much memory as the message.
func countItems(b []byte, i int, read Header, most int) (n int) {
	_, _ = jsontext.EachElementAt(b, i, func(i int) (end int, err error) {
		item, end, wrong := read(b, i)
		if end == 0 {
			if end, err = jsontext.SkipValue(b, i); err != nil {
				return 0, err
			}
		}
		if wrong == nil || item.Broken {
			if n++; n > most {
				return 0, errItems
			}
		}
		return end, nil
	})
	return n
}

// room estimates the number of items in the rest of a message from the size of
// the first. All estimates together cost no more memory than the message, even
// if they are wrong.
func (g *budget) room(rest, first int) int {
	n := min(rest/first+1, g.spare, g.items+1)
	g.spare -= n
	return n
}

// update returns the message with the data object p, and the first of its
// unusable elements.
func (p *parts) update() (*store.Update, []platform.Skipped, error) {
	full, err := p.full()
	for _, l := range []*list{&p.flags, &p.segments, &p.userTags} {
		if err == nil {
			err = l.err
		}
	}
	if err != nil {
		return nil, nil, err
	}
	u := &store.Update{
		Full: full,
		// A data-sync message without segments, or with null, has none.
		NoSegments: p.headers.KeepSegments && !p.segments.given && !p.enveloped,
		Flags:      p.flags.items,
		Segments:   p.segments.items,
		Tags:       p.userTags.items,
		Unusable:   p.flags.unusable + p.segments.unusable + p.userTags.unusable,
	}
	skipped := slices.Concat(p.flags.skipped, p.segments.skipped, p.userTags.skipped)
	return u, skipped[:min(len(skipped), maxSkipped)], nil
}

// full reads the eventType. Poll responses have none and are full snapshots.
func (p *parts) full() (bool, error) {
	switch string(p.eventType) {
	case `"full"`, "", "null":
		return true, nil
	case `"patch"`:
		return false, nil
	}
	return false, errors.New(`has an unknown eventType: expected "full" or "patch"`)
}
