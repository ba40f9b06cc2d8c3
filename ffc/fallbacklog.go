package ffc

import (
	"hash/maphash"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

const (
	// fallbackLogTime is how long a flag and a reason are not logged again.
	fallbackLogTime = time.Hour
	// maxFallbackLines is the maximum number of lines in that time.
	maxFallbackLines = 100
	// fallbackSlots is a power of two, well above maxFallbackLines.
	fallbackSlots = 256
)

// fallbackLog logs which flags return their fallback, and why: each flag and
// reason once an hour. If that was logged already, a call takes no lock and
// allocates nothing.
//
// The nil *fallbackLog logs nothing.
type fallbackLog struct {
	log  *slog.Logger // must not block: evaluations call it
	made time.Time
	seed maphash.Seed
	// began is when the current hour began, as the time since made.
	began atomic.Int64
	lines atomic.Int32 // of the current hour
	// table is nil until the first fallback, because many clients never have one.
	table atomic.Pointer[fallbackTable]
}

// fallbackTable is a hash table of the flags and reasons that were logged in the
// current hour; 0 is an empty slot. maxFallbackLines bounds the slots in use.
type fallbackTable [fallbackSlots]atomic.Uint64

func newFallbackLog(log *slog.Logger) *fallbackLog {
	return &fallbackLog{log: log, made: time.Now(), seed: maphash.MakeSeed()}
}

// fallbackAdvice says what to do about a reason. Reasons without an entry are
// not logged: the client logs itself that it is not ready.
var fallbackAdvice = [...]string{
	eval.ReasonFlagNotFound:     "check the flag's key, and that EnvSecret is the secret of the flag's environment",
	eval.ReasonWrongType:        "use the getter of the flag's type, or correct the value of its variation",
	eval.ReasonUserNotSpecified: "give ffc.NewUser a key",
	eval.ReasonError:            "correct the flag on the platform: Client.Explain shows the error",
}

// note logs that a call of a getter of this kind returns the fallback, unless that
// was already logged in the current hour.
func (l *fallbackLog) note(key string, why eval.Reason, kind valueKind) {
	if l == nil || int(why) >= len(fallbackAdvice) || fallbackAdvice[why] == "" {
		return
	}
	table := l.table.Load()
	if table == nil {
		l.table.CompareAndSwap(nil, new(fallbackTable))
		table = l.table.Load()
	}
	l.renew(table)
	if !l.add(table, maphash.String(l.seed, key)+uint64(why)) {
		return
	}
	switch n := l.lines.Add(1); {
	case n < maxFallbackLines:
		l.log.Warn("ffc: evaluation returned the fallback",
			"flag", safelog.Quote(key), "reason", why.String(), "getter", kind.String(), "advice", fallbackAdvice[why])
	case n == maxFallbackLines:
		l.log.Warn("ffc: more flags return their fallback than are logged: Client.Stats counts them by reason, Config.OnEvaluation reports each")
	}
}

// renew clears the table when the current hour is over.
func (l *fallbackLog) renew(table *fallbackTable) {
	began, now := l.began.Load(), int64(time.Since(l.made))
	if now-began < int64(fallbackLogTime) || !l.began.CompareAndSwap(began, now) {
		return
	}
	for i := range table {
		table[i].Store(0)
	}
	l.lines.Store(0)
}

// add adds a hash and reports whether it is new. After maxFallbackLines lines no
// hash is new.
func (l *fallbackLog) add(table *fallbackTable, hash uint64) bool {
	hash = max(hash, 1)
	for i := hash; ; i++ {
		slot := &table[i%fallbackSlots]
		switch slot.Load() {
		case hash:
			return false
		case 0:
			if l.lines.Load() >= maxFallbackLines {
				return false
			}
			if slot.CompareAndSwap(0, hash) {
				return true
			}
			i-- // another call has taken the slot: read it again
		}
	}
}
