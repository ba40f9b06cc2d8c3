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
	// maxTold is how many elements of patches are remembered.
	maxTold = 1000
	// maxMalformed is how many lines about malformed data are logged within
	// malformedPeriod. The others are counted.
	maxMalformed    = 100
	malformedPeriod = time.Minute
)

// malformedLog logs data that cannot be used. It names each element of messages
// once, as every answer with all data has it again.
type malformedLog struct {
	mu   sync.Mutex
	told map[string]struct{}
	more int // how many elements the last message had beyond those told

	began      time.Time // of the period; zero is never
	lines      int       // in the period
	suppressed int       // in the period
}

// tell logs the elements of a message that cannot be used: those in skipped,
// which are its first, one by one, and how many more there are.
func (l *malformedLog) tell(log *slog.Logger, skipped []platform.Skipped, unusable int, full bool) {
	fresh, more := l.fresh(skipped, unusable-len(skipped), full)
	for _, text := range fresh {
		l.line(log, text)
	}
	more += l.due()
	if more > 0 {
		log.Error("ffc: malformed data; there is more of it", "more", more)
	}
}

// report logs a flag or segment that turned out to be malformed when it was
// compiled.
func (l *malformedLog) report(log *slog.Logger, p eval.Problem) {
	p.Key = safelog.Quote(p.Key)
	l.line(log, safelog.Data(p.Error()))
}

// line logs one problem, or counts it if there were too many of late.
func (l *malformedLog) line(log *slog.Logger, problem string) {
	more := l.due()
	if more > 0 {
		log.Error("ffc: malformed data; there is more of it", "more", more)
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

// due begins a new period if it is time, and returns how many lines the old one
// suppressed.
func (l *malformedLog) due() (suppressed int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.began.IsZero() || clock.Age(l.began) >= malformedPeriod {
		suppressed = l.suppressed
		l.began, l.lines, l.suppressed = time.Now(), 0, 0
	}
	return suppressed
}

// fresh returns what was not told yet. What a full no longer has is forgotten,
// so that it is told when it comes back.
func (l *malformedLog) fresh(skipped []platform.Skipped, unnamed int, full bool) (texts []string, more int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if unnamed != l.more {
		l.more, more = unnamed, unnamed
	}
	before := l.told
	if full || l.told == nil || len(l.told) > maxTold {
		l.told = make(map[string]struct{}, len(skipped))
	}
	for _, s := range skipped {
		s.Key = safelog.Quote(s.Key)
		text := safelog.Data(s.Error())
		if _, told := before[text]; !told {
			texts = append(texts, text)
		}
		l.told[text] = struct{}{}
	}
	return texts, more
}
