package cli

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// progressAfter is the time after which the line appears.
	progressAfter = time.Second
	// progressWidth is the maximum length of the line: a line that wraps cannot be
	// erased.
	progressWidth = 79
)

// Progress is a line on a terminal that shows what the command does.
type Progress struct {
	c     *Console
	what  string
	began time.Time
	Stop  func() // erases the line

	mu     sync.Mutex
	detail string
}

// Progress shows what the command does. The caller must call Stop.
func (c *Console) Progress(what string) *Progress {
	p := &Progress{c: c, what: what, began: time.Now(), Stop: func() {}}
	if !c.live {
		return p
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		p.run(over)
	}()
	p.Stop = sync.OnceFunc(func() {
		close(over)
		<-ended
		c.mu.Lock()
		defer c.mu.Unlock()
		c.erase()
	})
	return p
}

// Set adds a reason to the line.
func (p *Progress) Set(detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.detail = detail
}

func (p *Progress) run(over <-chan struct{}) {
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

func (p *Progress) draw() {
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
