package wire

import (
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
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

// Private says which attributes of users stay in the process. nil is none.
type Private struct {
	all   bool
	names map[string]struct{}
}

// NewPrivate returns the set of the named attributes, under the names that
// rules use for them; built-in ones in any capitals.
func NewPrivate(rules *eval.Rules, names []string) *Private {
	if len(names) == 0 {
		return nil
	}
	p := &Private{names: make(map[string]struct{}, len(names))}
	for _, name := range names {
		p.names[canonical(rules, name)] = struct{}{}
	}
	return p
}

// AllPrivate returns the set of all attributes.
func AllPrivate() *Private { return &Private{all: true} }

// canonical brings the spellings of a built-in attribute to one. Its capitals
// do not count: no custom attribute can have such a name, and a mistake here
// must not send what was to stay.
func canonical(rules *eval.Rules, name string) string {
	switch rules.Attributes[strings.ToLower(name)] {
	case eval.AttributeName:
		return "name"
	case eval.AttributeEmail:
		return "email"
	case eval.AttributeCountry:
		return "country"
	}
	return name
}

func (p *Private) has(name string) bool {
	if p == nil {
		return false
	}
	_, ok := p.names[name]
	return ok || p.all
}

// Size is how many bytes of a user's texts do not stay in the process. In JSON
// they are no fewer.
func (p *Private) Size(u *eval.User) int {
	size := len(u.Key) + len(p.unless("name", u.Name)) + len(p.unless("email", u.Email)) + len(p.unless("country", u.Country))
	for i := range u.Custom {
		if a := &u.Custom[i]; !p.has(a.Name) {
			size += len(a.Name) + len(a.Value)
		}
	}
	return size
}

// unless returns value, or nothing if the attribute is private.
func (p *Private) unless(name, value string) string {
	if p.has(name) {
		return ""
	}
	return value
}
