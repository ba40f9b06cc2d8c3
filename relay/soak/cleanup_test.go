package main

import "testing"

func TestCleanupEndsWhatIsLeft(t *testing.T) {
	t.Parallel()
	c := cleanup{left: make(map[int]func())}
	var ended [2]int
	first := c.add(func() { ended[0]++ })
	c.add(func() { ended[1]++ })
	first()
	first()
	c.run()
	if ended != [2]int{1, 1} {
		t.Errorf("ended %v times, want each once", ended)
	}
}
