package ffc

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// view is the state that evaluations read, all of it with one atomic load.
type view struct {
	snapshot *eval.Snapshot
	// serving: the client has data and is not closed.
	serving bool
}

// find returns the flag, or the reason why it cannot be evaluated (protocol
// reference, section 7.5).
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

// valueType is the type of value that a getter requires.
type valueType struct {
	kind valueKind
	// decode decodes a value of kindJSON or kindParsed.
	decode func(value string) error
}

type valueKind uint8

const (
	kindString valueKind = iota
	kindBool
	kindInt
	kindFloat
	kindJSON
	kindParsed
)

var kindNames = [...]string{kindString: "string", kindBool: "bool", kindInt: "int", kindFloat: "float", kindJSON: "JSON"}

// String returns the name of the kind, for the log. kindParsed has none.
func (k valueKind) String() string { return kindNames[k] }

func (t valueType) fits(v *eval.Variation) bool {
	switch t.kind {
	case kindBool:
		return v.IsBool
	case kindInt:
		return v.IsInt
	case kindFloat:
		return v.IsFloat
	case kindJSON, kindParsed:
		return t.decode(v.Value) == nil
	}
	return true
}

// evaluate evaluates a flag for one call, records the events and calls
// Config.OnEvaluation. The result has a variation only if it fits the type.
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
		f.c.noteFallback(&f, key, &r, t.kind)
	}
	if f.c.cfg.OnEvaluation != nil {
		f.callOnEvaluation(ctx, key, &r, t.kind)
	}
	return r
}

// evaluateDependent evaluates a flag with prerequisites. It is a function of its
// own so that other evaluations need no stack for the prerequisites' results.
func (f Flags) evaluateDependent(flag *eval.Flag, t valueType) eval.Result {
	var room [8]eval.Result
	r, prerequisites := eval.Evaluate(f.view.snapshot, flag, f.user.u, room[:0])
	f.record(&r, prerequisites, t)
	return r
}

// record queues the events of a result. If the variation does not fit the type,
// record removes it from the result and queues no events: the platform would
// count a variation that the caller did not get.
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

// value returns the variation of the result, or the flag's fallback in
// Config.Fallbacks. nil means the fallback of the call.
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
