package transporttest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// The calls of a Store that a session makes.
const (
	applied     = "Apply"
	confirmed   = "Confirm"
	interrupted = "Interrupted"
	off         = "Off"
	fallback    = "Fallback"
)

// call is a call of a Store.
type call struct {
	what  string
	asked transport.Mark
	err   error // of the session, or of Apply
}

func (c call) String() string {
	switch {
	case c.err != nil:
		return fmt.Sprintf("%s(%v)", c.what, c.err)
	case c.what == applied:
		return fmt.Sprintf("%s(mark %d)", c.what, c.asked)
	}
	return c.what
}

var _ transport.Store = (*store)(nil)

// store is a transport.Store that records its calls, and what is wrong with
// them.
type store struct {
	codec *platform.Codec

	mu       sync.Mutex
	changed  chan struct{} // closed with the next call
	calls    []call
	problems []string
	messages []held

	now      transport.Mark
	marks    []transport.Mark // that Mark has returned
	newest   int64            // version of the data
	complete int64            // version of the data when it was last confirmed
	asOf     bool             // ApplyAsOf was called: the data is at second hand
	full     bool             // everything has been applied
	holds    bool             // Apply holds each message back
	rejects  int              // so many of the next messages
	withheld bool             // the last message was held back
	ending   bool             // the session is being ended: that is no failure
	ended    bool             // the session has ended
	off      bool             // the session has given up
}

// held is a message that the store keeps.
type held struct{ message, copied []byte }

func newStore(codec *platform.Codec) *store {
	return &store{codec: codec, now: 1, changed: make(chan struct{})}
}

// Version implements transport.Store.
func (s *store) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asOf {
		return 0
	}
	return s.complete
}

// Mark implements transport.Store.
func (s *store) Mark() transport.Mark {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.marks, s.now) {
		s.marks = append(s.marks, s.now)
	}
	return s.now
}

// Apply implements transport.Store.
func (s *store) Apply(message []byte, asked transport.Mark) (transport.Applied, error) {
	return s.apply(message, asked, false)
}

// ApplyAsOf implements transport.Store. It holds nothing back.
func (s *store) ApplyAsOf(message []byte, asked transport.Mark, _ time.Time) (transport.Applied, error) {
	return s.apply(message, asked, true)
}

func (s *store) apply(message []byte, asked transport.Mark, asOf bool) (transport.Applied, error) {
	update, _, err := s.codec.Update(message)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asOf = asOf
	s.messages = append(s.messages, held{message, bytes.Clone(message)})
	if asked != 0 && !slices.Contains(s.marks, asked) {
		s.problemLocked("Apply got mark %d, which Mark has not returned", asked)
	}
	switch {
	case err != nil:
		err = &transport.Error{Kind: transport.KindData, Err: err}
	case s.rejects > 0:
		s.rejects--
		err = &transport.Error{Kind: transport.KindData, Err: errors.New("transporttest: the store rejects this message")}
	}
	s.addLocked(call{what: applied, asked: asked, err: err})
	if err != nil {
		return transport.Applied{}, err
	}
	s.now++
	result := transport.Applied{Full: update.Full}
	if s.withheld = s.holds && !asOf; s.withheld {
		result.Held, result.Answers, result.HeldVersion = 1, 1, firstVersion
		return result, nil
	}
	s.full = s.full || update.Full
	s.newest = max(s.newest, update.Version())
	return result, nil
}

// Confirm implements transport.Store.
func (s *store) Confirm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.withheld:
		s.problemLocked("Confirm was called after an answer of which something was held back")
	case !s.full:
		s.problemLocked("Confirm was called before the store had everything")
	}
	s.complete = s.newest
	s.addLocked(call{what: confirmed})
}

// ConfirmAsOf implements transport.Store.
func (s *store) ConfirmAsOf(time.Time) { s.Confirm() }

// Interrupted implements transport.Store.
func (s *store) Interrupted(err error) { s.failed(interrupted, err) }

// Off implements transport.Store.
func (s *store) Off(err error) { s.failed(off, err) }

func (s *store) failed(what string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var typed *transport.Error
	switch {
	case !errors.As(err, &typed):
		s.problemLocked("%s got %T %v, expected a *transport.Error", what, err, err)
	case typed.Kind == "":
		s.problemLocked("%s got an error without a Kind: %v", what, err)
	}
	if s.ending {
		s.problemLocked("%s was called because the session is being closed, which is no failure: %v", what, err)
	}
	s.addLocked(call{what: what, err: err})
}

// Fallback implements transport.Store.
func (s *store) Fallback(bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(call{what: fallback})
}

func (s *store) addLocked(c call) {
	if s.ended {
		s.problemLocked("%v came after the session had ended", c)
	}
	if s.off {
		s.problemLocked("%v came after Off", c)
	}
	s.off = s.off || c.what == off
	s.calls = append(s.calls, c)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *store) problemLocked(format string, args ...any) {
	s.problems = addOnce(s.problems, fmt.Sprintf(format, args...))
}

// addOnce appends a text that the list does not have: sessions repeat faults.
func addOnce(list []string, text string) []string {
	if slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

// with runs f under the lock.
func (s *store) with(f func(s *store)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s)
}

// reached reports whether the condition holds, and returns a channel that is
// closed when that may have changed. The condition is called under the lock.
func (s *store) reached(condition func(s *store) bool) (bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return condition(s), s.changed
}

// pass moves the timeline on, as data does that another request brings.
func (s *store) pass() (before transport.Mark) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before = s.now
	s.now++
	return before
}

// count returns how many calls there were of a kind.
func (s *store) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.countLocked(what)
}

func (s *store) countLocked(what string) (n int) {
	for _, c := range s.calls {
		if c.what == what {
			n++
		}
	}
	return n
}

// lastLocked returns the last call of a kind.
func (s *store) lastLocked(what string) call {
	for _, c := range slices.Backward(s.calls) {
		if c.what == what {
			return c
		}
	}
	return call{}
}

// shown is how many calls reports show.
const shown = 20

// String returns the last calls, for reports.
func (s *store) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := max(0, len(s.calls)-shown)
	texts := make([]string, 0, shown+1)
	if from > 0 {
		texts = append(texts, fmt.Sprintf("(%d more)", from))
	}
	for _, c := range s.calls[from:] {
		texts = append(texts, c.String())
	}
	return "[" + strings.Join(texts, " ") + "]"
}

// atSecondHand reports whether the session called ApplyAsOf.
func (s *store) atSecondHand() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asOf
}

// total returns the number of calls.
func (s *store) total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// verify returns what was wrong with the calls.
func (s *store) verify(secret string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	problems := slices.Clone(s.problems)
	for _, m := range s.messages {
		if !bytes.Equal(m.message, m.copied) {
			problems = addOnce(problems, "the bytes of a message changed after Apply, which keeps them")
		}
	}
	for _, c := range s.calls {
		if c.err != nil && strings.Contains(c.err.Error(), secret) {
			problems = addOnce(problems, c.what+" got an error that contains the secret")
		}
	}
	return problems
}
