// Package featbit has what is special about FeatBit: secrets, messages, events.
package featbit

import (
	"errors"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

// Name is the name of FeatBit in settings.
const Name = "featbit"

// Protocol returns the protocol of FeatBit. It is always the same.
func Protocol() *platform.Protocol { return &protocol }

var protocol = platform.Protocol{
	Name:                   Name,
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
	AppendUser:             appendUser,
	AppendEvaluation:       appendEvaluation,
	AppendMetric:           appendMetric,
	Owns:                   isSecret,
	Misfit:                 func(string) error { return errors.New("FeatBit's secrets have 44 characters") },
	CheckSecret:            checkSecret,
	Environment:            environmentOf,
	EnvironmentIgnoresCase: true,
	DescribeEnvironment:    func(string) string { return "" },
	NewReader:              func(string) platform.Reader { return reader{} },
	Marks:                  []string{"updatedAt", "isEnabled", "fallthrough"},
	ItemEnvironment: func(_, envID string) string {
		if isGUIDText(envID) {
			return strings.ToLower(envID)
		}
		return ""
	},
}
