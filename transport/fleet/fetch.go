package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/fleetdata"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/ondemand"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/retry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

const (
	// maxAhead is how far the platform's clock may be ahead of this machine's.
	maxAhead = time.Minute
	// maxThrottle is the longest pause that an engine can ask for.
	maxThrottle = 10 * time.Minute
)

// answer is a head that can be used.
type answer struct {
	*fleetdata.Head
	verdict  verdict
	replaces bool // what the reader has, although it is not a later revision
	backend  Backend
	from     string
}

// fetch reads the backends in their order, until one has a head that can be used
// and is not stale. If all are stale the latest one counts. A head that is not to
// be used is no failure: the engine has responded.
func (s *session) fetch(ctx context.Context, commit ondemand.Commit) error {
	mark := s.env.Store.Mark()
	var stale []answer
	var problems problems
	responded := false
	for i := range s.Backends {
		a, err := s.head(ctx, i)
		switch {
		case err != nil:
			problems.add(s.names[i], err)
			continue
		case a.verdict == other:
			responded = true
			continue
		case s.isStale(a.Head):
			stale = append(stale, a)
			continue
		}
		if err = s.use(ctx, a, mark, commit); err == nil {
			return nil
		}
		problems.add(s.names[i], err)
	}
	slices.SortStableFunc(stale, func(a, b answer) int { return b.AsOf.Compare(a.AsOf) })
	for _, a := range stale {
		err := s.use(ctx, a, mark, commit)
		if err == nil {
			return nil
		}
		problems.add(a.from, err)
	}
	if responded {
		return commit(s.keep)
	}
	return problems.failure()
}

// head reads the head of a backend, which has a share of the remaining time. A head
// that the backend has reported is not read again.
func (s *session) head(ctx context.Context, i int) (a answer, err error) {
	b, share := s.Backends[i], len(s.Backends)-i
	if deadline, ok := ctx.Deadline(); ok && share > 1 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(share))
		defer cancel()
	}
	var text []byte
	if reported := s.reported[i].Swap(nil); reported != nil {
		text = *reported
	} else {
		text, err = s.get(ctx, b, s.headName)
	}
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			err = s.noHead(b)
		}
		return answer{}, err
	}
	_, last := s.at.confirmed()
	h, err := fleetdata.ParseNextHead(text, last)
	switch {
	case err != nil:
	case h.Environment != s.Environment:
		err = errors.New("the head is that of another environment")
	case h.Platform != s.env.Platform:
		err = fmt.Errorf("the head is that of the platform %s: expected %s", safelog.Quote(h.Platform), s.env.Platform)
	}
	if err != nil {
		return answer{}, problem(transport.KindData, err)
	}
	if ahead := time.Until(h.AsOf); ahead > maxAhead && s.clockWarned.CompareAndSwap(false, true) {
		s.env.Logger.Warn("ffc: the platform's clock is ahead of this machine's; the age of the data counts from now", "ahead", ahead.Round(time.Second))
	}
	a = answer{Head: h, backend: b, from: s.names[i]}
	a.verdict, a.replaces = s.at.judge(h)
	return a, nil
}

// noHead is the error of a backend that does not have the environment.
func (s *session) noHead(b Backend) error {
	for {
		split, ok := b.(Split)
		if !ok {
			break
		}
		b = split.Heads
	}
	what := fmt.Sprintf("environment %q of %s", safelog.Quote(s.Environment), s.protocol.Title)
	if d, ok := b.(Dir); ok {
		return problem(transport.KindUnavailable, &localError{d.lacks(what)})
	}
	return problem(transport.KindUnavailable, &localError{"no publisher has written the " + what + " here: check Environment and Platform"})
}

// localError is an error of which no text is from the network.
type localError struct{ text string }

// Error implements error.
func (e *localError) Error() string { return e.text }

// get reads one value.
func (s *session) get(ctx context.Context, b Backend, name string) ([]byte, error) {
	s.connects.Add(1)
	var value []byte
	err := contained(func() (err error) {
		value, _, err = b.Get(ctx, name)
		return err
	})
	if err != nil {
		s.failures.Add(1)
		return nil, err
	}
	return value, nil
}

// use gets the data that a head names, unless the client has it, and stores it.
func (s *session) use(ctx context.Context, a answer, mark transport.Mark, commit ondemand.Commit) error {
	var data []byte
	if a.verdict == newer {
		var err error
		if data, err = s.body(ctx, a); err != nil {
			return err
		}
	}
	return commit(func() (bool, error) {
		if a.verdict == newer {
			if _, err := s.env.Store.ApplyAsOf(data, mark, a.AsOf); err != nil {
				return false, err
			}
		}
		if a.replaces {
			s.env.Logger.Warn("ffc: the engine was restored or has another publisher; following it",
				"backend", a.from, "lineage", safelog.Quote(a.Lineage), "revision", a.Revision)
		}
		s.at.use(a.Head, a.from, a.replaces)
		if s.isStale(a.Head) {
			s.env.Store.Interrupted(staleError(a.Head))
		} else {
			s.env.Store.ConfirmAsOf(a.AsOf)
		}
		return true, nil
	})
}

// body reads the data that a head names.
func (s *session) body(ctx context.Context, a answer) ([]byte, error) {
	if a.Size > s.MaxMessage || a.GZip > s.MaxMessage {
		return nil, problem(transport.KindData, &fleetdata.TooLargeError{Size: max(a.Size, a.GZip), Max: s.MaxMessage})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make([][]byte, a.Chunks)
	err := fleetdata.Each(len(chunks), func(i int) (err error) {
		chunks[i], err = s.get(ctx, a.backend, fleetdata.ChunkName(s.Environment, a.Body, i))
		if err != nil {
			cancel() // the others are of no use
		}
		return err
	})
	if errors.Is(err, ErrNotFound) {
		err = problem(transport.KindUnavailable, errors.New("a part of the body is missing"))
	}
	if err != nil {
		return nil, err
	}
	data, err := fleetdata.Unpack(a.Head, chunks, s.MaxMessage)
	if err != nil {
		return nil, problem(transport.KindData, err)
	}
	return data, nil
}

// keep keeps the data, as no backend has a head that can be used.
func (s *session) keep() (bool, error) {
	asOf, last := s.at.confirmed()
	if time.Since(asOf) > s.staleAfter(last) {
		s.env.Store.Interrupted(problem(transport.KindUnavailable, errOther))
	}
	return true, nil
}

var errOther = errors.New("the engine has earlier data, or data of another publisher, than the client; keeping the client's until the other publisher proves to be alive")

func (s *session) isStale(h *fleetdata.Head) bool { return time.Since(h.AsOf) > s.staleAfter(h) }

// staleError says since when the data is stale, and why if that is known.
func staleError(h *fleetdata.Head) *transport.Error {
	why := "no publisher confirms the data"
	if h.Blind {
		why = "the publisher does not reach the platform"
	}
	return &transport.Error{
		Kind: transport.KindUnavailable,
		Err:  fmt.Errorf("%s: the platform confirmed the data last at %s", why, h.AsOf.UTC().Format(time.RFC3339)),
		AsOf: h.AsOf,
	}
}

func problem(kind transport.Kind, err error) *transport.Error {
	return &transport.Error{Kind: kind, Err: err}
}

// problems are the errors of backends.
type problems struct {
	kind  transport.Kind // of the first
	texts []string
	errs  []error
	wait  time.Duration // before the first of them may be asked again
}

// throttling is the error of an engine that asks for a pause.
type throttling interface {
	error
	RetryAfter() time.Duration
}

func (p *problems) add(backend string, err error) {
	kind := transport.KindNetwork
	wait := time.Duration(0)
	if why, ok := errors.AsType[*transport.Error](err); ok {
		kind, err = why.Kind, why.Err
	}
	if throttled, ok := errors.AsType[throttling](err); ok {
		wait = min(throttled.RetryAfter(), maxThrottle)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errTimeout
	}
	if len(p.errs) == 0 {
		p.kind, p.wait = kind, wait
	}
	p.wait = min(p.wait, wait)
	p.errs = append(p.errs, err)
	if _, ok := errors.AsType[*localError](err); !ok {
		err = safelog.Error(err)
	}
	p.texts = append(p.texts, backend+": "+err.Error())
}

// failure returns the errors as that of a read.
func (p *problems) failure() error {
	err := &transport.Error{Kind: p.kind, Err: &joined{strings.Join(p.texts, "; "), p.errs}}
	return &ondemand.Failure{Err: err, RetryAfter: retry.Lengthen(p.wait, retry.Jitter)}
}

// joined is several errors on one line.
type joined struct {
	text string
	errs []error
}

// Error implements error.
func (e *joined) Error() string { return e.text }

// Unwrap returns the errors.
func (e *joined) Unwrap() []error { return e.errs }
