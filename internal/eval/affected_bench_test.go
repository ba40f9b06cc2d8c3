package eval_test

import (
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// BenchmarkAffected is a patch of one flag of many; one flag in ten has a
// prerequisite or uses a segment.
func BenchmarkAffected(b *testing.B) {
	for _, count := range []int{10, 1_000, 10_000} {
		b.Run(fmt.Sprint(count), func(b *testing.B) {
			source, _ := newSource()
			u := &store.Update{Full: true}
			for i := range count {
				it := item(fmt.Sprint("flag-", i), 1, newFlag())
				it.Alone = true
				switch i % 20 {
				case 5:
					it = item(it.Key, 1, newFlag(requires(fmt.Sprint("flag-", i-5))))
				case 15:
					it = item(it.Key, 1, newFlag(when(inSegments(fmt.Sprint("segment-", i%50)))))
				}
				u.Flags = append(u.Flags, it)
			}
			for i := range 50 {
				it := item(fmt.Sprint("segment-", i), 1, model.Segment{Included: model.Texts("u")})
				it.Alone = true
				u.Segments = append(u.Segments, it)
			}
			s, _ := eval.NewSnapshot(source).Apply(u, 0)
			patch := item("flag-0", 2, newFlag())
			patch.Alone = true
			s, change := s.Apply(&store.Update{Flags: []store.Item{patch}}, 0)
			if got := len(s.Affected(change)); got != 2 { // which also reads what refers to what
				b.Fatalf("%d flags are affected, expected flag-0 and flag-5", got)
			}
			b.ReportAllocs()
			for b.Loop() {
				s.Affected(change)
			}
		})
	}
}
