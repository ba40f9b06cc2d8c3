package pace

import (
	"testing"
	"time"
)

// accepted returns how many events the next request may have, after full requests
// with so many events whose responses took so long.
func accepted(responses ...response) int {
	p := New(4, 1000, 0)
	p.size = responses[0].events
	for _, r := range responses {
		p.Answered(r.took)
		p.Accepted(r.events, r.took)
	}
	return p.Next(Unbounded, 4)
}

type response struct {
	events int
	took   time.Duration
}

// A response that takes far longer than those before halves the next request.
func TestSlowResponseHalvesRequests(t *testing.T) {
	t.Parallel()
	quick := response{1000, 200 * time.Millisecond}
	if n := accepted(quick, quick, quick); n != 1000 {
		t.Errorf("%d events after quick responses, want 1000", n)
	}
	if n := accepted(quick, quick, quick, response{1000, 1500 * time.Millisecond}); n > 500 {
		t.Errorf("%d events after a slow response, want at most 500", n)
	}
}

// Two responses that took the same time look as if events took none. Requests grow
// step by step all the same, as larger ones may show something else.
func TestRequestsGrowStepByStepNearTheAim(t *testing.T) {
	t.Parallel()
	const near = Aim - Aim/10
	if n := accepted(response{100, near}, response{200, near}); n <= 200 || n > 252 {
		t.Errorf("%d events after requests of 100 and 200, want up to a quarter more than 200", n)
	}
}

// A request that is alone gets the time that several would have to share.
func TestRequestsShareTheTimeLeft(t *testing.T) {
	t.Parallel()
	p := New(4, 1000, 0)
	for _, r := range []response{{1, 14 * time.Millisecond}, {40, 16 * time.Millisecond}, {1, 14 * time.Millisecond}} {
		p.Answered(r.took)
		p.Accepted(r.events, r.took)
	}
	const left = 100 * time.Millisecond
	alone, shared := p.Next(left, 1), p.Next(left, 4)
	if alone < 30 || shared > alone/2 {
		t.Errorf("%d events in a request alone, %d in one of four: want at least %d, and at most %d", alone, shared, 30, alone/2)
	}
}
