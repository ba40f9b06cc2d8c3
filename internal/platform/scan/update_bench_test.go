package scan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// BenchmarkUpdate takes a full of 1,000 flags apart, as a start does.
func BenchmarkUpdate(b *testing.B) {
	for _, test := range []struct {
		codec *platform.Codec
		flag  string
	}{
		{classic.Protocol().CodecOf(""), `{"_id":"FF__11__22__33__%[1]s","environmentId":33,"exptIncludeAllRules":null,"ff":{"creatorUserId":"62c6ef20b7b5bd6e556e62ea",` +
			`"defaultRulePercentageRollouts":[{"exptRollout":null,"rolloutPercentage":[0,1],"valueOption":{"displayOrder":1,"localId":1,"variationValue":"true"}}],` +
			`"environmentId":33,"id":"FF__11__22__33__%[1]s","isDefaultRulePercentageRolloutsIncludedInExpt":null,"keyName":"%[1]s",` +
			`"lastUpdatedTime":"2026-11-22T06:54:40.5825767Z","name":"%[1]s","status":"Enabled","type":1,` +
			`"variationOptionWhenDisabled":{"displayOrder":2,"localId":2,"variationValue":"false"}},"ffp":[],` +
			`"fftuwmtr":[{"ruleId":"r1","ruleName":"beta","isIncludedInExpt":null,"ruleJsonContent":[{"property":"country","operation":"IsOneOf","value":"[\"FR\",\"BE\"]"}],` +
			`"valueOptionsVariationRuleValues":[{"exptRollout":null,"rolloutPercentage":[0,1],"valueOption":{"displayOrder":1,"localId":1,"variationValue":"true"}}]}],` +
			`"id":"FF__11__22__33__%[1]s","isArchived":false,"targetIndividuals":[],"timestamp":1663656880582,` +
			`"variationOptions":[{"displayOrder":1,"localId":1,"variationValue":"true"},{"displayOrder":2,"localId":2,"variationValue":"false"}]}`},
		{featbit.Protocol().CodecOf(""), `{"envId":"226b9bf8-4af3-4ffa-9b01-162270e4cd40","variationType":"boolean","targetUsers":[],"rules":[{"id":"r1","name":"beta","dispatchKey":null,"includedInExpt":false,` +
			`"conditions":[{"id":"c1","property":"country","op":"IsOneOf","value":"[\"FR\",\"BE\"]"}],"variations":[{"id":"v1","rollout":[0,1],"exptRollout":1}]}],` +
			`"isEnabled":true,"disabledVariationId":"v2","fallthrough":{"dispatchKey":null,"includedInExpt":false,"variations":[{"id":"v1","rollout":[0,1],"exptRollout":1}]},` +
			`"exptIncludeAllTargets":true,"isArchived":false,"key":"%[1]s","name":"%[1]s","id":"%[1]s","createdAt":"2026-01-31T12:00:00Z","updatedAt":"2026-01-31T12:00:00.123Z",` +
			`"variations":[{"id":"v1","value":"true"},{"id":"v2","value":"false"}]}`},
	} {
		b.Run(test.codec.Name, func(b *testing.B) {
			flags := make([]string, 1000)
			for i := range flags {
				flags[i] = fmt.Sprintf(test.flag, fmt.Sprintf("flag-%05d", i))
			}
			message := []byte(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[` + strings.Join(flags, ",") + `],"segments":[]}}`)
			b.SetBytes(int64(len(message)))
			b.ReportAllocs()
			for b.Loop() {
				u, skipped, err := test.codec.Update(message)
				if err != nil || len(skipped) > 0 || len(u.Flags) != len(flags) {
					b.Fatalf("%d flags, %v, %v", len(u.Flags), skipped, err)
				}
			}
		})
	}
}
