package platform

import (
	"fmt"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

func newClassic() *Protocol {
	return &Protocol{
		Name:                ClassicName,
		Title:               "featureflag.co",
		DefaultBaseURL:      "https://api.featureflag.co",
		SecretHeader:        "envSecret",
		EventsPath:          "/api/public/track",
		EventsType:          "application/json",
		PollPaths:           []string{"/api/public/sdk/latest-feature-flags", "/api/public/sdk/latest-feature-flag"},
		StreamQuery:         "&type=server&version=2",
		AcceptsOldTokens:    true,
		Ping:                `{"messageType":"ping","data":null}`,
		PingInterval:        10 * time.Second,
		UserTags:            true,
		KeyNames:            []string{"key", "keyid"},
		Semantics:           eval.Classic(),
		EvaluationList:      `,"userVariations":[`,
		AppendUser:          appendClassicUser,
		AppendEvaluation:    appendClassicEvaluation,
		AppendMetric:        appendClassicMetric,
		Environment:         classicEnvironment,
		DescribeEnvironment: describeClassicEnvironment,
		owns: func(secret string) bool {
			_, err := flagIDPrefix(secret)
			return err == nil
		},
		codecOf: func(environment string) *Codec {
			if environment == "" {
				return ClassicCodec("")
			}
			return ClassicCodec(environment + "__")
		},
		codec:  classicCodecOf,
		misfit: classicMisfit,
		marks:  []string{"timestamp", "ff"},
		itemEnvironment: func(id, _ string) string {
			if prefix, _, ok := splitFlagID(id); ok && strings.HasPrefix(prefix, "FF__") {
				return strings.TrimSuffix(prefix, "__")
			}
			return ""
		},
	}
}

// ClassicCodec returns the codec of featureflag.co for the environment whose flag
// ids start with prefix. If prefix is empty, flags of any environment are
// accepted, but all flags of a message must be of the same environment.
func ClassicCodec(prefix string) *Codec {
	data := classicData{prefix}
	return &Codec{Protocol: Classic(), Update: contained(data.update), DecodeFlag: data.flag, DecodeSegment: data.segment}
}

func classicCodecOf(secret string) (*Codec, string, error) {
	prefix, err := flagIDPrefix(secret)
	if err != nil {
		return ClassicCodec(""), secret, err
	}
	return ClassicCodec(prefix), padSecret(secret), nil
}

// classicEnvironment returns FF__account__project__environment.
func classicEnvironment(secret string) string {
	prefix, _ := flagIDPrefix(secret)
	return strings.TrimSuffix(prefix, "__")
}

// describeClassicEnvironment describes an environment whose account, project and
// environment are numbers, as the platform assigns them.
func describeClassicEnvironment(secret string) string {
	parts := strings.Split(strings.Trim(classicEnvironment(secret), "_"), "__") // FF, account, project, environment
	if len(parts) != 4 || strings.Trim(strings.Join(parts[1:], ""), "0123456789") != "" {
		return ""
	}
	return fmt.Sprintf("account %s, project %s, environment %s", parts[1], parts[2], parts[3])
}

func classicMisfit(secret string) error {
	_, err := flagIDPrefix(secret)
	return fmt.Errorf("for featureflag.co, %w", err)
}
