package eval

import "github.com/feature-flags-co/ffc-server-go-sdk/internal/model"

// Semantics are the points where the platforms evaluate the same data
// differently. One value is chosen for the life of a client.
type Semantics struct {
	// EmptyIsMissing: an empty attribute or clause value is no value, and no
	// positive operator matches it.
	EmptyIsMissing bool
	// EmptyRuleNeverMatches: a rule without clauses matches nobody.
	EmptyRuleNeverMatches bool
	// RoundNumbers: comparisons read numbers as ParseNumber does and round them to
	// five decimals. Otherwise they read them as parseFeatBit does.
	RoundNumbers bool
	// FoldRegexps: regular expressions ignore case.
	FoldRegexps bool
	// PlainNumbers: values of flags are numbers only if they are finite and in
	// plain decimal, and truth values only if they are true or false.
	PlainNumbers bool
	// SegmentsByProperty: a clause is about segments if its property says so,
	// whatever its operator. Otherwise the operator decides, which may stand in
	// the property.
	SegmentsByProperty bool
	// Strict: what cannot be decided, because the data is malformed, a segment
	// is missing or no share takes the user, is an error where an evaluation
	// comes upon it. Otherwise it is a clause that does not match, or the off
	// variation.
	Strict bool
	// ClosedShares: a share takes both its ends, ends up to nearlyOne at the
	// whole, and takes nobody if both are 0. Otherwise it takes its upper end
	// only if that is 1.
	ClosedShares bool
	// BucketPerFlag: a user has a bucket for each flag, made of the flag's key
	// and an attribute that the rollout names. Otherwise a user has one bucket.
	BucketPerFlag bool
	// Attributes names the attributes that users have fields for, by every
	// spelling that rules may use.
	Attributes map[string]Attribute
	// ReservedNames: a rule finds nothing by another spelling of a built-in
	// attribute.
	ReservedNames bool
}

// Classic returns the semantics of featureflag.co (protocol reference, section 6).
func Classic() *Semantics {
	return &Semantics{
		EmptyIsMissing:        true,
		EmptyRuleNeverMatches: true,
		RoundNumbers:          true,
		FoldRegexps:           true,
		Attributes: map[string]Attribute{
			"KeyId": AttributeKey, "keyid": AttributeKey, "key": AttributeKey,
			"Name": AttributeClassicName, "name": AttributeClassicName,
			"Email": AttributeClassicEmail, "email": AttributeClassicEmail,
			"Country": AttributeClassicCountry, "country": AttributeClassicCountry,
		},
		ReservedNames: true,
	}
}

// FeatBit returns the semantics of FeatBit (FeatBit reference, section 6). An
// e-mail address and a country are custom attributes there, which a User keeps
// in fields of their own. Names are exact.
func FeatBit() *Semantics {
	return &Semantics{
		PlainNumbers:       true,
		SegmentsByProperty: true,
		Strict:             true,
		ClosedShares:       true,
		BucketPerFlag:      true,
		Attributes: map[string]Attribute{
			"keyId": AttributeKey, "name": AttributeName, "email": AttributeEmail, "country": AttributeCountry,
		},
	}
}

// CheckFlag returns what is wrong with a flag, as a client reports it when it
// first evaluates the flag; several problems are joined.
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
