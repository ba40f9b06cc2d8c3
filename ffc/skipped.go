package ffc

import (
	"log/slog"
	"sync"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
)

// skippedLog tells of elements of messages that cannot be used, of each once:
// every answer with all data has them again.
type skippedLog struct {
	mu   sync.Mutex
	told map[string]struct{}
}

const (
	// maxSkipped is how many elements of one message are told one by one.
	maxSkipped = 100
	// maxTold is how many elements of patches are remembered.
	maxTold = 1000
)

func (l *skippedLog) tell(log *slog.Logger, skipped []wire.Skipped, full bool) {
	fresh := l.fresh(skipped, full)
	for _, text := range fresh[:min(len(fresh), maxSkipped)] {
		log.Error("ffc: malformed data; other flags are not affected", "problem", text)
	}
	if more := len(fresh) - maxSkipped; more > 0 {
		log.Error("ffc: malformed data; there is more of it", "more", more)
	}
}

// fresh returns those that were not told yet. What a full no longer has is
// forgotten, so that it is told when it comes back.
func (l *skippedLog) fresh(skipped []wire.Skipped, full bool) (texts []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.told
	if full || l.told == nil || len(l.told) > maxTold {
		l.told = make(map[string]struct{}, len(skipped))
	}
	for _, s := range skipped {
		text := s.Error()
		if _, told := before[text]; !told {
			texts = append(texts, text)
		}
		l.told[text] = struct{}{}
	}
	return texts
}
