package main

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// progressAfter is how long something may take before it is worth a line.
	progressAfter = time.Second
	// progressWidth is how long the line may be: one that wraps cannot be erased.
	progressWidth = 79
)

// progress is a line on a terminal that says what is going on, until it ends.
type progress struct {
	c     *console
	what  string
	began time.Time
	stop  func() // ends it and erases the line

	mu     sync.Mutex
	detail string
}

// progress begins to show what is going on. The caller must call stop.
func (c *console) progress(what string) *progress {
	p := &progress{c: c, what: what, began: time.Now(), stop: func() {}}
	if !c.live {
		return p
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p.run(over)
	}()
	p.stop = sync.OnceFunc(func() {
		close(over)
		<-ended
		c.mu.Lock()
		defer c.mu.Unlock()
		c.erase()
	})
	return p
}

// set adds why it takes so long.
func (p *progress) set(detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detail = detail
}

func (p *progress) run(over <-chan struct{}) {
	timer := time.NewTimer(progressAfter)
	defer timer.Stop()
	for {
		select {
		case <-over:
			return
		case <-timer.C:
			p.draw()
			timer.Reset(progressAfter / 4)
		}
	}
}

func (p *progress) draw() {
	p.mu.Lock()
	text := p.what
	if p.detail != "" {
		text += ": " + p.detail
	}
	p.mu.Unlock()
	took := fmt.Sprintf(" … %d s", int(time.Since(p.began).Seconds()))
	line := []rune(text)
	if room := progressWidth - len([]rune(took)); len(line) > room {
		line = line[:room]
	}
	p.c.mu.Lock()
	defer p.c.mu.Unlock()
	p.c.erase()
	p.c.drawn = true
	_, _ = io.WriteString(p.c.stderr, string(line)+took)
}
