package eval

import "github.com/feature-flags-co/ffc-server-go-sdk/internal/model"

// CheckFlag returns what is wrong with a flag, as a client reports it when it
// first evaluates the flag; several problems are joined.
func (r *Rules) CheckFlag(m *model.Flag) error {
	_, err := r.compileFlag(m, newPatternOwner(nil, false, m.Key))
	return err
}

// CheckSegment is CheckFlag for a segment.
func (r *Rules) CheckSegment(m *model.Segment) error {
	_, err := r.compileSegment(m, newPatternOwner(nil, true, ""))
	return err
}

// NeverFound reports whether no user can have an attribute that a clause names:
// classic reserves the built-in names in any other case.
func (r *Rules) NeverFound(property string) bool {
	return r.attribute(property).kind == AttributeNone
}
