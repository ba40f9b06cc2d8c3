package ffc

import "sync"

// mailboxes passes values to the application's listeners. Each listener has its
// own mailbox, so that a slow or panicking listener does not affect the others.
type mailboxes[T any] struct {
	mu    sync.Mutex
	boxes []*mailbox[T]
}

// maxWaiting is the maximum number of values that wait before they are merged.
const maxWaiting = 64

// mailbox is one listener. Values that arrive while the listener runs are merged
// into one. A goroutine exists only while there are values to deliver.
type mailbox[T any] struct {
	call  func(T)
	merge func(waiting []T) T
	// failed is called with the panic's value if call panicked, and with exited if
	// call ended its goroutine.
	failed func(value any)

	mu      sync.Mutex
	stopped bool
	busy    bool
	waiting []T
}

// exited is the value for mailbox.failed if a listener called runtime.Goexit.
type exited struct{}

// add adds a listener and returns a function that removes it.
func (m *mailboxes[T]) add(b *mailbox[T]) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// Force a copy: send may be reading the old slice.
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

// all returns the current listeners.
func (m *mailboxes[T]) all() []*mailbox[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.boxes
}

// send puts a value into mailboxes and does not wait for the listeners. Values of
// one sender arrive in the order in which they were sent.
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
	if len(b.waiting) > maxWaiting { // merging with each value would take quadratic time
		merged := b.merge(b.waiting)
		clear(b.waiting)
		b.waiting = append(b.waiting[:0], merged)
	}
	if !b.busy {
		b.busy = true
		go b.deliver()
	}
}

// deliver calls the listener until no value waits. If the listener ends the
// goroutine, deliver starts another one.
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
