package wire

import (
	"fmt"
	"iter"
	"math"

	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// parsers are reused: a fresh one costs more than the parsing.
var parsers fastjson.ParserPool

// maxPooled is the size of input from which a parser, which keeps a copy of it,
// is not kept.
const maxPooled = 1 << 20

// decode parses raw and lets fill read it. What fill returns must not refer
// to the parser's memory, which object sees to.
func decode[T any](raw []byte, fill func(object) *T) (*T, error) {
	parser := parsers.Get()
	if len(raw) <= maxPooled {
		defer parsers.Put(parser)
	}
	value, err := parser.ParseBytes(jsontext.ReplaceLoneSurrogates(raw))
	if err != nil {
		// fastjson's text quotes the input, which may hold user keys.
		return nil, errNotJSON
	}
	var failure error
	o := object{path: "", value: value, failure: &failure}
	if value.Type() != fastjson.TypeObject {
		return nil, fmt.Errorf("is a JSON %s, not an object", value.Type())
	}
	result := fill(o)
	if failure != nil {
		return nil, failure
	}
	return result, nil
}

// object reads members of a JSON object. The first member that is not what it
// should be is remembered as the failure of the whole; reading goes on.
type object struct {
	path    string // for messages
	value   *fastjson.Value
	failure *error
}

func (o object) fail(name, expected string) {
	if *o.failure == nil {
		*o.failure = fmt.Errorf("has a bad %s%s: expected %s", o.path, name, expected)
	}
}

// get returns the member, or nil if it is absent or null.
func (o object) get(name string) *fastjson.Value {
	if o.value == nil {
		return nil
	}
	v := o.value.Get(name)
	if v == nil || v.Type() == fastjson.TypeNull {
		return nil
	}
	return v
}

func (o object) has(name string) bool { return o.get(name) != nil }

// object returns a member that must be there.
func (o object) object(name string) object {
	v := o.get(name)
	if v == nil || v.Type() != fastjson.TypeObject {
		o.fail(name, "an object")
		v = nil
	}
	return object{path: o.path + name + ".", value: v, failure: o.failure}
}

// objects yields the elements of an array; none if it is absent.
func (o object) objects(name string) iter.Seq[object] {
	return func(yield func(object) bool) {
		for _, v := range o.array(name) {
			if v.Type() != fastjson.TypeObject {
				o.fail(name, "an array of objects")
				return
			}
			if !yield(object{path: o.path + name + ".", value: v, failure: o.failure}) {
				return
			}
		}
	}
}

// list is objects, but null is no list: what it should be is not known.
func (o object) list(name string) iter.Seq[object] {
	o.notNull(name)
	return o.objects(name)
}

// texts is strings, but null is no list.
func (o object) texts(name string) []string {
	o.notNull(name)
	return o.strings(name)
}

func (o object) notNull(name string) {
	if o.value != nil && o.value.Exists(name) && !o.has(name) {
		o.fail(name, "an array")
	}
}

func (o object) array(name string) []*fastjson.Value {
	v := o.get(name)
	if v == nil {
		return nil
	}
	if v.Type() != fastjson.TypeArray {
		o.fail(name, "an array")
		return nil
	}
	return v.GetArray()
}

// strings returns the strings of an array; none if it is absent.
func (o object) strings(name string) []string {
	values := o.array(name)
	if len(values) == 0 {
		return nil
	}
	list := make([]string, 0, len(values))
	for _, v := range values {
		if v.Type() != fastjson.TypeString {
			o.fail(name, "an array of strings")
			return nil
		}
		list = append(list, string(v.GetStringBytes()))
	}
	return list
}

// string returns a member that must be there.
func (o object) string(name string) string {
	if o.value != nil && !o.has(name) {
		o.fail(name, "a string")
	}
	return o.optionalString(name)
}

func (o object) optionalString(name string) string {
	v := o.get(name)
	if v == nil {
		return ""
	}
	if v.Type() != fastjson.TypeString {
		o.fail(name, "a string")
		return ""
	}
	return string(v.GetStringBytes())
}

// int returns a member that must be there.
func (o object) int(name string) int64 {
	v := o.get(name)
	if v != nil {
		if n, err := v.Int64(); err == nil {
			return n
		}
	}
	o.fail(name, "a whole number")
	return 0
}

// optionalFloat returns nil for a member that is absent.
func (o object) optionalFloat(name string) *float64 {
	v := o.get(name)
	if v == nil {
		return nil
	}
	f, err := v.Float64()
	if err != nil {
		o.fail(name, "a number")
		return nil
	}
	return &f
}

// bool returns false for a member that is absent.
func (o object) bool(name string) bool { return o.tri(name) == model.Yes }

// tri reads a truth value for which absent has a meaning of its own.
func (o object) tri(name string) model.Tri {
	v := o.get(name)
	if v == nil {
		return model.Unset
	}
	b, err := v.Bool()
	if err != nil {
		o.fail(name, "true, false or null")
	}
	return model.TriOf(b)
}

// rangeOf reads the two ends of a share, the whole if absent. What is not two
// numbers gives NaN: a share that takes nobody.
func (o object) rangeOf(name string) (from, to float64) {
	v := o.get(name)
	if v == nil {
		return 0, 1
	}
	ends, err := v.Array()
	if err == nil && len(ends) >= 2 {
		from, errFrom := ends[0].Float64()
		to, errTo := ends[1].Float64()
		if errFrom == nil && errTo == nil {
			return from, to
		}
	}
	return math.NaN(), math.NaN()
}
