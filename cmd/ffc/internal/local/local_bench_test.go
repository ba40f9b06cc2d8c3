package local

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// benchmarkFlags is the number of flags that ffc serve has to be quick with.
const benchmarkFlags = 20_000

// inEachForm runs a benchmark with a large file of each form.
func inEachForm(b *testing.B, run func(b *testing.B, path string)) {
	simple := largeFile(benchmarkFlags)
	for name, platform := range map[string]string{"simple": "", "classic": classic.Name, "featbit": featbit.Name} {
		b.Run(name, func(b *testing.B) {
			text := []byte(simple)
			if platform != "" {
				doc, _, err := flagfile.Parse(text, platform)
				if err != nil {
					b.Fatal(err)
				}
				text = doc.Data()
			}
			path := filepath.Join(b.TempDir(), "flags.json")
			if err := os.WriteFile(path, text, 0o600); err != nil {
				b.Fatal(err)
			}
			run(b, path)
		})
	}
}

// BenchmarkStart is what happens until the first client can connect.
func BenchmarkStart(b *testing.B) {
	inEachForm(b, func(b *testing.B, path string) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := New(Config{File: path}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkToggle switches a flag on the page.
func BenchmarkToggle(b *testing.B) {
	inEachForm(b, func(b *testing.B, path string) {
		p, err := New(Config{File: path})
		if err != nil {
			b.Fatal(err)
		}
		on, i := false, 0
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.edit("flag-"+strconv.Itoa(i%benchmarkFlags), flagfile.Change{On: new(on)}); err != nil {
				b.Fatal(err)
			}
			i, on = i+701, !on
		}
	})
}

// BenchmarkEvaluate is the evaluation on the page after a change.
func BenchmarkEvaluate(b *testing.B) {
	inEachForm(b, func(b *testing.B, path string) {
		p, err := New(Config{File: path})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.explain("flag-7", ffc.NewUser("u")); err != nil {
				b.Fatal(err)
			}
		}
	})
}
