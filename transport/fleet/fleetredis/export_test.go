package fleetredis

import "time"

// Froze makes the connection look as one does in a process that has been frozen
// for d: the monotonic clock has stopped meanwhile.
func (b *Backend) Froze(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.current != nil {
		b.current.last = b.current.last.Round(0).Add(-d)
	}
}
