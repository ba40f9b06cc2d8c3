package platform

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

func newFeatBit() *Protocol {
	return &Protocol{
		Name:                   FeatBitName,
		Title:                  "FeatBit",
		SecretHeader:           "Authorization",
		EventsPath:             "/api/public/insight/track",
		EventsType:             "application/json; charset=utf-8",
		PollPaths:              []string{"/api/public/sdk/server/latest-all"},
		PollSince:              "timestamp",
		PollHasSegments:        true,
		StreamQuery:            "&type=server",
		Ping:                   `{"messageType":"ping","data":{}}`,
		PingInterval:           15 * time.Second,
		Resume:                 true,
		EmptyIsOdd:             true,
		Semantics:              eval.FeatBit(),
		ItemPerUser:            true,
		EvaluationList:         `,"variations":[`,
		AppendUser:             appendFeatBitUser,
		AppendEvaluation:       appendFeatBitEvaluation,
		AppendMetric:           appendFeatBitMetric,
		Environment:            featBitEnvironment,
		EnvironmentIgnoresCase: true,
		DescribeEnvironment:    func(string) string { return "" },
		owns:                   isFeatBitSecret,
		codecOf:                func(string) *Codec { return FeatBitCodec() },
		codec: func(secret string) (*Codec, string, error) {
			return FeatBitCodec(), secret, checkFeatBitSecret(secret)
		},
		misfit: func(string) error { return errors.New("FeatBit's secrets have 44 characters") },
		marks:  []string{"updatedAt", "isEnabled", "fallthrough"},
		itemEnvironment: func(_, envID string) string {
			if isGUIDText(envID) {
				return strings.ToLower(envID)
			}
			return ""
		},
	}
}

// FeatBitCodec returns the codec of FeatBit, which is the same for every
// environment.
func FeatBitCodec() *Codec {
	var data featBitData
	return &Codec{Protocol: FeatBit(), Update: contained(data.update), DecodeFlag: data.flag, DecodeSegment: data.segment}
}

// checkFeatBitSecret rejects what no secret of FeatBit can contain. It does not
// check the shape: if the platform is configured, the secret may have a newer
// shape.
func checkFeatBitSecret(secret string) error {
	switch {
	case secret == "":
		return errNoSecret
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the secret contains spaces, line breaks or other characters that no secret contains")
	}
	return nil
}

// isFeatBitSecret reports whether secret is two GUIDs. The second is the
// environment and must not be zero (FeatBit reference, section 1).
func isFeatBitSecret(secret string) bool {
	if len(secret) != 44 {
		return false
	}
	_, ok := guid(secret[:22])
	env, ok2 := guid(secret[22:])
	return ok && ok2 && env != [16]byte{}
}

// guid decodes 16 bytes.
func guid(text string) (id [16]byte, ok bool) {
	n, err := base64.RawURLEncoding.Decode(id[:], []byte(text))
	return id, err == nil && n == len(id)
}

// featBitEnvironment returns the GUID of the environment in its usual text
// form.
func featBitEnvironment(secret string) string {
	if !isFeatBitSecret(secret) {
		return ""
	}
	id, _ := guid(secret[22:])
	// .NET writes the first three groups of a GUID with the lowest byte first.
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(id[:]),
		binary.LittleEndian.Uint16(id[4:]), binary.LittleEndian.Uint16(id[6:]), id[8:10], id[10:])
}

// isGUIDText reports whether s is a GUID in its usual text form.
func isGUIDText(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	_, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	return err == nil
}
