package flagfile

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

func parseSimple(text []byte, root *node, top *topLevel, l layout, before *Document) (_ *Document, err error) {
	defer recoverMismatch(&err)
	d := newDocument(text, l)
	d.simple, d.whole = true, before == nil
	checkMembers(root, "flags", "segments")

	// Flags refer to each other and to segments, in any order.
	segments := objectOf(top.segments)
	for _, m := range segments {
		if strings.TrimSpace(m.name) == "" {
			panic(&Mismatch{m.at, "the id of a segment", Quote(m.name)})
		}
		d.ids = append(d.ids, m.name)
	}
	if before != nil && !slices.Equal(before.ids, d.ids) {
		before, d.whole = nil, true
	}
	if top.flags != nil && top.flags.kind != object {
		fail(top.flags, "an object")
	}
	top.flags.walk(func(name []byte, at int, value node) {
		switch key := decode(name); {
		case strings.TrimSpace(key) == "":
			panic(&Mismatch{at, "the key of a flag", Quote(key)})
		case !d.add(key, &value, before):
			panic(&Mismatch{at, "each name once", "a second " + Quote(key)})
		}
	})
	r := d.reader(func(key string) (*node, error) {
		p := &d.flags[d.index[key]]
		return &node{doc: text, start: p.start, end: p.end, kind: kindOf(text[p.start])}, nil
	})
	d.parts.Data = append([]byte("{"), partSegments[len("],"):]...)
	for i, m := range segments {
		segment := r.segment(m)
		d.parts.add(&d.parts.segments, i, l.format.Segment(&segment, firstVersion))
	}
	d.parts.Data = append(d.parts.Data, partEnd...)
	if err := d.build(r); err != nil {
		return nil, err
	}
	d.size = len(d.parts.Data)
	for _, part := range d.built {
		d.size += len(part.Data)
	}
	if before != nil {
		d.size = max(d.size, before.size)
	}
	return d, nil
}

// recoverMismatch is deferred by functions that call those which panic with a
// *Mismatch.
func recoverMismatch(err *error) {
	v := recover()
	if v == nil {
		return
	}
	wrong, ok := v.(*Mismatch)
	if !ok {
		panic(v)
	}
	*err = wrong
}

// run is how many flags are built in one part.
const run = 100

// firstVersion is the version of everything in a file of the simple form.
const firstVersion = 1

// build builds the flags that differ from those of the previous document. The error
// is that of the first flag that has one.
func (d *Document) build(r *reader) error {
	var alone, dependent []int
	for i := range d.flags {
		switch p := &d.flags[i]; {
		case !p.alone:
			dependent = append(dependent, i)
		case !p.same:
			alone = append(alone, i)
		}
	}
	var wrong firstError
	part := func(numbers []int) *Part {
		flags := make([][]byte, len(numbers))
		size := len(partFlags) + len(partEnd)
		for n, i := range numbers {
			wrong.note(i, func() {
				key := d.flags[i].key
				flags[n] = r.flag(key, r.find(key))
				size += len(flags[n]) + len(",")
			})
		}
		out := &Part{Data: append(make([]byte, 0, size), partFlags...), flags: make([]item, 0, len(numbers))}
		for n, i := range numbers {
			out.add(&out.flags, i, flags[n])
		}
		out.Data = append(out.Data, partEnd...)
		return out
	}
	runs := slices.Collect(slices.Chunk(alone, run))
	d.built = make([]*Part, len(runs))
	InParallel(len(runs), func(i int) { d.built[i] = part(runs[i]) })
	for numbers := range slices.Chunk(dependent, run) { // one by one, as they share what they refer to
		d.built = append(d.built, part(numbers))
	}
	return wrong.err
}

// buildEdited returns a changed flag as clients get it.
func (d *Document) buildEdited(file io.ReaderAt, key string, flag *node) (_ []byte, err error) {
	defer recoverMismatch(&err)
	return d.reader(func(key string) (*node, error) { return d.read(file, key) }).flag(key, flag), nil
}

// InParallel calls f for 0 to n-1, on all processors, and returns when all calls
// have returned.
func InParallel(n int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), n/100+1)
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := n * w / workers; i < n*(w+1)/workers; i++ {
				f(i)
			}
		})
	}
	wait.Wait()
}

// firstError keeps the error of the first of several items.
type firstError struct {
	mu  sync.Mutex
	at  int
	err error
}

// note calls f, which panics with a *Mismatch if item i is wrong.
func (e *firstError) note(i int, f func()) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		wrong, ok := v.(*Mismatch)
		if !ok {
			panic(v)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.err == nil || i < e.at {
			e.at, e.err = i, wrong
		}
	}()
	f()
}

// editSimple changes a flag of the simple form.
func editSimple(e *edits, flag *node, c Change) error {
	if n := flag.get("on"); c.On != nil && (n != nil || !*c.On) {
		e.set(flag, "on", strconv.FormatBool(*c.On))
	}
	if c.Shares != nil {
		variations := []string{"true", "false"}
		if n := flag.get("variations"); n != nil {
			variations = nil
			for item := range n.items() {
				variations = append(variations, item.text())
			}
		}
		var parts []string
		var only string
		for _, share := range c.Shares {
			if share.Percent == 0 {
				continue
			}
			i, err := strconv.Atoi(share.Variation)
			if err != nil || i < 1 || i > len(variations) {
				return fmt.Errorf("%q is not the id of a variation", share.Variation)
			}
			only = MarshalText(variations[i-1])
			parts = append(parts, only+": "+strconv.FormatFloat(share.Percent, 'f', -1, 64))
		}
		if len(parts) == 1 {
			e.swap(flag, "rollout", "serve", only)
		} else {
			e.swap(flag, "serve", "rollout", "{"+strings.Join(parts, ", ")+"}")
		}
	}
	return nil
}
