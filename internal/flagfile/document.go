package flagfile

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"math"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// Document is a parsed flag file. Only Parts and Served change it.
type Document interface {
	// Data returns the flags and segments in bootstrap form.
	Data() []byte
	// Size returns about the size of Data in bytes.
	Size() int
	// Parts yields Data in parts, and frees each part: the data is several times as
	// large as the file.
	Parts() iter.Seq[[]byte]
	// FlagKeys and SegmentIDs are in the order of the file.
	FlagKeys() []string
	SegmentIDs() []string
	// Changed returns the flags and segments that may differ from the previous
	// document, in bootstrap form: the flags with these keys, or, if keys is nil, the
	// flags that the document knows to have changed. It returns nil if everything may
	// differ.
	Changed(keys []string) []byte
	// Served reports to the document that the server has the flags.
	Served()
	// Edit returns the text of the file after a change of the flag with this key,
	// which must exist. Forms that have versions set version.
	Edit(key string, c Change, version int64) ([]byte, error)

	// source returns the text of the file, and tree its tree.
	source() []byte
	tree() *node
}

// Change is a change that the page can make to a flag.
type Change struct {
	On     *bool   `json:"on"`
	Shares []Share `json:"shares"`
}

// Share is the part of users that gets a variation.
type Share struct {
	Variation string  `json:"variation"` // its id
	Percent   float64 `json:"percent"`
}

// Parse reads a flag file of either form, and returns the name of its platform.
// Platform is the platform that the file must be for; if it is "", the file is for
// the platform of the snapshot in it, and otherwise for classic. The error may be
// a *Mismatch.
func Parse(text []byte, platform string) (Document, string, error) {
	return ParseChanged(nil, text, platform)
}

// ParseChanged is Parse for a changed file. It reuses flags of previous that
// have not changed.
func ParseChanged(previous Document, text []byte, name string) (Document, string, error) {
	var root *node
	var err error
	if previous != nil {
		root = reparse(previous.tree(), previous.source(), text)
	}
	if root == nil {
		root, err = parseLazily(text)
	}
	switch {
	case err != nil:
		return nil, "", err
	case root.kind != object:
		return nil, "", &Mismatch{root.start, "a flag file, which begins with {", root.describe()}
	case isSnapshot(root):
		return parseSnapshot(text, root, name)
	}
	l, err := layoutOf(cmp.Or(name, registry.Default().Name))
	if err != nil {
		return nil, "", err
	}
	before, _ := previous.(*simple)
	doc, err := parseSimple(text, root, l.format, before)
	return doc, l.platform, err
}

// Check fails if the change is invalid for a flag with these variations.
func (c Change) Check(variationIDs []string) error {
	if c.On == nil && c.Shares == nil {
		return errors.New(`nothing to change: expected "on" or "shares"`)
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
	if !flagjson.IsWhole(sum) {
		return errors.New("the percentages do not have a sum of 100")
	}
	return nil
}

// Tidy rounds a percentage to 7 decimals, which removes errors of subtraction.
func Tidy(percent float64) float64 { return math.Round(percent*1e7) / 1e7 }

// Bootstrap returns the flags and segments of a flag file of the simple form in
// bootstrap form, for a platform as in Parse. It returns other text unchanged. The
// error names the file, the line and the column.
func Bootstrap(name string, text []byte, platform string) ([]byte, error) {
	if err := CheckPlatform(platform); err != nil {
		return nil, err
	}
	root, err := parseJSON(text)
	if err == nil && (root.kind != object || isSnapshot(root) || root.get("data") != nil) {
		return text, nil
	}
	if err != nil {
		return nil, errors.New(Explain(name, text, err))
	}
	return Snapshot(name, text, platform)
}

// Snapshot is Bootstrap for a file of either form. A snapshot of another platform
// is an error.
func Snapshot(name string, text []byte, platform string) ([]byte, error) {
	doc, _, err := Parse(text, platform)
	if err != nil {
		return nil, errors.New(Explain(name, text, err))
	}
	return doc.Data(), nil
}

// CheckPlatform fails unless name is the name of a platform or "".
func CheckPlatform(name string) error {
	if name == "" {
		return nil
	}
	_, err := layoutOf(name)
	return err
}
