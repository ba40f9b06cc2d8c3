package stream

import (
	"math/rand/v2"
	"time"
)

// backoff is a growing pause (protocol reference, section 3.4).
type backoff struct {
	first, most time.Duration
	retries     uint
}

// next returns the pause before the next attempt: between half and all of
// first, doubled for each attempt since the last reset, up to most.
func (b *backoff) next() time.Duration {
	pause := b.most
	if b.first <= b.most>>b.retries { // first<<retries may overflow
		pause = b.first << b.retries
	}
	b.retries++
	return pause/2 + time.Duration(rand.Float64()*float64(pause/2))
}

func (b *backoff) reset() { b.retries = 0 }
