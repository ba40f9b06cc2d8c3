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
	size     int // of the whole body
	// text has encoded users and events, in the order of Add. Without ItemPerUser
	// it has whole items, and user is the encoded user of the last one.
	text    []byte
	user    bodyUser
	items   []bodyItem
	entries []bodyEntry
	last    int            // item of the last event
	open    map[string]int // the item that gets further events, by user key
	// Arguments of the protocol's functions, which would move to the heap.
	evaluation Evaluation
	metric     Metric
}

// span is a part of Body.text.
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

// bodyUser is a user and its encoded form.
type bodyUser struct {
	user    *eval.User
	encoded span
}

// bodyItem is an element of the body.
type bodyItem struct {
	bodyUser
	evaluations, metrics bodyList
}

// bodyList is a list in an item: the indexes of its first and last entry.
type bodyList struct{ first, last int }

// bodyEntry has evaluations or metrics that follow each other in Body.text, with
// commas between them.
type bodyEntry struct {
	encoded span
	next    int // entry of the same list
}

const (
	none       = -1
	itemStart  = `{"user":`
	metricList = `,"metrics":[`
	itemEnd    = `]}`
)

// NewBody returns an empty body.
func NewBody(p *Protocol, private *Private) *Body {
	return &Body{protocol: p, private: private, size: len(`[]`), last: none, open: map[string]int{}}
}

// Reset removes all events and keeps the memory.
func (b *Body) Reset() {
	clear(b.items) // releases the users
	clear(b.open)
	b.size, b.last, b.user = len(`[]`), none, bodyUser{}
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
	if b.protocol.ItemPerUser {
		return b.addToItem(u, evaluation, limit)
	}
	return b.addItem(u, evaluation, limit)
}

// addItem adds an event as an item.
func (b *Body) addItem(u *eval.User, evaluation bool, limit int) bool {
	before := len(b.text)
	if before > 0 {
		b.text = append(b.text, ',')
	}
	start := len(b.text)
	b.text = append(b.text, itemStart...)
	from := len(b.text)
	switch {
	case u == b.user.user:
		b.text = append(b.text, b.text[b.user.encoded.from:b.user.encoded.to]...)
	case b.private.Size(u) > limit: // without writing all of it first
		b.text = b.text[:before]
		return false
	default:
		b.text = b.protocol.AppendUser(b.text, u, b.private)
	}
	encoded := span{from, len(b.text)}
	if evaluation {
		b.text = append(b.text, b.protocol.EvaluationList...)
	} else {
		b.text = append(b.text, metricList...)
	}
	b.appendEvent(evaluation)
	b.text = append(b.text, itemEnd...)
	if len(b.text)-start > limit {
		b.text = b.text[:before]
		return false
	}
	b.user = bodyUser{u, encoded}
	b.size += len(b.text) - before
	return true
}

// appendEvent appends the evaluation or the metric that is being added.
func (b *Body) appendEvent(evaluation bool) {
	if evaluation {
		b.text = b.protocol.AppendEvaluation(b.text, &b.evaluation)
	} else {
		b.text = b.protocol.AppendMetric(b.text, &b.metric)
	}
}

// addToItem adds an event to the item of its user, or to a new one.
func (b *Body) addToItem(u *eval.User, evaluation bool, limit int) bool {
	start := len(b.text)
	at, user, ok := b.find(u, limit)
	if !ok {
		return false
	}
	list := metricList
	if evaluation {
		list = b.protocol.EvaluationList
	}
	follows := at != none && b.follows(b.items[at].list(evaluation))
	if follows {
		b.text = append(b.text, ',')
	}
	from := len(b.text)
	b.appendEvent(evaluation)
	entry := span{from, len(b.text)}
	if len(itemStart)+user.len()+len(list)+entry.len()+len(itemEnd) > limit {
		b.text = b.text[:start]
		return false
	}
	if at == none {
		at = b.newItem(u, user)
	}
	b.last = at
	to := b.items[at].list(evaluation)
	if follows {
		b.entries[to.last].encoded.to = entry.to
		b.size += len(`,`) + entry.len()
		return true
	}
	b.put(to, entry, len(list))
	return true
}

// list returns the list of evaluations or of metrics.
func (i *bodyItem) list(evaluations bool) *bodyList {
	if evaluations {
		return &i.evaluations
	}
	return &i.metrics
}

// follows reports whether the last entry of a list is the end of the text.
func (b *Body) follows(l *bodyList) bool {
	return l.last != none && b.entries[l.last].encoded.to == len(b.text)
}

// find returns the item that gets the next event of a user. If there is none,
// it returns none and the encoded user for a new item. It returns false if the
// user takes more than limit bytes.
func (b *Body) find(u *eval.User, limit int) (at int, encoded span, ok bool) {
	if b.last != none && b.items[b.last].user == u {
		return b.last, b.items[b.last].encoded, true
	}
	at, known := b.open[u.Key]
	if !known {
		at = none
	} else if b.items[at].user == u {
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
		bodyUser: bodyUser{u, encoded}, evaluations: bodyList{none, none}, metrics: bodyList{none, none},
	})
	b.open[u.Key] = at
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
	if !b.protocol.ItemPerUser {
		return append(append(dst, b.text...), ']')
	}
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
