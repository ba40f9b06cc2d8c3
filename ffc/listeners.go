package ffc

import "sync"

// mailboxes passes keys of flags to the application's listeners; nil to listeners
// of the status, which read it themselves. Each listener has its own mailbox, so
// that a slow or panicking listener does not affect the others.
type mailboxes struct {
	mu    sync.Mutex
	boxes []*mailbox
}

// maxWaiting is the maximum number of lists that wait before they are merged.
const maxWaiting = 64

// mailbox is one listener. Lists that arrive while the listener runs are merged
// into one. A goroutine exists only while there are lists to deliver.
type mailbox struct {
	call  func(keys []string)
	merge func(waiting [][]string) []string
	// failed is called with the panic's value if call panicked, and with exited if
	// call ended its goroutine.
	failed func(value any)

	mu      sync.Mutex
	stopped bool
	busy    bool
	waiting [][]string
}

// exited is the value for mailbox.failed if a listener called runtime.Goexit.
type exited struct{}

// add adds a listener and returns a function that removes it.
func (m *mailboxes) add(b *mailbox) (stop func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// Force a copy: send may be reading the old slice.
	m.boxes = append(m.boxes[:len(m.boxes):len(m.boxes)], b)
	return func() {
		b.stop()
		m.remove(b)
	}
}

func (m *mailboxes) remove(b *mailbox) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rest []*mailbox
	for _, box := range m.boxes {
		if box != b {
			rest = append(rest, box)
		}
	}
	m.boxes = rest
}

// all returns the current listeners.
func (m *mailboxes) all() []*mailbox {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.boxes
}

// send puts a list into mailboxes and does not wait for the listeners. Lists of
// one sender arrive in the order in which they were sent.
func send(boxes []*mailbox, keys []string) {
	for _, b := range boxes {
		b.put(keys)
	}
}

func (b *mailbox) put(keys []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return
	}
	b.waiting = append(b.waiting, keys)
	if len(b.waiting) > maxWaiting { // merging with each list would take quadratic time
		merged := b.merge(b.waiting)
		clear(b.waiting)
		b.waiting = append(b.waiting[:0], merged)
	}
	if !b.busy {
		b.busy = true
		go b.deliver()
	}
}

// deliver calls the listener until no list waits. If the listener ends the
// goroutine, deliver starts another one.
func (b *mailbox) deliver() {
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
		keys := b.merge(b.waiting)
		b.waiting = nil
		b.mu.Unlock()
		b.callOnce(keys)
	}
}

func (b *mailbox) callOnce(keys []string) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			b.failed(v)
		} else if !returned {
			b.failed(exited{})
		}
	}()
	b.call(keys)
	returned = true
}

func (b *mailbox) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
}
