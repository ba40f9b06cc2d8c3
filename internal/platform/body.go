package platform

import (
	"bytes"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Body collects events and encodes them as the body of a request. It is not safe
// for concurrent use.
//
// On a platform with Protocol.ItemPerUser the events of a user share one item, as
// long as the encoded user is the same. A user with other attributes begins
// another item. That item gets all further events with the same key, so that the
// events of a key keep their order.
type Body struct {
	protocol *Protocol
	private  *Private
	size     int    // of the whole body
	text     []byte // encoded users and events, in the order of Add
	items    []bodyItem
	entries  []bodyEntry
	last     int            // item of the last event
	open     map[string]int // the item that gets further events, by user key
	// Arguments of the protocol's functions, which would move to the heap.
	evaluation Evaluation
	metric     Metric
}

// span is a part of Body.text.
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

// bodyItem is an element of the body.
type bodyItem struct {
	user                 *eval.User
	encoded              span
	evaluations, metrics bodyList
}

// bodyList is a list in an item: the indexes of its first and last entry.
type bodyList struct{ first, last int }

// bodyEntry is an evaluation or a metric.
type bodyEntry struct {
	encoded span
	next    int // entry of the same list
}

const (
	none       = -1
	itemStart  = `{"user":`
	metricList = `,"metrics":[`
)

// NewBody returns an empty body.
func NewBody(p *Protocol, private *Private) *Body {
	return &Body{protocol: p, private: private, size: len(`[]`), last: none, open: map[string]int{}}
}

// Reset removes all events and keeps the memory.
func (b *Body) Reset() {
	clear(b.items) // releases the users
	clear(b.open)
	b.size, b.last = len(`[]`), none
	b.text, b.items, b.entries = b.text[:0], b.items[:0], b.entries[:0]
	b.evaluation = Evaluation{}
}

// Len returns the number of bytes that AppendTo appends.
func (b *Body) Len() int { return b.size }

// AddEvaluation adds an evaluation. It reports false and adds nothing if the
// event alone makes an item of more than limit bytes.
func (b *Body) AddEvaluation(u *eval.User, e Evaluation, limit int) bool {
	b.evaluation = e
	return b.add(u, true, limit)
}

// AddMetric is AddEvaluation for a metric.
func (b *Body) AddMetric(u *eval.User, m Metric, limit int) bool {
	b.metric = m
	return b.add(u, false, limit)
}

func (b *Body) add(u *eval.User, evaluation bool, limit int) bool {
	start := len(b.text)
	at, user, ok := b.find(u, limit)
	if !ok {
		return false
	}
	from, list := len(b.text), metricList
	if evaluation {
		list = b.protocol.EvaluationList
		b.text = b.protocol.AppendEvaluation(b.text, &b.evaluation)
	} else {
		b.text = b.protocol.AppendMetric(b.text, &b.metric)
	}
	entry := span{from, len(b.text)}
	if len(itemStart)+user.len()+len(list)+entry.len()+len(`]}`) > limit {
		b.text = b.text[:start]
		return false
	}
	if at == none {
		at = b.newItem(u, user)
	}
	b.last = at
	to := &b.items[at].metrics
	if evaluation {
		to = &b.items[at].evaluations
	}
	b.put(to, entry, len(list))
	return true
}

// find returns the item that gets the next event of a user. If there is none,
// it returns none and the encoded user for a new item. It returns false if the
// user takes more than limit bytes.
func (b *Body) find(u *eval.User, limit int) (at int, encoded span, ok bool) {
	if b.last != none && b.items[b.last].user == u {
		encoded = b.items[b.last].encoded
		if b.protocol.ItemPerUser {
			return b.last, encoded, true
		}
		return none, encoded, true
	}
	at = none
	if b.protocol.ItemPerUser {
		if i, ok := b.open[u.Key]; ok {
			at = i
		}
	}
	if at != none && b.items[at].user == u {
		return at, b.items[at].encoded, true
	}
	if b.private.Size(u) > limit { // without writing all of it first
		return none, span{}, false
	}
	from := len(b.text)
	b.text = b.protocol.AppendUser(b.text, u, b.private)
	encoded = span{from, len(b.text)}
	if at == none {
		return none, encoded, true
	}
	item := &b.items[at]
	if !bytes.Equal(b.text[from:], b.text[item.encoded.from:item.encoded.to]) {
		return none, encoded, true
	}
	b.text = b.text[:from]
	item.user = u // the next events probably have this pointer
	return at, item.encoded, true
}

func (b *Body) newItem(u *eval.User, encoded span) (at int) {
	at = len(b.items)
	if at > 0 {
		b.size += len(`,`)
	}
	b.size += len(itemStart) + encoded.len() + len(`}`)
	b.items = append(b.items, bodyItem{
		user: u, encoded: encoded, evaluations: bodyList{none, none}, metrics: bodyList{none, none},
	})
	if b.protocol.ItemPerUser {
		b.open[u.Key] = at
	}
	return at
}

// put appends an entry to a list. name is the length of the list's name.
func (b *Body) put(to *bodyList, encoded span, name int) {
	at := len(b.entries)
	b.entries = append(b.entries, bodyEntry{encoded: encoded, next: none})
	if to.first == none {
		to.first = at
		b.size += name + len(`]`)
	} else {
		b.entries[to.last].next = at
		b.size += len(`,`)
	}
	to.last = at
	b.size += encoded.len()
}

// AppendTo appends the body.
func (b *Body) AppendTo(dst []byte) []byte {
	dst = append(dst, '[')
	for i := range b.items {
		item := &b.items[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, itemStart...)
		dst = append(dst, b.text[item.encoded.from:item.encoded.to]...)
		dst = b.appendList(dst, b.protocol.EvaluationList, item.evaluations)
		dst = b.appendList(dst, metricList, item.metrics)
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

func (b *Body) appendList(dst []byte, name string, list bodyList) []byte {
	if list.first == none {
		return dst
	}
	dst = append(dst, name...)
	for i := list.first; i != none; i = b.entries[i].next {
		if i != list.first {
			dst = append(dst, ',')
		}
		e := b.entries[i].encoded
		dst = append(dst, b.text[e.from:e.to]...)
	}
	return append(dst, ']')
}
