package ffc

import (
	"log/slog"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

const (
	// maxRemembered is how many elements of changes are remembered as logged.
	maxRemembered = 1000
	// maxMalformed is the maximum number of log lines about malformed data within
	// malformedPeriod. Further lines are counted.
	maxMalformed    = 100
	malformedPeriod = time.Minute
)

// malformedLog logs malformed data. It logs each element of messages once, because
// each snapshot contains the element again.
type malformedLog struct {
	mu     sync.Mutex
	logged map[string]struct{}
	more   int // how many more elements the last message had than are logged

	began      time.Time // of the period; zero is never
	lines      int       // in the period
	suppressed int       // in the period
}

// message logs the malformed elements of a message: the first ones, which are in
// skipped, one by one, and the number of the others.
func (l *malformedLog) message(log *slog.Logger, skipped []platform.Skipped, unusable int, full bool) {
	fresh, more := l.fresh(skipped, unusable-len(skipped), full)
	for _, text := range fresh {
		l.line(log, text)
	}
	more += l.due()
	if more > 0 {
		log.Error(moreMalformed, "more", more)
	}
}

const moreMalformed = "ffc: malformed data; more elements are malformed than the log names"

// report logs a flag or segment that is malformed, as found when it was compiled.
func (l *malformedLog) report(log *slog.Logger, p eval.Problem) {
	p.Key = safelog.Quote(p.Key)
	l.line(log, safelog.Data(p.Error()))
}

// line logs one problem, or counts it if the period has maxMalformed lines.
func (l *malformedLog) line(log *slog.Logger, problem string) {
	more := l.due()
	if more > 0 {
		log.Error(moreMalformed, "more", more)
	}
	l.mu.Lock()
	l.lines++
	quiet := l.lines > maxMalformed
	if quiet {
		l.suppressed++
	}
	l.mu.Unlock()
	if !quiet {
		log.Error("ffc: malformed data; other flags are not affected", "error", problem)
	}
}

// due begins a new period if the current one is over, and returns how many lines
// the old period suppressed.
func (l *malformedLog) due() (suppressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.began.IsZero() || clock.Age(l.began) >= malformedPeriod {
		suppressed = l.suppressed
		l.began, l.lines, l.suppressed = time.Now(), 0, 0
	}
	return suppressed
}

// fresh returns the elements that were not logged yet. It forgets elements that a
// snapshot no longer has, so that they are logged when they return.
func (l *malformedLog) fresh(skipped []platform.Skipped, unnamed int, full bool) (texts []string, more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if unnamed != l.more {
		l.more, more = unnamed, unnamed
	}
	before := l.logged
	if full || l.logged == nil || len(l.logged) > maxRemembered {
		l.logged = make(map[string]struct{}, len(skipped))
	}
	for _, s := range skipped {
		s.Key = safelog.Quote(s.Key)
		text := safelog.Data(s.Error())
		if _, logged := before[text]; !logged {
			texts = append(texts, text)
		}
		l.logged[text] = struct{}{}
	}
	return texts, more
}
