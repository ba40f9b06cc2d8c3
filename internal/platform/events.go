package platform

import (
	"strings"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// Evaluation is an evaluation to report.
type Evaluation struct {
	Flag       *eval.Flag
	Variation  *eval.Variation
	Reason     eval.Reason
	Experiment bool
	UnixMilli  int64
}

// Metric is a custom metric to report.
type Metric struct {
	Name      string
	Value     float64
	UnixMilli int64
}

// Private is the set of user attributes that events leave out. nil is the empty
// set. Names are compared without regard to case on both platforms, so that
// another spelling of a private name is not sent.
type Private struct {
	all   bool
	names map[string]struct{} // the ASCII names, in lower case
	wide  []string            // the other names
}

// NewPrivate returns the set of the named attributes.
func NewPrivate(names []string) *Private {
	if len(names) == 0 {
		return nil
	}
	p := &Private{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		if isASCII(name) {
			p.names[strings.ToLower(name)] = struct{}{}
		} else {
			p.wide = append(p.wide, name)
		}
	}
	return p
}

// AllPrivate returns the set of all attributes.
func AllPrivate() *Private { return &Private{all: true} }

// Has reports whether events leave out the attribute. It is small enough for the
// compiler to inline it: most sets are nil.
func (p *Private) Has(name string) bool { return p != nil && p.lookUp(name) }

// lookUp allocates only for ASCII names of more than maxStackName bytes.
func (p *Private) lookUp(name string) bool {
	if p.all {
		return true
	}
	// "K" (U+212A) folds to an ASCII letter.
	for _, wide := range p.wide {
		if strings.EqualFold(wide, name) {
			return true
		}
	}
	if !isASCII(name) {
		for ascii := range p.names {
			if strings.EqualFold(ascii, name) {
				return true
			}
		}
		return false
	}
	var buf [maxStackName]byte
	lower := buf[:0]
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower = append(lower, c)
	}
	_, ok := p.names[string(lower)]
	return ok
}

const maxStackName = 128

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// Size returns the number of bytes of a user's texts that events contain. Their
// JSON is at least as long.
func (p *Private) Size(u *eval.User) int {
	size := len(u.Key) + len(p.Unless("name", u.Name)) + len(p.Unless("email", u.Email)) + len(p.Unless("country", u.Country))
	for i := range u.Custom {
		if a := &u.Custom[i]; !p.Has(a.Name) {
			size += len(a.Name) + len(a.Value)
		}
	}
	return size
}

// Unless returns value, or nothing if the attribute is private.
func (p *Private) Unless(name, value string) string {
	if p.Has(name) {
		return ""
	}
	return value
}

// AppendProperty appends a name and a value to the JSON list of properties that
// begins at dst[start].
func AppendProperty(dst []byte, start int, name, value string) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	dst = append(dst, `{"name":`...)
	dst = jsontext.AppendString(dst, name)
	dst = append(dst, `,"value":`...)
	dst = jsontext.AppendString(dst, value)
	return append(dst, '}')
}
