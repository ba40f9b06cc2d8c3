//go:build linux

// Command table measures the memory for data, by its kind and entry, and prints
// the table of docs/limits.md. Run it in the root of the repository.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/bounds"
)

const (
	document = "docs/limits.md"
	begin    = "<!-- measured -->\n"
	end      = "<!-- end -->\n"
)

func main() {
	bounds.Main()
	write := flag.Bool("write", false, "write the table into "+document)
	flag.Parse()
	table, err := measure()
	bounds.RemoveProgram()
	if err != nil {
		log.Fatal(err)
	}
	if !*write {
		fmt.Print(table)
		return
	}
	text, err := os.ReadFile(document)
	if err != nil {
		log.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		log.Fatalf("%s has no markers for the table: expected the lines %q and %q", document, begin, end)
	}
	if err := os.WriteFile(document, []byte(before+begin+table+end+after), 0o644); err != nil {
		log.Fatal(err)
	}
}

func measure() (string, error) {
	nothing := make(map[string]int64)
	for _, entry := range bounds.Entries {
		var err error
		if nothing[entry], err = bounds.Nothing(entry); err != nil {
			return "", err
		}
	}
	var t strings.Builder
	fmt.Fprintf(&t, "| Data | At most | %s |\n|---|---|%s\n", strings.Join(bounds.Entries, " | "), strings.Repeat("---|", len(bounds.Entries)))
	for _, in := range bounds.Inputs() {
		message := in.Message(bounds.Size)
		fmt.Fprintf(&t, "| %s | %d |", in.Name, in.Factor)
		for _, entry := range bounds.Entries {
			m, err := bounds.Measure(entry, in.Platform, message, 0)
			if err != nil {
				return "", fmt.Errorf("%s, %s: %w", in.Name, entry, err)
			}
			fmt.Fprintf(&t, " %.1f", m.Multiple(nothing[entry]))
			if m.Err != "" && entry == bounds.EntryServe {
				t.WriteString(", refused")
			}
			t.WriteString(" |")
		}
		t.WriteString("\n")
	}
	large, err := largeServe()
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&t, "\n| ffc serve, %d flags | File | Memory | Processor time until clients can connect | Processor time of a toggle |\n|---|---|---|---|---|\n", bounds.LargeFlags)
	for _, m := range large {
		fmt.Fprintf(&t, "| %s | %.1f MB | %.0f MB | %.2f s | %.2f s |\n", m.Form, float64(m.Size)/1e6, float64(m.Peak)/1e6, m.Start.Seconds(), m.Toggle.Seconds())
	}
	return t.String(), nil
}

// largeServe measures a few times: other programs only make times longer.
func largeServe() ([]bounds.LargeServe, error) {
	var best []bounds.LargeServe
	for range 3 {
		all, err := bounds.MeasureLargeServe()
		if err != nil {
			return nil, err
		}
		if best == nil {
			best = all
		}
		for i, m := range all {
			best[i].Start, best[i].Toggle = min(best[i].Start, m.Start), min(best[i].Toggle, m.Toggle)
			best[i].Peak = max(best[i].Peak, m.Peak)
		}
	}
	return best, nil
}
