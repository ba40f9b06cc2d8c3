package ffc

import "sync"

// mailboxes passes values to the application's listeners, each at its own
// pace, so that one that is slow or panics harms nobody else.
type mailboxes[T any] struct {
	mu    sync.Mutex
	boxes []*mailbox[T]
}

// mailbox is one listener. Values that come while it is busy are merged into
// one. A goroutine exists only while there is something to deliver.
type mailbox[T any] struct {
	call     func(T)
	merge    func(waiting, latest T) T
	panicked func(value any) // is told when call panicked

	mu      sync.Mutex
	stopped bool
	busy    bool
	full    bool
	waiting T
}

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
	if b.full {
		value = b.merge(b.waiting, value)
	}
	b.waiting, b.full = value, true
	if !b.busy {
		b.busy = true
		go b.deliver()
	}
}

func (b *mailbox[T]) deliver() {
	for {
		b.mu.Lock()
		if !b.full || b.stopped {
			b.busy = false
			b.mu.Unlock()
			return
		}
		value := b.waiting
		var zero T
		b.waiting, b.full = zero, false
		b.mu.Unlock()
		b.callOnce(value)
	}
}

func (b *mailbox[T]) callOnce(value T) {
	defer func() {
		if v := recover(); v != nil {
			b.panicked(v)
		}
	}()
	b.call(value)
}

func (b *mailbox[T]) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
}
