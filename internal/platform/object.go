package platform

import (
	"fmt"
	"iter"
	"math"
	"sync"
	"unsafe"

	"github.com/valyala/fastjson/fastfloat"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Flags are read in place, member by member. A tree of values would take up to
// thirty times the memory of the flag, and a flag can be as large as a message.

const (
	// freeParts is the number of variations, targets, prerequisites, rules,
	// clauses and shares that any flag or segment may have, whatever its size.
	freeParts = 10_000
	// partSize is the average number of bytes of JSON that each further part
	// needs. Parts of the platforms have more than 40 bytes. An empty object
	// takes a hundred times its size in memory.
	partSize = 32
)

// decode checks raw and calls fill to read it. The result of fill must not
// refer to raw; the methods of object return copies.
func decode[T any](raw []byte, fill func(object) *T) (*T, error) {
	switch err := jsontext.Check(raw); {
	case err != nil:
		return nil, err
	case raw[0] != '{':
		return nil, fmt.Errorf("is a JSON %s, not an object", kindOfValue(raw))
	}
	d := rooms.Get().(*decoding)
	defer rooms.Put(d)
	d.failure, d.spare = nil, freeParts+len(raw)/partSize
	o, _ := d.object("", raw, 0)
	result := fill(o)
	clear(d.members) // they point to raw
	d.members = d.members[:0]
	if d.failure != nil {
		return nil, d.failure
	}
	return result, nil
}

// decoding is the state while one flag or segment is decoded.
type decoding struct {
	failure error // the first
	spare   int   // number of parts that may still follow
	// members has the members of the objects that are being read, so that each
	// object is scanned once and not once per member.
	members []jsontext.Member
}

// rooms has decodings to use again.
var rooms = sync.Pool{New: func() any { return &decoding{members: make([]jsontext.Member, 0, 64)} }}

// maxMembers is the number of members of an object that are kept. An object of
// the platforms has fewer than 30. An object that has more is scanned again for
// each further member.
const maxMembers = 40

// object finds the members of the object at b[i], and the index after it.
func (d *decoding) object(path string, b []byte, i int) (o object, end int) {
	o = object{path: path, decoding: d, first: len(d.members)}
	d.members, end = jsontext.AppendMembers(d.members, b, i, maxMembers)
	o.value, o.last = b[i:end], len(d.members)
	return o, end
}

var errParts = fmt.Errorf("has more rules, clauses and shares than its size allows: expected at least %d bytes of JSON for each", partSize)

// object reads members of a JSON object. The first invalid member becomes the
// failure of the whole decoding, and no more elements of lists are read.
type object struct {
	path  string // for messages
	value []byte
	*decoding
	first, last int // its members
}

func (o object) fail(name, expected string) {
	if o.failure == nil {
		o.failure = fmt.Errorf("has a bad %s%s: expected %s", o.path, name, expected)
	}
}

// get returns the member, or nil if it is absent or null.
func (o object) get(name string) []byte {
	v := o.member(name)
	if jsontext.IsNull(v) {
		return nil
	}
	return v
}

// member returns the first member of that name; nil if there is none.
func (o object) member(name string) []byte {
	members := o.members[o.first:o.last]
	for i := range members {
		if string(members[i].Name) == name {
			return members[i].Value
		}
	}
	if len(members) < maxMembers {
		return nil
	}
	return jsontext.Find(o.value, name)
}

func (o object) has(name string) bool { return o.get(name) != nil }

// object returns a required member.
func (o object) object(name string) object {
	v := o.get(name)
	if v == nil || v[0] != '{' {
		o.fail(name, "an object")
		return object{decoding: o.decoding}
	}
	member, _ := o.decoding.object(o.path+name+".", v, 0)
	return member
}

// objects is an array of objects.
type objects struct {
	array  []byte // nil if it is absent
	name   string
	parent object
}

// objects returns an array; an empty one if it is absent.
func (o object) objects(name string) objects { return objects{o.array(name), name, o} }

// list is like objects, but null is an error: its meaning is unknown.
func (o object) list(name string) objects {
	o.notNull(name)
	return o.objects(name)
}

// all yields the elements.
func (l objects) all() iter.Seq[object] {
	return func(yield func(object) bool) {
		path := l.parent.path + l.name + "."
		_, _ = jsontext.EachElementAt(l.array, 0, func(i int) (int, error) {
			d := l.parent.decoding
			if l.array[i] != '{' {
				l.parent.fail(l.name, "an array of objects")
			}
			if d.failure != nil {
				return 0, errFound
			}
			o, end := d.object(path, l.array, i)
			more := yield(o)
			if d.members = d.members[:o.first]; !more {
				return 0, errFound
			}
			return end, nil
		})
	}
}

// collect reads the elements, which count as parts, into a slice. It returns
// nil if there are none.
func collect[T any](l objects, read func(object) T) (list []T) {
	if len(l.array) > longArray {
		count := jsontext.Count(l.array)
		if l.parent.spare < count {
			l.parent.tooMany()
			return nil
		}
		list = make([]T, 0, count)
	}
	for o := range l.all() {
		if l.parent.spare--; l.parent.spare < 0 {
			l.parent.tooMany()
		}
		list = append(list, read(o))
	}
	return list
}

// Arrays of at least longArray bytes are scanned twice: first to count their
// elements. For shorter ones, growing the slice wastes less than a second scan.
const longArray = 4 << 10

func (d *decoding) tooMany() {
	if d.failure == nil {
		d.failure = errParts
	}
}

// texts is like strings, but null is an error.
func (o object) texts(name string) model.List {
	o.notNull(name)
	return o.strings(name)
}

func (o object) notNull(name string) {
	if v := o.member(name); v != nil && jsontext.IsNull(v) {
		o.fail(name, "an array")
	}
}

func (o object) array(name string) []byte {
	v := o.get(name)
	if v == nil {
		return nil
	}
	if v[0] != '[' {
		o.fail(name, "an array")
		return nil
	}
	return v
}

// strings returns the strings of an array; none if it is absent.
func (o object) strings(name string) model.List {
	array := o.array(name)
	return o.textList(name, func(yield func(inside []byte)) {
		_, _ = jsontext.EachElementAt(array, 0, func(i int) (int, error) {
			end, err := jsontext.SkipValue(array, i)
			switch {
			case err != nil:
				return 0, err
			case array[i] != '"':
				o.fail(name, "an array of strings")
				return 0, errFound
			}
			yield(array[i+1 : end-1])
			return end, nil
		})
	})
}

// textList collects the texts that each yields. It measures them before it
// stores them, because they can be most of a message.
func (o object) textList(name string, each func(yield func(inside []byte))) (list model.List) {
	count, size := 0, 0
	each(func(inside []byte) {
		count++
		size += len(inside)
	})
	switch {
	case count == 0:
		return list
	case uint64(size) > math.MaxUint32:
		o.fail(name, "a list of less than 4 GiB")
		return list
	}
	text := make([]byte, 0, size)
	list.Ends = make([]uint32, 0, count)
	each(func(inside []byte) {
		text = jsontext.AppendText(text, inside)
		list.Ends = append(list.Ends, uint32(len(text)))
	})
	list.Text = textOf(text)
	return list
}

// string returns a required member.
func (o object) string(name string) string {
	if !o.has(name) && o.value != nil {
		o.fail(name, "a string")
	}
	return o.optionalString(name)
}

func (o object) optionalString(name string) string { return jsontext.Text(o.optionalText(name)) }

// optionalText returns what is between the quotes of a string; nil if there is
// none.
func (o object) optionalText(name string) []byte {
	v := o.get(name)
	if v == nil {
		return nil
	}
	if v[0] != '"' {
		o.fail(name, "a string")
		return nil
	}
	return v[1 : len(v)-1]
}

// int returns a required member.
func (o object) int(name string) int64 {
	if v := o.get(name); v != nil {
		if n, err := fastfloat.ParseInt64(textOf(v)); err == nil {
			return n
		}
	}
	o.fail(name, "a whole number")
	return 0
}

// textOf returns v as a string without copying. v must not change while the
// string is used.
func textOf(v []byte) string { return unsafe.String(unsafe.SliceData(v), len(v)) }

// optionalFloat returns nil for a member that is absent.
func (o object) optionalFloat(name string) *float64 {
	v := o.get(name)
	if v == nil {
		return nil
	}
	f, ok := number(v)
	if !ok {
		o.fail(name, "a number")
		return nil
	}
	return &f
}

func number(v []byte) (float64, bool) {
	f, err := fastfloat.Parse(textOf(v))
	return f, err == nil
}

// bool returns false for a member that is absent.
func (o object) bool(name string) bool { return o.tri(name) == model.Yes }

// tri reads a truth value that may also be absent.
func (o object) tri(name string) model.Tri {
	switch string(o.get(name)) {
	case "":
		return model.Unset
	case "true":
		return model.Yes
	case "false":
		return model.No
	}
	o.fail(name, "true, false or null")
	return model.No
}

// rangeOf reads the two ends of a share; if they are absent, the share is the
// whole range. If the value is not two numbers, the ends are NaN: no user is in
// the share.
func (o object) rangeOf(name string) (from, to float64) {
	v := o.get(name)
	if v == nil {
		return 0, 1
	}
	var ends [2]float64
	n := 0
	_, _ = jsontext.EachElementAt(v, 0, func(i int) (int, error) {
		end, err := jsontext.SkipValue(v, i)
		if err != nil {
			return 0, err
		}
		f, ok := number(v[i:end])
		if !ok {
			return 0, errFound
		}
		ends[n] = f
		if n++; n == len(ends) {
			return 0, errFound
		}
		return end, nil
	})
	if n < len(ends) {
		return math.NaN(), math.NaN()
	}
	return ends[0], ends[1]
}
