package eval

// Rules are the points where the generations of the platform evaluate the
// same data differently. One value is chosen for the life of a client.
type Rules struct {
	// EmptyIsMissing: an empty attribute or clause value is no value, and no
	// positive operator matches it.
	EmptyIsMissing bool
	// EmptyRuleNeverMatches: a rule without clauses matches nobody.
	EmptyRuleNeverMatches bool
	// RoundNumbers: numbers are compared after rounding to five decimals.
	RoundNumbers bool
	// FoldRegexps: regular expressions ignore case.
	FoldRegexps bool
	// Attributes names the built-in attributes, by every spelling that rules
	// may use.
	Attributes map[string]Attribute
}

// Classic returns the rules of featureflag.co (protocol reference, section 6).
func Classic() *Rules {
	return &Rules{
		EmptyIsMissing:        true,
		EmptyRuleNeverMatches: true,
		RoundNumbers:          true,
		FoldRegexps:           true,
		Attributes: map[string]Attribute{
			"KeyId": AttributeKey, "keyid": AttributeKey, "key": AttributeKey,
			"Name": AttributeName, "name": AttributeName,
			"Email": AttributeEmail, "email": AttributeEmail,
			"Country": AttributeCountry, "country": AttributeCountry,
		},
	}
}
