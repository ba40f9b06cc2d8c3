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

// invalidAdvice says what to do about ErrInvalidAttribute.
const invalidAdvice = "pass the attribute as a string, boolean, number or time; name, email and country as a string"

// fallbackAdvice says what to do about a reason. Reasons without an entry are
// not logged: the client logs itself that it is not ready.
var fallbackAdvice = [...]string{
	eval.ReasonFlagNotFound:     "check the flag's key, and that EnvSecret is the secret of the flag's environment",
	eval.ReasonWrongType:        "use the getter of the flag's type, or correct the value of its variation",
	eval.ReasonUserNotSpecified: "give the user a key (with OpenFeature: a targeting key, which is a string)",
	eval.ReasonError:            "correct the flag on the platform: Client.Explain shows the error",
	eval.ReasonLimit:            "simplify the flag: it needs too many flags, segments and clauses; Client.Explain shows which",
}

// noteFallback counts and logs a fallback.
func (c *Client) noteFallback(f *Flags, key string, r *eval.Result, kind valueKind) {
	c.events.RecordFallback(r.Reason)
	if kind != kindParsed && c.fallbackLog.due(key, r) { // ParseDetail logs it, with its type
		c.logFallback(f, key, r, kind.String())
	}
}

// logFallback logs that a call of a getter, named by the type of its values, returns
// the fallback with this result, which is due.
func (c *Client) logFallback(f *Flags, key string, r *eval.Result, getter string) {
	advice, attribute := fallbackAdvice[r.Reason], ""
	if r.InvalidAttribute {
		advice, attribute = invalidAdvice, eval.InvalidAttribute(f.view.snapshot, r.Flag, f.user.u)
	}
	c.fallbackLog.write(key, r.Reason, getter, advice, attribute)
}

// due reports whether a result has to be logged: not if that was done in the current
// hour.
func (l *fallbackLog) due(key string, r *eval.Result) bool {
	why := r.Reason
	if l == nil || int(why) >= len(fallbackAdvice) || fallbackAdvice[why] == "" {
		return false
	}
	table := l.table.Load()
	if table == nil {
		l.table.CompareAndSwap(nil, new(fallbackTable))
		table = l.table.Load()
	}
	l.renew(table)
	cause := uint64(why)
	if r.InvalidAttribute { // is to be corrected elsewhere than another error of the flag
		cause += uint64(eval.Reasons)
	}
	return l.add(table, maphash.String(l.seed, key)+cause)
}

// write logs a result that is due. attribute is the user's invalid attribute, or "".
func (l *fallbackLog) write(key string, why eval.Reason, getter, advice, attribute string) {
	switch n := l.lines.Add(1); {
	case n < maxFallbackLines:
		args := []any{"flag", safelog.Quote(key), "reason", why.String(), "getter", getter}
		if attribute != "" {
			args = append(args, "attribute", safelog.Quote(attribute))
		}
		l.log.Warn("ffc: evaluation returned the fallback", append(args, "advice", advice)...)
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
