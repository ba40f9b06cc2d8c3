package local

import "errors"

// Bootstrap returns the flags and segments of a flag file of the simple form in
// bootstrap form, for a platform as in Config. What is of another form it returns
// as it is. The error says what is wrong with the file of this name, and where.
func Bootstrap(name string, text []byte, platform string) ([]byte, error) {
	generation, err := generationOf(platform)
	if err != nil {
		return nil, err
	}
	root, err := parseJSON(text)
	if err == nil && (root.kind != object || isSnapshot(root) || root.get("data") != nil) {
		return text, nil
	}
	var doc document
	if err == nil {
		doc, _, err = parseDocument(text, generation)
	}
	if err != nil {
		return nil, errors.New(explainPosition(name, text, err))
	}
	return doc.data(), nil
}
