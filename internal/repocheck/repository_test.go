// Package repocheck tests the repository itself: what packages import, that
// exported names have examples, that links and snippets in documents work, and
// that the tests, exported names, sections and messages that documents name exist.
package repocheck

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// module is what the paths of this module's packages begin with.
const module = "github.com/feature-flags-co/ffc-server-go-sdk/"

// root is the path of the repository from this directory.
var root = filepath.Join("..", "..")

// repositoryFiles returns the paths of all files, relative to root and with
// slashes.
func repositoryFiles(t *testing.T) (paths []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.Name() == ".git":
			if d.IsDir() {
				return fs.SkipDir
			}
		case !d.IsDir():
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// readFile returns the content of a file whose path is relative to root.
func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// goList returns the output of go list in root.
func goList(t *testing.T, args ...string) string {
	t.Helper()
	repositoryFiles(t) // makes go test look at changes of files, rather than at its cache
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(cmd.Args[1:], " "), err)
	}
	return string(out)
}
