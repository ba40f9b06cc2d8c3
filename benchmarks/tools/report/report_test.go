package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	name := "BenchmarkEvaluate/events=off/scenario=s1/user=shared/cores=1"
	text := "cpu: Some CPU\n" +
		name + "-2   100   30.5 ns/op   8 B/op   1 allocs/op\n" +
		name + "-2   100   20.5 ns/op   9 B/op   1 allocs/op\n" +
		name + "-2   100   40.5 ns/op   7 B/op   1 allocs/op\nPASS\n"
	if err := os.WriteFile(filepath.Join(folder, "ffc.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if r.machine != "Some CPU" {
		t.Errorf("the machine is %q", r.machine)
	}
	if ns, ok := r.time("ffc", name); !ok || ns != 20.5 {
		t.Errorf("the time is %v, %v, expected the best, 20.5", ns, ok)
	}
	if bytes, ok := r.median("ffc", name, "B/op"); !ok || bytes != 8 {
		t.Errorf("the bytes are %v, %v, expected the median, 8", bytes, ok)
	}
	if _, ok := r.time("statsig", name); ok {
		t.Error("there is a time of a peer that was not measured")
	}
}

func TestBetween(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- x:begin -->", "<!-- x:end -->"
	got, err := between("a\n"+begin+"\nold\n"+end+"\nb\n", "x", "new\n")
	if want := "a\n" + begin + "\nnew\n" + end + "\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	for _, document := range []string{"", begin, end + begin, "<!-- y:begin --><!-- y:end -->"} {
		if got, err := between(document, "x", "new"); err == nil {
			t.Errorf("%q became %q, expected an error", document, got)
		}
	}
}

// TestRunRewritesDocuments: a run puts its figures into the README and the docs
// of a repository, and leaves everything else.
func TestRunRewritesDocuments(t *testing.T) {
	t.Parallel()
	folder, repository := t.TempDir(), t.TempDir()
	write(t, folder, "ffc.txt", benchmark("off", "S1", "shared", "1")+"-2 9 30.5 ns/op 0 B/op 0 allocs/op\n"+
		benchmark("kept", "S1", "shared", "1")+"-2 9 60.5 ns/op 0 B/op 0 allocs/op\n"+
		"BenchmarkTraffic/users=ten-flags-2 1 11.00 requests 178.6 sent-B/evaluation\n")
	write(t, folder, "posthog.txt", benchmark("on", "S1", "shared", "1")+"-2 9 1200 ns/op 360 B/op 10 allocs/op\n")
	write(t, folder, "cold.txt", "ffc 1000 10 3.7 3.5 0 0 3.6 0 7782 0 1482752\n")
	write(t, folder, "size.txt", "empty 1024 1 1\nffcpoll 3072 2 2\nposthog 2048 2 2\n")
	write(t, folder, "lambda.txt", "BenchmarkColdStart/no-client-2 9 2.4 init-ms 0.3 first-ms\n")
	write(t, repository, "README.md", "before\n<!-- benchmarks:begin -->\nstale figures\n<!-- benchmarks:end -->\nafter\n")
	write(t, repository, "docs/performance.md", "<!-- benchmarks:begin -->\n<!-- benchmarks:end -->\n<!-- traffic:begin -->\n<!-- traffic:end -->\n")
	write(t, repository, "docs/lambda.md", "<!-- lambda:begin -->\n<!-- lambda:end -->\n")
	if err := run(folder, repository, ""); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"README.md": {"before\n", "\nafter\n", "| **this SDK** | 30.5 ns | 60.5 ns | 3.7 ms | 2 |\n",
			"| posthog | – | 1200 ns, 360 B in 10 | – | 1 |\n"},
		"docs/performance.md": {"| **ffc, events on, every one kept** | 60.5 ns |", "| ffcpoll | 2 | 2 | 2 |\n", "| ffc | – | – | 179 | 11 |"},
		"docs/lambda.md":      {"| aws-lambda-go alone | 2.4 ms | 0.3 ms |\n"},
	} {
		text, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, text)
			}
		}
		if strings.Contains(string(text), "stale figures") {
			t.Errorf("%s still has what was there:\n%s", name, text)
		}
	}
}

// TestRunRewritesOnlyOnePart: counts can be renewed without the times beside them.
func TestRunRewritesOnlyOnePart(t *testing.T) {
	t.Parallel()
	folder, repository := t.TempDir(), t.TempDir()
	write(t, folder, "ffc.txt", "BenchmarkTraffic/users=each-2 1 11.00 requests 368.9 sent-B/evaluation\n"+
		"BenchmarkTraffic/users=one-2 1 1.000 requests 0.04 sent-B/evaluation\n")
	write(t, repository, "docs/performance.md", "<!-- benchmarks:begin -->\nother figures\n<!-- benchmarks:end -->\n"+
		"<!-- traffic:begin -->\nstale figures\n<!-- traffic:end -->\n")
	if err := run(folder, repository, "traffic"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(repository, "docs/performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	if !strings.Contains(got, "other figures") || strings.Contains(got, "stale figures") || !strings.Contains(got, "| ffc | 369 | 11 | – | – | 0.04 | 1 |\n") {
		t.Errorf("the file is:\n%s", got)
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
