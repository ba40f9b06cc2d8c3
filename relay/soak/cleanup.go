package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// cleanup ends the servers and removes the folders that are left if the program is
// interrupted.
type cleanup struct {
	mu   sync.Mutex
	next int
	left map[int]func()
}

var onInterrupt = cleanup{left: make(map[int]func())}

// add returns a function that calls end once, and notes that end is to be called if
// the program is interrupted before.
func (c *cleanup) add(end func()) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.next
	c.next++
	c.left[id] = end
	return func() {
		c.mu.Lock()
		end := c.left[id]
		delete(c.left, id)
		c.mu.Unlock()
		if end != nil {
			end()
		}
	}
}

// run calls all that is left.
func (c *cleanup) run() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, end := range c.left {
		end()
	}
	clear(c.left)
}

// watch ends the program when it is interrupted.
func (c *cleanup) watch() {
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt, syscall.SIGTERM)
	go func() {
		s := <-interrupted
		c.run()
		fmt.Fprintln(os.Stderr, "soak: ended by", s)
		os.Exit(1)
	}()
}
