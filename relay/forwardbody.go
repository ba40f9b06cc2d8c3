package relay

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

const (
	// maxJoined and maxJoinedEvents bound a request that has several bodies: those of
	// package flush.
	maxJoined       = 512 << 10
	maxJoinedEvents = 1000
)

var errMalformed = errors.New("the body is not a JSON array of items: another program wrote it")

// part is some of the items of a body, which is sent in one request, alone or with
// other parts.
type part struct {
	of     *parcel
	items  []item
	events int
	size   int   // of the items, with commas
	alone  bool  // it must not be joined: the platform has rejected a request with it
	dead   error // not nil: it is a dead letter, for this reason
}

// item is an element of a body: a user with events.
type item struct {
	text   []byte
	events int
}

func newPart(of *parcel, items []item, alone bool) *part {
	p := &part{of: of, items: items, alone: alone}
	for _, i := range items {
		p.events += i.events
		p.size += len(i.text) + 1
	}
	return p
}

// itemsOf returns the items of a body. They are parts of its text.
func itemsOf(body []byte) ([]item, error) {
	start := jsontext.SkipSpace(body, 0)
	if start == len(body) || body[start] != '[' || !json.Valid(body) {
		return nil, errMalformed
	}
	var items []item
	for text := range jsontext.Elements(body) {
		items = append(items, item{text, eventsOf(text)})
	}
	return items, nil
}

// eventsOf returns how many events an item has: the elements of its lists.
func eventsOf(text []byte) (n int) {
	for _, value := range jsontext.Members(text) {
		if value[0] == '[' {
			n += jsontext.Count(value)
		}
	}
	return max(n, 1)
}

// appendItems appends items, with commas in between.
func appendItems(dst []byte, items []item) []byte {
	for i, it := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, it.text...)
	}
	return dst
}

// bodyOf returns the body of a request with the parts.
func bodyOf(parts []*part) []byte {
	size := 2
	for _, p := range parts {
		size += p.size
	}
	body := append(make([]byte, 0, size), '[')
	for _, p := range parts {
		if len(body) > 1 && len(p.items) > 0 {
			body = append(body, ',')
		}
		body = appendItems(body, p.items)
	}
	return append(body, ']')
}

// halves returns two parts with the events of p. It reports false if p has a single
// event.
func (p *part) halves() (first, second *part, ok bool) {
	items := p.items
	if len(items) == 1 {
		if items, ok = halvesOf(items[0]); !ok {
			return nil, nil, false
		}
	}
	half := len(items) / 2
	return newPart(p.of, items[:half:half], true), newPart(p.of, items[half:], true), len(items) > 1
}

// halvesOf returns two items with the events of one. The first half of a list goes
// to the first item.
func halvesOf(whole item) (two []item, ok bool) {
	if whole.events < 2 {
		return nil, false
	}
	var left, right jsonObject
	take := whole.events / 2 // of the first item
	for name, value := range jsontext.Members(whole.text) {
		if value[0] != '[' {
			left.add(name, value)
			right.add(name, value)
			continue
		}
		list := slices.Collect(jsontext.Elements(value))
		n := min(take, len(list))
		take -= n
		left.addList(name, list[:n])
		right.addList(name, list[n:])
	}
	return []item{left.item(), right.item()}, true
}

// jsonObject is an object that is being written.
type jsonObject struct {
	text   []byte
	events int
}

func (o *jsonObject) name(name []byte) {
	separator := byte(',')
	if len(o.text) == 0 {
		separator = '{'
	}
	o.text = append(o.text, separator)
	o.text = append(jsontext.AppendString(o.text, string(name)), ':')
}

func (o *jsonObject) add(name, value []byte) {
	o.name(name)
	o.text = append(o.text, value...)
}

// addList adds a list, unless it is empty.
func (o *jsonObject) addList(name []byte, list [][]byte) {
	if len(list) == 0 {
		return
	}
	o.events += len(list)
	o.name(name)
	for i, element := range list {
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		o.text = append(append(o.text, separator), element...)
	}
	o.text = append(o.text, ']')
}

func (o *jsonObject) item() item { return item{append(o.text, '}'), o.events} }
