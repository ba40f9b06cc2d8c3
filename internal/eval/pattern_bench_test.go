//go:build !race

package eval_test

import (
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// BenchmarkPattern has patterns on both engines, and texts that decide which.
func BenchmarkPattern(b *testing.B) {
	const email = `^[\w.+-]+@[\w-]+\.[\w.-]+$`
	for _, test := range []struct{ name, pattern, text string }{
		{"engine=go", email, "ann.example@example.com"},
		{"engine=second/not ASCII", email, "josé@example.com"},
		{"engine=second/look-ahead", `^(?!internal)\w+`, "external"},
		{"engine=second/1024 characters", `^(?!internal)\w+$`, strings.Repeat("a", 1024)},
	} {
		b.Run(test.name, func(b *testing.B) {
			b.ReportAllocs()
			s, _ := featBit(b, []string{featBitFlag("f", featBitRules("["+condition("p", "MatchRegex", test.pattern)+"]"))}, nil)
			f := s.Flag("f")
			u := &eval.User{Key: "u", Custom: []eval.CustomAttribute{{Name: "p", Value: test.text}}}
			for b.Loop() {
				_, _ = eval.Evaluate(s, f, u, nil)
			}
		})
	}
	b.Run("compile", func(b *testing.B) {
		b.ReportAllocs()
		flag := featBitFlag("f", featBitRules("["+condition("p", "MatchRegex", email)+"]"))
		for b.Loop() {
			s, _ := featBit(b, []string{flag}, nil)
			s.Flag("f")
		}
	})
}
