package scan

import (
	"fmt"
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

// Decode checks raw and calls fill to read it. The result of fill must not
// refer to raw; the methods of Object return copies.
func Decode[T any](raw []byte, fill func(Object) *T) (result *T, err error) {
	if err := read(raw, func(o Object) { result = fill(o) }); err != nil {
		return nil, err
	}
	return result, nil
}

// read is Decode without a type parameter: a program links it once and not for
// each type.
func read(raw []byte, fill func(Object)) error {
	if len(raw) == 0 || raw[0] != '{' {
		if err := jsontext.Check(raw); err != nil {
			return err
		}
		return fmt.Errorf("is a JSON %s, not an object", kindOfValue(raw))
	}
	d := rooms.Get().(*decoding)
	defer rooms.Put(d)
	d.failure, d.spare = nil, freeParts+len(raw)/partSize
	if d.members, d.failure = jsontext.CheckMembers(d.members, raw, maxMembers); d.failure == nil {
		fill(Object{decoding: d, value: raw, last: len(d.members)})
	}
	clear(d.members) // they point to raw
	d.members = d.members[:0]
	return d.failure
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
func (d *decoding) object(path string, b []byte, i int) (o Object, end int) {
	o = Object{path: path, decoding: d, first: len(d.members)}
	d.members, end = jsontext.AppendMembers(d.members, b, i, maxMembers)
	o.value, o.last = b[i:end], len(d.members)
	return o, end
}

var errParts = fmt.Errorf("has more rules, clauses and shares than its size allows: expected at least %d bytes of JSON for each", partSize)

// Object reads members of a JSON object. The first invalid member becomes the
// failure of the whole decoding, and no more elements of lists are read.
type Object struct {
	path  string // for messages
	value []byte
	*decoding
	first, last int // its members
}

func (o *Object) fail(name, expected string) {
	if o.failure == nil {
		o.failure = fmt.Errorf("has a bad %s%s: expected %s", o.path, name, expected)
	}
}

// get returns the member, or nil if it is absent or null.
func (o *Object) get(name string) []byte {
	v := o.member(name)
	if jsontext.IsNull(v) {
		return nil
	}
	return v
}

// member returns the first member of that name; nil if there is none.
func (o *Object) member(name string) []byte {
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

// Has reports whether there is a member that is not null.
func (o *Object) Has(name string) bool { return o.get(name) != nil }

// Object returns an object. The member is required.
func (o *Object) Object(name string) Object {
	v := o.get(name)
	if v == nil || v[0] != '{' {
		o.fail(name, "an object")
		return Object{decoding: o.decoding}
	}
	member, _ := o.decoding.object(o.path+name+".", v, 0)
	return member
}

// Objects is an array of objects.
type Objects struct {
	array  []byte // nil if it is absent
	name   string
	parent Object
}

// Objects returns an array; an empty one if it is absent.
func (o *Object) Objects(name string) Objects { return Objects{o.array(name), name, *o} }

// List is like Objects, but null is an error: its meaning is unknown.
func (o *Object) List(name string) Objects {
	o.notNull(name)
	return o.Objects(name)
}

// Raw returns the JSON of the array; nil if it is absent.
func (l *Objects) Raw() []byte { return l.array }

// All yields the elements.
func (l *Objects) All(yield func(Object) bool) {
	if i := jsontext.SkipSpace(l.array, 1); i >= len(l.array) || l.array[i] == ']' {
		return // without allocating
	}
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

// Collect reads the elements, which count as parts, into a slice. It returns
// nil if there are none.
func Collect[T any](l Objects, read func(Object) T) (list []T) {
	if count := l.longCount(); count > 0 {
		list = make([]T, 0, count)
	}
	l.parts(func(o Object) { list = append(list, read(o)) })
	return list
}

// parts calls read with each element, which counts as a part.
func (l *Objects) parts(read func(Object)) {
	for o := range l.All {
		if l.parent.spare--; l.parent.spare < 0 {
			l.parent.tooMany()
		}
		read(o)
	}
}

// Arrays of at least longArray bytes are scanned twice: first to count their
// elements. For shorter ones, growing the slice wastes less than a second scan.
const longArray = 4 << 10

// longCount returns the number of elements of a long array; 0 if the array is
// short, or if the decoding fails because it has too many.
func (l *Objects) longCount() int {
	if len(l.array) <= longArray {
		return 0
	}
	count := jsontext.Count(l.array)
	if l.parent.spare < count {
		l.parent.tooMany()
		return 0
	}
	return count
}

func (d *decoding) tooMany() {
	if d.failure == nil {
		d.failure = errParts
	}
}

// Texts is like Strings, but null is an error.
func (o *Object) Texts(name string) model.List {
	o.notNull(name)
	return o.Strings(name)
}

func (o *Object) notNull(name string) {
	if v := o.member(name); v != nil && jsontext.IsNull(v) {
		o.fail(name, "an array")
	}
}

func (o *Object) array(name string) []byte {
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

// Strings returns the strings of an array; none if it is absent.
func (o *Object) Strings(name string) model.List {
	array := o.array(name)
	return o.TextList(name, func(yield func(inside []byte)) {
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

// TextList collects the texts that each yields, which are JSON strings without
// their quotes. It calls each twice, first to measure the texts, because they
// can be most of a message. It fails, for the member name, if the texts have 4
// GiB or more.
func (o *Object) TextList(name string, each func(yield func(inside []byte))) (list model.List) {
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

// String returns a string. The member is required.
func (o *Object) String(name string) string {
	if !o.Has(name) && o.value != nil {
		o.fail(name, "a string")
	}
	return o.OptionalString(name)
}

// OptionalString returns a string; "" if the member is absent.
func (o *Object) OptionalString(name string) string { return jsontext.Text(o.OptionalText(name)) }

// OptionalText returns a string as its JSON has it, without the quotes; nil if
// the member is absent.
func (o *Object) OptionalText(name string) []byte {
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

// Int returns a whole number. The member is required.
func (o *Object) Int(name string) int64 {
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

// OptionalFloat returns a number; nil if the member is absent.
func (o *Object) OptionalFloat(name string) *float64 {
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

// Bool returns a truth value; false if the member is absent.
func (o *Object) Bool(name string) bool { return o.Tri(name) == model.Yes }

// Tri returns a truth value, or that the member is absent.
func (o *Object) Tri(name string) model.Tri {
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

// RangeOf reads the two ends of a share; if they are absent, the share is the
// whole range. If the value is not two numbers, the ends are NaN: no user is in
// the share.
func (o *Object) RangeOf(name string) (from, to float64) {
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
