package ffc

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// view is what evaluations read: one load gives all of it.
type view struct {
	snapshot *eval.Snapshot
	// serving: there is data to evaluate, and the client is not closed.
	serving bool
}

// find returns the flag to evaluate, or the reason why there is nothing to
// evaluate (protocol reference, section 7.5).
func (v *view) find(key string, user User) (*eval.Flag, eval.Reason) {
	if !v.serving {
		return nil, eval.ReasonNotReady
	}
	f := v.snapshot.Flag(key)
	if f == nil {
		return nil, eval.ReasonFlagNotFound
	}
	if !user.u.Valid() {
		return nil, eval.ReasonUserNotSpecified
	}
	return f, eval.ReasonNone
}

// valueType is what a getter needs the flag's value to be.
type valueType struct {
	kind valueKind
	// decode reads a value of kindJSON.
	decode func(value string) error
}

type valueKind uint8

const (
	kindString valueKind = iota
	kindBool
	kindInt
	kindFloat
	kindJSON
)

var kindNames = [...]string{kindString: "string", kindBool: "bool", kindInt: "int", kindFloat: "float", kindJSON: "JSON"}

// String names the kind for the log.
func (k valueKind) String() string { return kindNames[k] }

func (t valueType) fits(v *eval.Variation) bool {
	switch t.kind {
	case kindBool:
		return v.IsBool
	case kindInt:
		return v.IsInt
	case kindFloat:
		return v.IsFloat
	case kindJSON:
		return t.decode(v.Value) == nil
	}
	return true
}

// evaluate answers one call: it evaluates, records the events and tells the
// hook. The result has a variation only if that is of the type.
func (f Flags) evaluate(ctx context.Context, key string, t valueType) eval.Result {
	var r eval.Result
	if f.c == nil { // the zero Flags
		r.Reason = eval.ReasonNotReady
		return r
	}
	flag, reason := f.view.find(key, f.user)
	switch {
	case flag == nil:
		r.Reason = reason
	case flag.Prerequisites() == 0:
		r, _ = eval.Evaluate(f.view.snapshot, flag, f.user.u, nil)
		f.record(&r, nil, t)
	default:
		r = f.evaluateDependent(flag, t)
	}
	if r.Variation == nil {
		f.c.events.RecordFallback(r.Reason)
		f.c.fallbackLog.note(key, r.Reason, t.kind)
	}
	if f.c.cfg.OnEvaluation != nil {
		f.c.callOnEvaluation(ctx, key, f.user, &r)
	}
	return r
}

// evaluateDependent evaluates a flag with prerequisites. It is apart because
// it needs room for their results.
func (f Flags) evaluateDependent(flag *eval.Flag, t valueType) eval.Result {
	var room [8]eval.Result
	r, prerequisites := eval.Evaluate(f.view.snapshot, flag, f.user.u, room[:0])
	f.record(&r, prerequisites, t)
	return r
}

// record queues the events of a result. A result of another type becomes none,
// without events: the platform would count a variation that nobody saw.
func (f Flags) record(r *eval.Result, prerequisites []eval.Result, t valueType) {
	if r.Variation == nil {
		return
	}
	if !t.fits(r.Variation) {
		r.Variation, r.Reason = nil, eval.ReasonWrongType
		return
	}
	f.c.events.RecordEvaluation(f.user.u, prerequisites, r)
}

// value returns the variation to read the answer from: the result's, else the
// configured fallback's. nil leaves the caller's fallback.
func (f Flags) value(key string, r *eval.Result, t valueType) *eval.Variation {
	if r.Variation != nil {
		return r.Variation
	}
	if f.c == nil {
		return nil
	}
	if v := f.c.fallbacks[key]; v != nil && t.fits(v) {
		return v
	}
	return nil
}
