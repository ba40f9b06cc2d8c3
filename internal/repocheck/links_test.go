package repocheck

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	fences   = regexp.MustCompile("(?ms)^```.*?^```")
	spans    = regexp.MustCompile("`[^`\n]*`")
	links    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	headings = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	linkText = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// TestLinksResolve: each relative link of each document leads to a file of the
// repository, and to a heading of it if it names one.
func TestLinksResolve(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".md" {
			continue
		}
		document := spans.ReplaceAllString(fences.ReplaceAllString(readFile(t, file), ""), "")
		for _, link := range links.FindAllStringSubmatch(document, -1) {
			if strings.Contains(link[1], "://") {
				continue
			}
			checked++
			if problem := follow(t, file, link[1]); problem != "" {
				t.Errorf("%s: %s: %s", file, link[1], problem)
			}
		}
	}
	if checked < 50 {
		t.Errorf("only %d links were found", checked)
	}
}

// follow returns what is wrong with a link.
func follow(t *testing.T, from, link string) string {
	file, anchor, named := strings.Cut(link, "#")
	target := from
	if file != "" {
		target = path.Join(path.Dir(from), file)
	}
	if !fs.ValidPath(target) {
		return "leads out of the repository"
	}
	if _, err := fs.Stat(os.DirFS(root), target); err != nil {
		return "no such file"
	}
	if named && (path.Ext(target) != ".md" || !anchors(readFile(t, target))[anchor]) {
		return "no such heading"
	}
	return ""
}

// anchors returns the names that GitHub gives the headings of a document.
func anchors(document string) map[string]bool {
	names := make(map[string]bool)
	for _, heading := range headings.FindAllStringSubmatch(fences.ReplaceAllString(document, ""), -1) {
		text := linkText.ReplaceAllString(heading[1], "$1")
		names[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, text)] = true
	}
	return names
}

// TestAnchors: headings are named as GitHub does it.
func TestAnchors(t *testing.T) {
	t.Parallel()
	got := anchors("# 401, 403: *refused*\n```\n# no heading\n```\n## `ffc.New`, [the client](x.md)\n")
	if len(got) != 2 || !got["401-403-refused"] || !got["ffcnew-the-client"] {
		t.Errorf("got %v", got)
	}
}
