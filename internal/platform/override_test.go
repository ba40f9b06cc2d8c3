package platform_test

import (
	"errors"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

func TestOverrideServesOneVariation(t *testing.T) {
	for name, test := range map[string]struct {
		codec  *platform.Codec
		format flagjson.Format
	}{
		classic.Name: {classic.Protocol().CodecOf(""), flagjson.TestClassic()},
		featbit.Name: {featbit.Protocol().CodecOf(""), flagjson.FeatBit{EnvID: flagjson.TestEnvID}},
	} {
		raw := test.format.Flag(&flagjson.Flag{Key: "banner", On: true, Values: []string{"none", "win\"ter", "2"}}, 1700000000000)
		before, err := test.codec.DecodeFlag(raw)
		if err != nil {
			t.Fatal(err)
		}
		for wanted, value := range map[string]string{"win\"ter": "win\"ter", "2": "2", before.Variations[0].ID: before.Variations[0].Value} {
			changed, err := test.codec.Override(raw, wanted)
			if err != nil {
				t.Errorf("%s: %s: %v", name, wanted, err)
				continue
			}
			f, err := test.codec.DecodeFlag(changed)
			if err != nil || f.Enabled || f.Variations[f.Off].Value != value {
				t.Errorf("%s: %s: flag %+v, error %v", name, wanted, f, err)
			}
			for _, member := range []string{"timestamp", "updatedAt"} {
				if was, is := jsontext.Find(raw, member), jsontext.Find(changed, member); string(was) != string(is) {
					t.Errorf("%s: the version is %s, was %s", name, is, was)
				}
			}
		}
		for _, bad := range []string{"summer", ""} {
			if _, err := test.codec.Override(raw, bad); !errors.Is(err, platform.ErrNoVariation) {
				t.Errorf("%s: %q: error %v", name, bad, err)
			}
		}
		if _, err := test.codec.Override([]byte(`{"ff":1}`), "x"); err == nil {
			t.Errorf("%s: no error for a flag that is malformed", name)
		}
	}
}
