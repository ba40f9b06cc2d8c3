package registry

import (
	"errors"
	"fmt"
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
)

// ForeignError is the error for a snapshot of another platform or environment
// than the secret's.
type ForeignError struct{ text string }

// Error implements error.
func (e *ForeignError) Error() string { return e.text }

// errFlagFile is the error for a file that ffc serve reads, but the SDK does not.
var errFlagFile = errors.New("the data is a flag file of ffc serve: expected a snapshot; convert it with ffc snapshot -file")

// CheckOrigin returns a *ForeignError if data, a snapshot, is of another platform
// than p, or of another environment than the secret's, and another error if data
// is a flag file of ffc serve. With a secret of "" every environment is accepted.
// Data that does not name its environment is accepted. The error holds no part of
// the secret.
func CheckOrigin(p *platform.Protocol, secret string, data []byte) error {
	return checkOrigin(p, p.Environment(secret), "the secret's environment", data)
}

// CheckEnvironment is CheckOrigin for an environment by the name that
// Protocol.Environment returns.
func CheckEnvironment(p *platform.Protocol, environment string, data []byte) error {
	return checkOrigin(p, environment, "the environment "+environment, data)
}

// checkOrigin checks data for the environment own, which errors call called.
func checkOrigin(p *platform.Protocol, own, called string, data []byte) error {
	o := originOf(data)
	switch {
	case o.flagFile:
		return errFlagFile
	case o.platform != nil && o.platform.Name != p.Name:
		return &ForeignError{fmt.Sprintf("expected a snapshot of the platform %s, got one of %s", p.Name, o.platform.Name)}
	case own != "" && o.environment != "" && own != o.environment:
		return &ForeignError{fmt.Sprintf("expected a snapshot of %s, got one of another environment, %s", called, o.environment)}
	}
	return nil
}

// origin is the platform and environment that data comes from.
type origin struct {
	platforms   []*platform.Protocol
	platform    *platform.Protocol // nil if unknown
	environment string             // FF__account__project__environment or a GUID; "" if unknown
	flagFile    bool               // the simple form of ffc serve
}

// originOf reads data up to the first item that names its platform.
func originOf(data []byte) (o origin) {
	o.platforms = All()
	data = jsontext.TrimBOM(data)
	_ = o.read(data, jsontext.SkipSpace(data, 0), 0)
	return o
}

// errFound ends a scan early.
var errFound = errors.New("found")

// read reads the members of interest of the object at b[i]. errFound ends it
// early.
func (o *origin) read(b []byte, i, depth int) error {
	flags := false
	_, err := jsontext.EachMemberAt(b, i, func(name []byte, i int) (end int, err error) {
		switch string(name) {
		case "flags":
			flags = i < len(b) && b[i] == '{'
		case "featureFlags", "segments":
			_, err = jsontext.EachElementAt(b, i, func(i int) (int, error) { return o.readItem(b, i) })
		case "data":
			if depth < scan.MaxWrapping {
				err = o.read(b, i, depth+1)
			}
		}
		if err == errFound {
			return 0, err
		}
		return jsontext.SkipValue(b, i)
	})
	o.flagFile = o.flagFile || flags && depth == 0 && o.platform == nil
	return err
}

// readItem reads a flag or a segment.
func (o *origin) readItem(b []byte, i int) (end int, err error) {
	var id, envID string
	end, err = jsontext.EachMember(b, i, func(name, value []byte) error {
		switch string(name) {
		case "id":
			id, _ = scan.String(value)
		case "envId":
			envID, _ = scan.String(value)
		default:
			for _, p := range o.platforms {
				if slices.Contains(p.Marks, string(name)) {
					o.platform = p
				}
			}
		}
		return nil
	})
	if err != nil {
		return jsontext.SkipValue(b, i) // other items may still be valid
	}
	if o.platform == nil {
		return end, nil
	}
	o.environment = o.platform.ItemEnvironment(id, envID)
	return 0, errFound
}
