package pace

import "time"

// cost is how long a platform takes to answer: a fixed part for each request and
// a part for each event. It is a straight line through the answers of the
// platform, by least squares, where older answers count less.
type cost struct {
	answers, events, took, squares, products float64 // sums; took is in seconds
}

const (
	// fade is what is left of an answer's weight with each further answer.
	fade = 0.7
	// slowest is how many seconds a platform takes for an event at most, as long as
	// answers do not show otherwise. The slowest platform that was measured takes
	// about that long: see docs/performance.md.
	slowest = 0.015
)

// add adds an answer.
func (c *cost) add(events int, took time.Duration) {
	for _, sum := range []*float64{&c.answers, &c.events, &c.took, &c.squares, &c.products} {
		*sum *= fade
	}
	n, t := float64(events), took.Seconds()
	c.answers++
	c.events += n
	c.took += t
	c.squares += n * n
	c.products += n * t
}

// known reports whether there was an answer.
func (c *cost) known() bool { return c.answers > 0 }

// parts returns the two parts in seconds. If requests had about the same size,
// which part is how large cannot be told: then as much of the time as possible
// counts as the part for each event.
func (c *cost) parts() (fixed, each float64) {
	if !c.known() {
		return 0, 0
	}
	events, took := c.events/c.answers, c.took/c.answers
	variance := c.variance()
	if variance == 0 {
		each = min(took/events, slowest)
		return took - each*events, each
	}
	each = max((c.products/c.answers-events*took)/variance, 0)
	if fixed = took - each*events; fixed < 0 {
		return 0, c.products / c.squares
	}
	return fixed, each
}

// variance returns that of the number of events in a request; 0 if requests had
// about the same size.
func (c *cost) variance() float64 {
	events := c.events / c.answers
	variance := c.squares/c.answers - events*events
	if variance < events*events/64 {
		return 0
	}
	return variance
}

// of returns how long a request with so many events takes.
func (c *cost) of(events int) time.Duration {
	fixed, each := c.parts()
	return seconds(fixed + each*float64(events))
}

// within returns how many events a request may have that takes so long, up to
// limit.
//
// Answers vary, and some look as if events took no time at all. So a quarter of
// the time counts for the events in any case.
func (c *cost) within(t time.Duration, limit int) int {
	fixed, each := c.parts()
	if c.known() {
		events, took := c.events/c.answers, c.took/c.answers
		if low := min(took/events/4, slowest); each < low {
			fixed, each = took-low*events, low
		}
	}
	return fit(t.Seconds()-fixed, each, limit)
}

// efficient returns how many events, up to limit, a request may have that takes
// about as long as aim. If the fixed part is large, the part for the events may
// take as long as the fixed part: smaller requests would cost the platform more
// time for the same events.
func (c *cost) efficient(aim time.Duration, limit int) int {
	fixed, each := c.parts()
	return fit(max(aim.Seconds()-fixed, min(fixed, aim.Seconds())), each, limit)
}

// fit returns how many events, up to limit, fit a time.
func fit(time, each float64, limit int) int {
	switch {
	case time <= 0:
		return 0
	case time >= each*float64(limit):
		return limit
	}
	return int(time / each)
}

func seconds(t float64) time.Duration { return time.Duration(t * float64(time.Second)) }
