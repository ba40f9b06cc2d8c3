package platform

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
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

// header reads what storing the element at b[i] needs, and finds its end in the
// same pass; an end of 0 is that it could not. An item that comes with an error
// is kept if it is broken.
type header func(b []byte, i int) (item store.Item, end int, err error)

// headers are those of the lists of a message.
type headers struct {
	flags, segments header
	userTags        header // nil if the generation has none
	// spare is for how many items there may still be guesses of room. It goes
	// for the whole message, or one that has a list again and again could have
	// as much memory each time.
	spare int
	// items is how many there may still be.
	items int
}

const (
	// freeItems is how many flags, segments and user tags any message may have.
	freeItems = 20_000
	// itemSize is how many bytes each item more has to have on average. Those of
	// the platforms have several hundred; what the client keeps of an item, beside
	// its bytes, is about 200.
	itemSize = 128
)

var errItems = fmt.Errorf("are too many for its size: expected at least %d bytes for each", itemSize)

// parts are those of the object that a message is, or of its data object. The
// headers of what is in its lists are read in the same pass over the bytes.
type parts struct {
	headers                   headers
	kind, eventType           []byte
	flags, segments, userTags list
	any                       bool // one of the members that data has
	hasData                   bool
	data                      *parts // nil if it is null
	// enveloped: this is the data object of a data-sync message.
	enveloped bool
	// err is what is wrong inside, if the end could be found all the same.
	err error
}

// list is an array of items that is a member.
type list struct {
	given    bool // be it null
	items    []store.Item
	skipped  []Skipped // the first maxSkipped
	unusable int       // how many elements cannot be used
	err      error     // as parts.err
}

const (
	// maxSkipped is how many unusable elements of a message are kept, so that a
	// message of nothing else costs no more memory than one without any.
	maxSkipped = 100
	// maxSkippedKey is how many bytes of an unusable element's key are kept.
	maxSkippedKey = 100
)

// skip counts an element that cannot be used.
func (l *list) skip(s Skipped) {
	l.unusable++
	if len(l.skipped) == maxSkipped {
		return
	}
	if len(s.Key) > maxSkippedKey {
		s.Key = strings.ToValidUTF8(strings.Clone(s.Key[:maxSkippedKey]), "") + "..."
	}
	l.skipped = append(l.skipped, s)
}

// split reads a whole data-sync message, its data object alone, or the answer
// of a polling request, which wraps one of these (protocol reference, sections
// 3.3, 4 and 10).
func split(message []byte, h headers) (*parts, error) {
	message = jsontext.TrimBOM(message)
	h.spare = len(message)/int(unsafe.Sizeof(store.Item{})) + 1
	h.items = freeItems + len(message)/itemSize
	p := &parts{headers: h}
	start := jsontext.SkipSpace(message, 0)
	if err := notAnObject(message, start); err != nil {
		return nil, err
	}
	end, err := p.read(message, start, 0)
	if err != nil {
		return nil, err
	}
	if jsontext.SkipSpace(message, end) != len(message) {
		return nil, errors.New("goes on after its end")
	}
	return p.unwrap()
}

// notAnObject says what a message is, as a whole, that does not begin as an
// object.
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
	// Not fastjson's check: its error quotes the rest at each level, so that a
	// message of 100,000 brackets would take minutes.
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

const expectedMessage = "expected an object with featureFlags, as the platform sends it and ffc snapshot writes it"

// unwrap returns the data object.
func (p *parts) unwrap() (*parts, error) {
	switch {
	case p.err != nil:
		return nil, p.err
	case p.kind != nil && kindOf(p.kind) != KindDataSync:
		return nil, errors.New(`has a messageType other than "data-sync"`)
	case p.kind != nil || p.hasData:
		if p.data == nil {
			return nil, errors.New("has no data")
		}
		if p.kind == nil { // the wrapper of a polling answer: what is inside?
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
		return nil, errors.New("has neither featureFlags nor segments: is it a message of the platform?")
	}
	return p, nil
}

// maxWrapping is how deep data objects are looked for: in the wrapper of an
// answer, in the message that it wraps, and one more for good measure.
const maxWrapping = 3

// read reads the members of interest of the object at b[i] and returns the index
// after it.
func (p *parts) read(b []byte, i, depth int) (end int, err error) {
	return jsontext.EachMemberAt(b, i, func(name []byte, i int) (end int, err error) {
		switch string(name) {
		case "featureFlags":
			p.any = true
			return p.readList(b, i, &p.flags, "featureFlags", p.headers.flags)
		case "segments":
			p.any = true
			return p.readList(b, i, &p.segments, "segments", p.headers.segments)
		case "userTags":
			if p.headers.userTags != nil {
				return p.readList(b, i, &p.userTags, "userTags", p.headers.userTags)
			}
		case "data":
			if depth < maxWrapping {
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
	data := &parts{headers: p.headers}
	end, err = data.read(b, i, depth)
	p.headers.spare, p.headers.items = data.headers.spare, data.headers.items
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

// readList reads the array at b[i] and returns the index after it. What cannot
// be read is skipped or broken, so that one bad element does not cost the others.
func (p *parts) readList(b []byte, i int, l *list, member string, read header) (end int, err error) {
	*l = list{given: true}
	index := 0
	end, err = jsontext.EachElementAt(b, i, func(i int) (int, error) {
		item, end, wrong := read(b, i)
		if end == 0 {
			var err error
			if end, err = jsontext.SkipValue(b, i); err != nil {
				return 0, err
			}
		}
		if wrong != nil {
			l.skip(Skipped{Member: member, Index: index, Key: item.Key, Err: wrong})
		}
		if wrong == nil || item.Broken {
			if p.headers.items--; p.headers.items < 0 {
				l.items = nil
				return 0, errItems
			}
			if l.items == nil {
				l.items = make([]store.Item, 0, p.headers.room(len(b)-i, end-i))
			}
			item.Raw = b[i:end]
			l.items = append(l.items, item)
		}
		index++
		return end, nil
	})
	if err != nil {
		l.err = fmt.Errorf("has %s that %w", member, err)
		if end, err = jsontext.SkipValue(b, i); err != nil {
			return 0, err
		}
		if jsontext.IsNull(b[i:end]) {
			l.err = nil
		}
	}
	return end, nil
}

// room guesses how many items there are in the rest of a message, of which the
// first takes so many bytes. All guesses together cost no more memory than the
// message does, however wrong they are.
func (h *headers) room(rest, first int) int {
	n := min(rest/first+1, h.spare, h.items+1)
	h.spare -= n
	return n
}

// update is the message that p is the data object of, with the first of its
// elements that cannot be used.
func (p *parts) update() (*store.Update, []Skipped, error) {
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
		Full:     full,
		Flags:    p.flags.items,
		Segments: p.segments.items,
		Tags:     p.userTags.items,
		Unusable: p.flags.unusable + p.segments.unusable + p.userTags.unusable,
	}
	skipped := slices.Concat(p.flags.skipped, p.segments.skipped, p.userTags.skipped)
	return u, skipped[:min(len(skipped), maxSkipped)], nil
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
