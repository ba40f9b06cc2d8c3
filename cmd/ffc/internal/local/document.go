package local

import (
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// document is a flag file that has been understood. It does not change.
type document interface {
	// data are the flags and segments in bootstrap form.
	data() []byte
	// parts yields data in pieces, and forgets what it has yielded: data of a large
	// file is several times the file.
	parts() iter.Seq[[]byte]
	// flagKeys and segmentIDs are in the order of the file.
	flagKeys() []string
	segmentIDs() []string
	// changed returns what differs from the document before, in bootstrap form: the
	// flags with these keys, or those that the document knows to have changed if
	// keys is nil, and all segments that may have. It is nil if everything may
	// differ.
	changed(keys []string) []byte
	// served tells that the platform has the flags.
	served()
	// edit returns the text of the file after a change of the flag with this
	// key, which there is. Version is for forms that write it down.
	edit(key string, c change, version int64) ([]byte, error)
}

// change is what the page may change of a flag.
type change struct {
	On     *bool   `json:"on"`
	Shares []share `json:"shares"`
}

// share is the part of users that gets a variation.
type share struct {
	Variation string  `json:"variation"` // its id
	Percent   float64 `json:"percent"`
}

// parseDocument reads a flag file of either form. Generation is what the file
// must be for; a snapshot may decide it when it is nil. The error may be a
// *mismatch.
func parseDocument(text []byte, generation *ffctest.Generation) (document, ffctest.Generation, error) {
	return parseChanged(nil, text, generation)
}

// parseChanged is parseDocument for another text of a file. Flags that have not
// changed are taken from what the file held before.
func parseChanged(previous document, text []byte, generation *ffctest.Generation) (document, ffctest.Generation, error) {
	root, err := parseLazily(text)
	switch {
	case err != nil:
		return nil, 0, err
	case root.kind != object:
		return nil, 0, &mismatch{root.start, "a flag file, which begins with {", root.describe()}
	case isSnapshot(root):
		return parseSnapshot(text, root, generation)
	}
	g := ffctest.Classic
	if generation != nil {
		g = *generation
	}
	before, _ := previous.(*simple)
	doc, err := parseSimple(text, root, g, before)
	return doc, g, err
}

// check reports what is wrong with a change, for a flag with these variations.
func (c change) check(variationIDs []string) error {
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
