// Package classic has what is special about featureflag.co: secrets, messages,
// events.
package classic

import (
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// Name is the name of featureflag.co in settings.
const Name = "classic"

// Protocol returns the protocol of featureflag.co. It is always the same.
func Protocol() *platform.Protocol { return &protocol }

var protocol = platform.Protocol{
	Name:             Name,
	Title:            "featureflag.co",
	DefaultBaseURL:   "https://api.featureflag.co",
	SecretHeader:     "envSecret",
	EventsPath:       "/api/public/track",
	EventsType:       "application/json",
	PollPaths:        []string{"/api/public/sdk/latest-feature-flags", "/api/public/sdk/latest-feature-flag"},
	StreamQuery:      "&type=server&version=2",
	AcceptsOldTokens: true,
	Ping:             `{"messageType":"ping","data":null}`,
	PingInterval:     10 * time.Second,
	UserTags:         true,
	KeyNames:         []string{"key", "keyid"},
	Semantics:        eval.Classic(),
	EvaluationList:   `,"userVariations":[`,
	AppendUser:       appendUser,
	AppendEvaluation: appendEvaluation,
	AppendMetric:     appendMetric,
	Owns: func(secret string) bool {
		_, err := flagIDPrefix(secret)
		return err == nil
	},
	Misfit:              misfit,
	CheckSecret:         checkSecret,
	Environment:         environmentOf,
	DescribeEnvironment: describeEnvironment,
	NewReader:           newReader,
	Marks:               []string{"timestamp", "ff"},
	ItemEnvironment: func(id, _ string) string {
		if prefix, _, ok := splitFlagID(id); ok && strings.HasPrefix(prefix, "FF__") {
			return strings.TrimSuffix(prefix, separator)
		}
		return ""
	},
}
