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
	more int // how many elements the last message had beyond those told
}

// maxTold is how many elements of patches are remembered.
const maxTold = 1000

// tell logs the elements of a message that cannot be used: those in skipped,
// which are its first, one by one, and how many more there are.
func (l *skippedLog) tell(log *slog.Logger, skipped []wire.Skipped, unusable int, full bool) {
	fresh, more := l.fresh(skipped, unusable-len(skipped), full)
	for _, text := range fresh {
		log.Error("ffc: malformed data; other flags are not affected", "problem", text)
	}
	if more > 0 {
		log.Error("ffc: malformed data; there is more of it", "more", more)
	}
}

// fresh returns what was not told yet. What a full no longer has is forgotten,
// so that it is told when it comes back.
func (l *skippedLog) fresh(skipped []wire.Skipped, unnamed int, full bool) (texts []string, more int) {
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
		text := s.Error()
		if _, told := before[text]; !told {
			texts = append(texts, text)
		}
		l.told[text] = struct{}{}
	}
	return texts, more
}
