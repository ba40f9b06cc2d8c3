package ffc

import (
	"errors"
	"log/slog"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/clock"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// heldLog logs that answers of the platform are held back. It logs that once an
// hour: where one server of several is stuck, every second answer is.
type heldLog struct {
	warned time.Time // zero is never
}

const heldAgain = time.Hour

// errHeld is the error of Status while the platform answers, but only with
// answers that are held back.
var errHeld = errors.New("the platform answers with older data than the client has; the newer data is kept until three answers agree")

func (l *heldLog) log(log *slog.Logger, d *store.Decision) {
	if d.Followed > 0 {
		log.Info("ffc: the platform went back to older data, as three answers agree; following it", "items", d.Followed)
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
	log.Warn("ffc: the platform answered with older data than the client has; keeping the newer data until three answers agree",
		"older", d.Older, "missing", d.Missing, kind, safelog.Quote(d.Example.Key))
}
