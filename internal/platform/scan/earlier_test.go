package scan_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// TestEarlierItemsAreNotReadAgain: an item that a message repeats byte for byte is
// found whatever was added, removed, changed or moved before it.
func TestEarlierItemsAreNotReadAgain(t *testing.T) {
	t.Parallel()
	classicFlag := func(key string, version int) string {
		return fmt.Sprintf(`{"id":"FF__11__22__33__%s","timestamp":%d,"ff":{}}`, key, version)
	}
	featbitFlag := func(key string, version int) string {
		return fmt.Sprintf(`{"key":%q,"updatedAt":"2026-01-01T00:00:0%dZ"}`, key, version)
	}
	for _, test := range []struct {
		codec *platform.Codec
		flag  func(key string, version int) string
		read  bool // each time
	}{
		{codec: classic.Protocol().CodecOf("FF__11__22__33"), flag: classicFlag},
		{codec: classic.Protocol().CodecOf(""), flag: classicFlag, read: true}, // the first flag decides about the others
		{codec: featbit.Protocol().CodecOf(""), flag: featbitFlag},
	} {
		message := func(flags string) []byte {
			var texts []string
			for _, f := range strings.Fields(flags) {
				key, changed := strings.CutSuffix(f, "*")
				version := 1
				if changed {
					version = 2
				}
				texts = append(texts, test.flag("flag-"+key, version))
			}
			return []byte(`{"eventType":"full","featureFlags":[` + strings.Join(texts, ",\n") + `],"segments":[]}`)
		}
		for flags, reads := range map[string]int{
			"a b c d e f":         0,
			"a b c* d e f":        1,
			"a* b* c* d* e* f*":   6,
			"a b c d e f g":       1,
			"x a b c d e f":       1,
			"b c d e f":           1, // b shows that a is gone
			"a b e f":             1,
			"a b c x y d* e f":    3,
			"d e f a b c":         2,
			"b a c d e f":         3,
			"a b c d e f a b c d": 1,
		} {
			first, _, err := test.codec.Update(message("a b c d e f"))
			if err != nil {
				t.Fatal(err)
			}
			s, _ := eval.NewSnapshot(test.codec.Source(func(eval.Problem) {})).Apply(first, 0)
			u, skipped, err := test.codec.UpdateAfter(message(flags), s.Earlier())
			if err != nil || len(skipped) > 0 {
				t.Fatal(err, skipped)
			}
			got := 0
			for _, item := range u.Flags {
				if !slices.ContainsFunc(first.Flags, func(f store.Item) bool { return unsafe.StringData(f.Key) == unsafe.StringData(item.Key) }) {
					got++
				}
			}
			if test.read {
				reads = len(u.Flags)
			}
			if got != reads {
				t.Errorf("%s, %s: %d flags are read, want %d", test.codec.Name, flags, got, reads)
			}
		}
	}
}

// FuzzEarlier: a message means the same whatever was read before it.
func FuzzEarlier(f *testing.F) {
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, codec := range []*platform.Codec{classic.Protocol().CodecOf("FF__11__22__33"), classic.Protocol().CodecOf(""), featbit.Protocol().CodecOf("")} {
			s := eval.NewSnapshot(codec.Source(func(eval.Problem) {}))
			if u, _, err := codec.Update(first); err == nil {
				u.Full = true
				s, _ = s.Apply(u, 0)
			}
			want, wantSkipped, wantErr := codec.Update(second)
			got, skipped, err := codec.UpdateAfter(second, s.Earlier())
			if fmt.Sprint(err) != fmt.Sprint(wantErr) || fmt.Sprint(skipped) != fmt.Sprint(wantSkipped) || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: got %+v, %v, %v; want %+v, %v, %v", codec.Name, got, skipped, err, want, wantSkipped, wantErr)
			}
			if err == nil {
				for i := range got.Flags {
					if unsafe.SliceData(got.Flags[i].Raw) != unsafe.SliceData(want.Flags[i].Raw) {
						t.Errorf("%s: flag %q is not in the message", codec.Name, got.Flags[i].Key)
					}
				}
			}
		}
	})
}
