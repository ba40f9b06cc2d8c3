package eval

import "github.com/feature-flags-co/ffc-server-go-sdk/internal/model"

// Semantics has the points in which the platforms evaluate the same data
// differently. One value is chosen for the life of a client.
type Semantics struct {
	// EmptyIsMissing: an empty attribute or clause value counts as missing, and
	// no operator matches it unless it is negated.
	EmptyIsMissing bool
	// EmptyRuleNeverMatches: a rule without clauses matches no user.
	EmptyRuleNeverMatches bool
	// RoundNumbers: comparisons read numbers as ParseNumber does and round them to
	// five decimals. Otherwise they read them as parseFeatBit does.
	RoundNumbers bool
	// FoldRegexps: regular expressions ignore case.
	FoldRegexps bool
	// PlainNumbers: values of flags are numbers only if they are finite and in
	// plain decimal, and truth values only if they are true or false.
	PlainNumbers bool
	// SegmentsByProperty: the property of a clause decides whether it is about
	// segments, whatever its operator. If false, the operator decides, which
	// may be in the property.
	SegmentsByProperty bool
	// Strict: an evaluation fails if it reaches something that cannot be
	// decided, because the data is malformed, a segment is missing or no share
	// has the user. If false, such a clause does not match, or the flag serves
	// the off variation.
	Strict bool
	// ClosedShares: a share includes both its ends, an upper end of nearlyOne
	// counts as 1, and a share from 0 to 0 has no users. If false, a share
	// includes its upper end only if that is 1.
	ClosedShares bool
	// BucketPerFlag: a user has a bucket for each flag, computed from the
	// flag's key and an attribute that the rollout names. If false, a user has
	// one bucket for all flags.
	BucketPerFlag bool
	// BuiltIn returns the attribute for which users have a field, by any spelling
	// that rules may use; AttributeCustom for other names.
	BuiltIn func(name string) Attribute
	// ReservedNames: a rule finds no attribute by another spelling of a
	// built-in attribute.
	ReservedNames bool
}

// Classic returns the semantics of featureflag.co (protocol reference, section 6).
func Classic() *Semantics { return &classicSemantics }

var classicSemantics = Semantics{
	EmptyIsMissing:        true,
	EmptyRuleNeverMatches: true,
	RoundNumbers:          true,
	FoldRegexps:           true,
	BuiltIn:               classicBuiltIn,
	ReservedNames:         true,
}

func classicBuiltIn(name string) Attribute {
	switch name {
	case "KeyId", "keyid", "key":
		return AttributeKey
	case "Name", "name":
		return AttributeClassicName
	case "Email", "email":
		return AttributeClassicEmail
	case "Country", "country":
		return AttributeClassicCountry
	}
	return AttributeCustom
}

// FeatBit returns the semantics of FeatBit (FeatBit reference, section 6).
func FeatBit() *Semantics { return &featBitSemantics }

var featBitSemantics = Semantics{
	PlainNumbers:       true,
	SegmentsByProperty: true,
	Strict:             true,
	ClosedShares:       true,
	BucketPerFlag:      true,
	BuiltIn:            featBitBuiltIn,
}

// featBitBuiltIn has email and country, which are custom attributes on FeatBit,
// because a User has fields for them. Names are exact.
func featBitBuiltIn(name string) Attribute {
	switch name {
	case "keyId":
		return AttributeKey
	case "name":
		return AttributeName
	case "email":
		return AttributeEmail
	case "country":
		return AttributeCountry
	}
	return AttributeCustom
}

// CheckFlag returns the problems of a flag, joined, as a client reports them
// when it first evaluates the flag.
func (sem *Semantics) CheckFlag(m *model.Flag) error {
	_, err := sem.compileFlag(m, newPatternOwner(nil, false, m.Key))
	return err
}

// CheckSegment is CheckFlag for a segment.
func (sem *Semantics) CheckSegment(m *model.Segment) error {
	_, err := sem.compileSegment(m, newPatternOwner(nil, true, ""))
	return err
}

// NeverFound reports whether no user can have an attribute that a clause names:
// classic reserves the built-in names in any other case.
func (sem *Semantics) NeverFound(property string) bool {
	return sem.attribute(property).kind == AttributeNone
}
