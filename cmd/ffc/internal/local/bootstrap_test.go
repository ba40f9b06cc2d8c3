package local

import (
	"bytes"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

func TestBootstrap(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, p ffctest.Platform) {
		data, err := flagfile.Bootstrap("flags.json", []byte(`{"flags":{"a":{"variations":["x","y"],"targets":{"y":["ann"]}}}}`), p.String())
		if err != nil {
			t.Fatal(err)
		}
		client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: data})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close(t.Context())
		if got := client.Variation(t.Context(), "a", ffc.NewUser("ann"), ""); got != "y" {
			t.Errorf("got %q", got)
		}
		snapshot := p.Snapshot(ffctest.Flag("a"))
		for _, other := range [][]byte{snapshot, []byte(`{"success":true,"data":{"featureFlags":[]}}`), []byte(`[]`)} {
			if got, err := flagfile.Bootstrap("flags.json", other, ""); err != nil || !bytes.Equal(got, other) {
				t.Errorf("%s: got %s, %v", other, got, err)
			}
		}
	})
	for text, want := range map[string]string{
		"{\n \"flags\": 1}": "flags.json:2:11: expected an object, got the number 1",
		`{"flgas":{}}`:      `flags.json:1:2: `,
		`{"flags":`:         "flags.json:1:",
	} {
		if _, err := flagfile.Bootstrap("flags.json", []byte(text), ""); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v", text, err)
		}
	}
	if _, err := flagfile.Bootstrap("flags.json", []byte(`{}`), "featbti"); err == nil {
		t.Error("there is no such platform")
	}
}
