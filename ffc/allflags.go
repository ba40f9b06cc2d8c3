package ffc

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// AllFlags holds all flags of the environment, evaluated for one user from one
// version of the data. It does not change. Its methods may be called
// concurrently.
type AllFlags struct {
	// Success is false if nothing could be evaluated: the client is not ready,
	// or the user has no key. It is true even if single flags cannot be
	// evaluated.
	Success bool
	// Message is "OK" if Success is true. Otherwise it is the Reason.
	Message string

	flags   Flags
	ctx     context.Context // of AllVariations, for the hook that Get may call
	keys    []string        // sorted
	results []eval.Result   // of the keys
}

// AllVariations evaluates all flags for a user. It records no events, because
// no value has been used yet; AllFlags.Get records them. It does not block or do
// I/O. Its time and memory are proportional to the number of flags.
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

// Format implements fmt.Formatter. It does not print the user.
func (a AllFlags) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "ffc.AllFlags(%s, %d flags)", a.Message, len(a.keys))
}

// Keys returns the keys of all flags, sorted. The caller may change the slice.
func (a AllFlags) Keys() []string { return slices.Clone(a.keys) }

// Get returns the value of one flag with its details. Each call records events,
// as Variation does. The result is false if the environment has no flag with this
// key. If the flag cannot be evaluated, the value is its fallback in
// Config.Fallbacks, or "" without one.
func (a AllFlags) Get(key string) (Detail[string], bool) {
	if _, ok := slices.BinarySearch(a.keys, key); !ok {
		return Detail[string]{}, false
	}
	return a.flags.StringDetail(a.ctx, key, ""), true
}

// MarshalJSON implements json.Marshaler in the format of the platform's other
// SDKs: success, message and, as data, a list of all flags as in
// Detail.MarshalJSON, sorted by key. If Success is false, the list has one entry, which
// stands for an unknown flag. It records no events.
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
	d := newDetail(a.keys[i], &a.results[i], kindString, "")
	if v := a.flags.value(a.keys[i], &a.results[i], valueType{}); v != nil {
		d.Value = v.Value
	}
	return d
}
