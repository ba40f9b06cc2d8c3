package flagfile

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// Document is a flag file that has been understood. It does not change.
type Document interface {
	// Data returns the flags and segments in bootstrap form.
	Data() []byte
	// Parts yields Data in pieces, and forgets what it has yielded: data of a large
	// file is several times the file.
	Parts() iter.Seq[[]byte]
	// FlagKeys and SegmentIDs are in the order of the file.
	FlagKeys() []string
	SegmentIDs() []string
	// Changed returns what differs from the document before, in bootstrap form: the
	// flags with these keys, or those that the document knows to have changed if
	// keys is nil, and all segments that may have. It is nil if everything may
	// differ.
	Changed(keys []string) []byte
	// Served tells that the platform has the flags.
	Served()
	// Edit returns the text of the file after a change of the flag with this
	// key, which there is. Version is for forms that write it down.
	Edit(key string, c Change, version int64) ([]byte, error)
}

// Change is what the page may change of a flag.
type Change struct {
	On     *bool   `json:"on"`
	Shares []Share `json:"shares"`
}

// Share is the part of users that gets a variation.
type Share struct {
	Variation string  `json:"variation"` // its id
	Percent   float64 `json:"percent"`
}

// Parse reads a flag file of either form. Platform is what the file
// must be for; a snapshot may decide it when it is nil. The error may be a
// *Mismatch.
func Parse(text []byte, platform *ffctest.Platform) (Document, ffctest.Platform, error) {
	return ParseChanged(nil, text, platform)
}

// ParseChanged is Parse for another text of a file. Flags that have not
// changed are taken from what the file held before.
func ParseChanged(previous Document, text []byte, platform *ffctest.Platform) (Document, ffctest.Platform, error) {
	root, err := parseLazily(text)
	switch {
	case err != nil:
		return nil, 0, err
	case root.kind != object:
		return nil, 0, &Mismatch{root.start, "a flag file, which begins with {", root.describe()}
	case isSnapshot(root):
		return parseSnapshot(text, root, platform)
	}
	g := ffctest.Classic
	if platform != nil {
		g = *platform
	}
	before, _ := previous.(*simple)
	doc, err := parseSimple(text, root, g, before)
	return doc, g, err
}

// Check reports what is wrong with a change, for a flag with these variations.
func (c Change) Check(variationIDs []string) error {
	if c.On == nil && c.Shares == nil {
		return errors.New(`there is nothing to change: expected "on" or "shares"`)
	}
	if c.Shares == nil {
		return nil
	}
	known := make(map[string]bool)
	for _, id := range variationIDs {
		known[id] = true
	}
	sum := 0.0
	for _, s := range c.Shares {
		if !known[s.Variation] {
			return fmt.Errorf("%q is not the id of a variation, or is there twice", s.Variation)
		}
		known[s.Variation] = false
		if s.Percent < 0 || s.Percent > 100 {
			return fmt.Errorf("%v is not a percentage", s.Percent)
		}
		sum += s.Percent
	}
	if !isWhole(sum) {
		return errors.New("the percentages do not have a sum of 100")
	}
	return nil
}

// isWhole reports whether percentages add up: 33.333 three times is fine.
func isWhole(sum float64) bool { return math.Abs(sum-100) <= 0.001+1e-9 }

// Tidy takes the noise out of a percentage that comes from subtracting.
func Tidy(percent float64) float64 { return math.Round(percent*1e7) / 1e7 }

// Platform returns the platform with this name; nil for "".
func Platform(name string) (*ffctest.Platform, error) {
	for _, g := range []ffctest.Platform{ffctest.Classic, ffctest.FeatBit} {
		if name == g.String() {
			return &g, nil
		}
	}
	if name == "" {
		return nil, nil
	}
	return nil, fmt.Errorf("there is no platform %q: take classic or featbit", name)
}
