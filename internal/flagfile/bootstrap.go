package flagfile

import (
	"errors"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// Bootstrap returns the flags and segments of a flag file of the simple form in
// bootstrap form, for a platform as in Platform. What is of another form it
// returns as it is. The error says what is wrong with the file of this name, and
// where.
func Bootstrap(name string, text []byte, platformName string) ([]byte, error) {
	platform, err := Platform(platformName)
	if err != nil {
		return nil, err
	}
	root, err := parseJSON(text)
	if err == nil && (root.kind != object || isSnapshot(root) || root.get("data") != nil) {
		return text, nil
	}
	if err != nil {
		return nil, errors.New(Explain(name, text, err))
	}
	return bootstrap(name, text, platform)
}

// Snapshot is Bootstrap for a file of either form, which must be of platform g.
func Snapshot(name string, text []byte, g ffctest.Platform) ([]byte, error) {
	return bootstrap(name, text, &g)
}

func bootstrap(name string, text []byte, g *ffctest.Platform) ([]byte, error) {
	doc, _, err := Parse(text, g)
	if err != nil {
		return nil, errors.New(Explain(name, text, err))
	}
	return doc.Data(), nil
}
