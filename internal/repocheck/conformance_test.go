package repocheck

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var testName = regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz|Example)\\w+)`")

// TestConformanceNamesTests: every test that docs/conformance.md, docs/limits.md,
// docs/failure.md and docs/fleet.md name exists. Every table row names one, and so
// does every list item of failure.md that promises something. Of fleet.md, only
// tables with a column for tests count.
func TestConformanceNamesTests(t *testing.T) {
	t.Parallel()
	sources := map[string]string{} // of the tests, by directory
	for _, document := range []string{"conformance.md", "limits.md", "failure.md", "fleet.md"} {
		text := readDocument(t, document)
		promises := rowsOf(text, func(header string) bool {
			return !unheld.MatchString(header) && (document != "fleet.md" || strings.HasSuffix(header, "| Shown by |"))
		})
		if document == "failure.md" {
			promises = append(promises, itemsOf(text)...)
		}
		for _, promise := range promises {
			if !testName.MatchString(promise) {
				t.Errorf("%s names no test: %s", document, promise)
			}
		}
		if len(promises) < 10 {
			t.Errorf("%s has %d rows", document, len(promises))
		}
		for _, n := range testName.FindAllStringSubmatch(text, -1) {
			dir, function := n[1], n[2]
			if sources[dir] == "" {
				sources[dir] = sourceOf(t, dir, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
			}
			if !strings.Contains(sources[dir], "\nfunc "+function+"(") {
				t.Errorf("%s names %s.%s, which does not exist", document, dir, function)
			}
		}
	}
}

// TestFailureQuotesMessages: the log lines and errors that docs/failure.md
// quotes are in the code, so that a reader finds them.
func TestFailureQuotesMessages(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, dir := range []string{"ffc", "flush", "internal", "transport"} {
		code.WriteString(sourceOf(t, dir, func(file string) bool { return !strings.HasSuffix(file, "_test.go") }))
	}
	quotes := 0
	for _, quote := range regexp.MustCompile("`[^`\n]+`").FindAllString(readDocument(t, "failure.md"), -1) {
		quote = strings.Trim(quote, "`")
		if !strings.Contains(quote, " ") || strings.Contains(quote, "×") { // an identifier or a formula
			continue
		}
		quotes++
		for part := range strings.SplitSeq(strings.TrimPrefix(quote, "Request invalid: "), "…") {
			// Format verbs separate the parts of a message.
			if !strings.Contains(code.String(), strings.TrimSpace(part)) {
				t.Errorf("no message has %q", part)
			}
		}
	}
	if quotes < 20 {
		t.Errorf("failure.md has %d quotes", quotes)
	}
}

// readDocument returns a page without code blocks and measured tables: the text
// around such a table names its tests.
func readDocument(t *testing.T, name string) string {
	t.Helper()
	text := readFile(t, "docs/"+name)
	return regexp.MustCompile("(?s)<!-- measured -->.*?<!-- end -->|\n```.*?\n```").ReplaceAllString(text, "")
}

// unheld are tables that promise nothing of their own: an overview of the
// sections, and examples of a formula.
var unheld = regexp.MustCompile(`^\| (What fails \| Evaluations|T) \|`)

// rowsOf returns the rows of all tables whose header counts, without the headers.
func rowsOf(text string, header func(line string) bool) (rows []string) {
	inTable, counts := false, false
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case !inTable:
			inTable, counts = true, header(line)
		case counts && !strings.HasPrefix(line, "|---"):
			rows = append(rows, line)
		}
	}
	return rows
}

// itemsOf returns the items of lists, without those that a line with a colon
// introduces: they belong to that sentence.
func itemsOf(text string) (items []string) {
	paragraphs := strings.Split(text, "\n\n")
	for i, paragraph := range paragraphs {
		if !strings.HasPrefix(paragraph, "- ") || i > 0 && strings.HasSuffix(paragraphs[i-1], ":") {
			continue
		}
		items = append(items, strings.Split("\n"+paragraph, "\n- ")[1:]...)
	}
	return items
}

// sourceOf returns the Go files below a directory that are wanted.
func sourceOf(t *testing.T, dir string, wanted func(file string) bool) string {
	t.Helper()
	var source strings.Builder
	err := filepath.WalkDir(filepath.Join(root, dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || !wanted(path) {
			return err
		}
		text, err := os.ReadFile(path)
		source.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return source.String()
}
