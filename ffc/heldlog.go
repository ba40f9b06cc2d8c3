package ffc

import (
	"errors"
	"log/slog"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// heldLog logs that responses of the platform are held back, once an hour: if one
// of two servers is stuck, every second response is held back.
type heldLog struct {
	warned time.Time // zero is never
}

const heldAgain = time.Hour

// errHeld is the error of Status while all responses of the platform are held
// back.
var errHeld = errors.New("the platform responds with older data than the client has; the client keeps the newer data until three responses agree")

func (l *heldLog) log(log *slog.Logger, d *store.Decision) {
	if d.Followed > 0 {
		log.Info("ffc: the platform went back to older data: three responses agree, so the client applied it", "items", d.Followed)
		l.warned = time.Time{}
	}
	if d.Held == 0 || !l.warned.IsZero() && clock.Age(l.warned) < heldAgain {
		return
	}
	l.warned = time.Now()
	kind := "flag"
	if d.Example.Segment {
		kind = "segment"
	}
	log.Warn("ffc: the platform responded with older data than the client has; keeping the newer data until three responses agree",
		"older", d.Older, "missing", d.Missing, kind, safelog.Quote(d.Example.Key))
}
