package ffc

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// AllFlags is every flag of the environment, evaluated for one user from one
// version of the data. It does not change. Its methods may be called
// concurrently.
type AllFlags struct {
	// Success is false if nothing could be evaluated: the client is not ready,
	// or the user has no key. A single flag that cannot be evaluated does not
	// count.
	Success bool
	// Message is "OK", or the reason for which there was no success.
	Message string

	flags   Flags
	ctx     context.Context // of AllVariations, for the hook that Get may call
	keys    []string        // sorted
	results []eval.Result   // of the keys
}

// AllVariations evaluates every flag for a user. It records no events, as nobody
// has seen a value yet: AllFlags.Get does. It does not block or do I/O, and takes
// time and memory in proportion to the number of flags.
func (c *Client) AllVariations(ctx context.Context, user User) AllFlags {
	a := AllFlags{flags: c.For(user), ctx: ctx}
	switch v := a.flags.view; {
	case v == nil || !v.serving:
		a.Message = string(ReasonClientNotReady)
		return a
	case !user.u.Valid():
		a.Message = string(ReasonUserNotSpecified)
		return a
	}
	a.Success, a.Message = true, "OK"
	snapshot := a.flags.view.snapshot
	a.keys = snapshot.Keys()
	a.results = make([]eval.Result, len(a.keys))
	var room [8]eval.Result
	for i, key := range a.keys {
		a.results[i], _ = eval.Evaluate(snapshot, snapshot.Flag(key), user.u, room[:0])
	}
	return a
}

// Format implements fmt.Formatter without telling who the user is.
func (a AllFlags) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "ffc.AllFlags(%s, %d flags)", a.Message, len(a.keys))
}

// Keys returns the keys of all flags, sorted. The slice is the caller's.
func (a AllFlags) Keys() []string { return slices.Clone(a.keys) }

// Get returns the answer for one flag and records its events, as Variation
// does, each time. It is false for a key that the environment does not have.
// The value of a flag that could not be evaluated is its configured fallback,
// else "".
func (a AllFlags) Get(key string) (Detail[string], bool) {
	if _, ok := slices.BinarySearch(a.keys, key); !ok {
		return Detail[string]{}, false
	}
	return a.flags.StringDetail(a.ctx, key, ""), true
}

// MarshalJSON gives the form of the platform's other SDKs: success, message
// and, as data, the list of all flags as in Detail.MarshalJSON. It records no
// events.
func (a AllFlags) MarshalJSON() ([]byte, error) {
	list := make([]detailJSON, 0, len(a.results))
	for i := range a.results {
		list = append(list, a.detail(i).json())
	}
	if !a.Success {
		unknown := Detail[string]{Reason: Reason(a.Message), Value: "flag value unknown"}
		list = append(list, unknown.json())
	}
	return json.Marshal(flagState{Success: a.Success, Message: a.Message, Data: list})
}

func (a AllFlags) detail(i int) Detail[string] {
	d := newDetail(a.keys[i], &a.results[i], "")
	if v := a.flags.value(a.keys[i], &a.results[i], valueType{}); v != nil {
		d.Value = v.Value
	}
	return d
}
