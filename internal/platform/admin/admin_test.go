package admin_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/admin"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
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
			changed, err := admin.Override(test.codec, raw, wanted)
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
			if _, err := admin.Override(test.codec, raw, bad); !errors.Is(err, admin.ErrNoVariation) {
				t.Errorf("%s: %q: error %v", name, bad, err)
			}
		}
		if _, err := admin.Override(test.codec, []byte(`{"ff":1}`), "x"); err == nil {
			t.Errorf("%s: no error for a flag that is malformed", name)
		}
	}
}

func TestProtocolOfEnvironment(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"FF__11__22__33":                       classic.Name,
		"6f9619ff-8b86-d011-b42d-00cf4fc964ff": featbit.Name,
		"6F9619FF-8B86-D011-B42D-00CF4FC964FF": featbit.Name,
		"ff__11__22__33":                       "",
		"prod":                                 "",
		"":                                     "",
	} {
		got := ""
		if p := admin.ProtocolOfEnvironment(name); p != nil {
			got = p.Name
		}
		if got != want {
			t.Errorf("%q is an environment of %q, want %q", name, got, want)
		}
	}
}

// TestEveryPlatformCanBeOverridden: a platform that is registered is known here,
// too.
func TestEveryPlatformCanBeOverridden(t *testing.T) {
	t.Parallel()
	formats := map[string]flagjson.Format{classic.Name: flagjson.TestClassic(), featbit.Name: flagjson.FeatBit{EnvID: flagjson.TestEnvID}}
	for _, p := range registry.All() {
		raw := formats[p.Name].Flag(&flagjson.Flag{Key: "banner", Values: []string{"none", "winter"}}, 1)
		if got := admin.Values(p.CodecOf(""), raw); !slices.Equal(got, []string{"none", "winter"}) {
			t.Errorf("%s: values %q", p.Name, got)
		}
		if got := admin.NewSecret(p, "prod"); got != "" {
			t.Errorf("%s: a secret of an environment that cannot be: %q", p.Name, got)
		}
	}
}
