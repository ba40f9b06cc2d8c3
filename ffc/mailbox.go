package ffc

import "sync"

// mailboxes passes values to the application's listeners, each at its own
// pace, so that one that is slow or panics harms nobody else.
type mailboxes[T any] struct {
	mu    sync.Mutex
	boxes []*mailbox[T]
}

// maxWaiting is how many values wait for a listener before they are merged.
const maxWaiting = 64

// mailbox is one listener. Values that come while it is busy are merged into
// one. A goroutine exists only while there is something to deliver.
type mailbox[T any] struct {
	call  func(T)
	merge func(waiting []T) T
	// failed is told when call panicked, or with exited when it ended its
	// goroutine.
	failed func(value any)

	mu      sync.Mutex
	stopped bool
	busy    bool
	waiting []T
}

// exited is what mailbox.failed is told when a listener called runtime.Goexit.
type exited struct{}

// add returns a function that removes the listener again.
func (m *mailboxes[T]) add(b *mailbox[T]) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// A new slice: the old one may be in use.
	m.boxes = append(m.boxes[:len(m.boxes):len(m.boxes)], b)
	return func() {
		b.stop()
		m.remove(b)
	}
}

func (m *mailboxes[T]) remove(b *mailbox[T]) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rest []*mailbox[T]
	for _, box := range m.boxes {
		if box != b {
			rest = append(rest, box)
		}
	}
	m.boxes = rest
}

// all returns those who listen now.
func (m *mailboxes[T]) all() []*mailbox[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.boxes
}

// send gives a value to listeners and does not wait for them. Values of one
// sender arrive in the order they are sent.
func send[T any](boxes []*mailbox[T], value T) {
	for _, b := range boxes {
		b.put(value)
	}
}

func (b *mailbox[T]) put(value T) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	b.waiting = append(b.waiting, value)
	if len(b.waiting) > maxWaiting { // not with each value, which would take time in proportion to all
		merged := b.merge(b.waiting)
		clear(b.waiting)
		b.waiting = append(b.waiting[:0], merged)
	}
	if !b.busy {
		b.busy = true
		go b.deliver()
	}
}

// deliver calls the listener until nothing waits. If the listener ends the
// goroutine, another one goes on.
func (b *mailbox[T]) deliver() {
	finished := false
	defer func() {
		if !finished {
			go b.deliver()
		}
	}()
	for {
		b.mu.Lock()
		if len(b.waiting) == 0 || b.stopped {
			b.busy, b.waiting = false, nil
			finished = true
			b.mu.Unlock()
			return
		}
		value := b.merge(b.waiting)
		b.waiting = nil
		b.mu.Unlock()
		b.callOnce(value)
	}
}

func (b *mailbox[T]) callOnce(value T) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			b.failed(v)
		} else if !returned {
			b.failed(exited{})
		}
	}()
	b.call(value)
	returned = true
}

func (b *mailbox[T]) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
}
