package wire

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// ForeignError is the error of a snapshot of another platform, or of another
// environment, than a secret's.
type ForeignError struct{ text string }

// Error implements error.
func (e *ForeignError) Error() string { return e.text }

// errFlagFile is the error of a file that ffc serve understands, and the SDK does
// not.
var errFlagFile = errors.New("the data is a flag file of ffc serve: expected a snapshot; ffc snapshot -file makes one of it")

// CheckOrigin returns a *ForeignError if data, a snapshot, is of another platform
// than d, or of another environment than the secret's, and another error if data
// is a flag file of ffc serve. A secret of "" is of any environment. Data that
// does not say where it is from is accepted. The error holds no part of the
// secret.
func CheckOrigin(d *Dialect, secret string, data []byte) error {
	o := originOf(data)
	switch own := EnvironmentOf(d, secret); {
	case o.flagFile:
		return errFlagFile
	case o.platform != "" && o.platform != d.Name:
		return &ForeignError{fmt.Sprintf("expected a snapshot of the platform %s, got one of %s", d.Name, o.platform)}
	case own != "" && o.environment != "" && own != o.environment:
		return &ForeignError{fmt.Sprintf("expected a snapshot of the secret's environment, got one of another environment, %s", o.environment)}
	}
	return nil
}

// EnvironmentOf returns the environment of a secret, FF__account__project__environment
// or a GUID in lower case, or "" if the secret does not tell it.
func EnvironmentOf(d *Dialect, secret string) string {
	if d.Name == PlatformFeatBit {
		if !isFeatBitSecret(secret) {
			return ""
		}
		id, _ := guid(secret[22:])
		// .NET writes the first three groups of a GUID with the lowest byte first.
		return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(id[:]),
			binary.LittleEndian.Uint16(id[4:]), binary.LittleEndian.Uint16(id[6:]), id[8:10], id[10:])
	}
	prefix, err := FlagIDPrefix(secret)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(prefix, "__")
}

// origin is where data says that it is from.
type origin struct {
	platform    string // "" if data does not say
	environment string // FF__account__project__environment or a GUID; "" if data does not say
	flagFile    bool   // the simple form of ffc serve
}

// originOf reads no further than the first item that says where it is from.
func originOf(data []byte) (o origin) {
	data = jsontext.TrimBOM(data)
	_ = o.read(data, jsontext.SkipSpace(data, 0), 0)
	return o
}

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
			if depth < maxWrapping {
				err = o.read(b, i, depth+1)
			}
		}
		if err == errFound {
			return 0, err
		}
		return jsontext.SkipValue(b, i)
	})
	o.flagFile = o.flagFile || flags && depth == 0 && o.platform == ""
	return err
}

// readItem reads a flag or a segment.
func (o *origin) readItem(b []byte, i int) (end int, err error) {
	var id, envID string
	end, err = jsontext.EachMember(b, i, func(name, value []byte) error {
		switch string(name) {
		case "id":
			id, _ = headerString(value)
		case "envId":
			envID, _ = headerString(value)
		case "updatedAt", "isEnabled", "fallthrough":
			o.platform = PlatformFeatBit
		case "timestamp", "ff":
			o.platform = PlatformClassic
		}
		return nil
	})
	if err != nil {
		return jsontext.SkipValue(b, i) // one bad item says nothing about the others
	}
	switch o.platform {
	case "":
		return end, nil
	case PlatformFeatBit:
		if isGUIDText(envID) {
			o.environment = strings.ToLower(envID)
		}
	case PlatformClassic:
		if prefix, _, ok := splitFlagID(id); ok && strings.HasPrefix(prefix, "FF__") {
			o.environment = strings.TrimSuffix(prefix, "__")
		}
	}
	return 0, errFound
}

// isGUIDText reports whether a text is a GUID as people write it.
func isGUIDText(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	_, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	return err == nil
}
