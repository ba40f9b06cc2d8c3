package local

import (
	"embed"
	"io/fs"
	"net/http"
	"path"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

//go:embed page
var pageFiles embed.FS

// operatorsScript returns the page's script of the same name, which has the words
// for each operator of the platforms.
func operatorsScript() []byte {
	words := make(map[string]string)
	for o := range model.Operators() {
		words[o.Name] = o.Words
	}
	return append([]byte("export const operators = "), flagfile.Marshal(words)...)
}

// contentType returns the content type of a file of the page. It does not use the
// tables of the system: on some machines scripts are plain text there.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}

// servePage responds with a file of the page. The browser must revalidate it each
// time: the next response may come from another version.
func servePage(w http.ResponseWriter, name string) {
	file, err := fs.ReadFile(pageFiles, path.Join("page", name))
	if name == "operators.js" {
		file, err = operatorsScript(), nil
	}
	kind := contentType(name)
	if err != nil || kind == "" {
		http.Error(w, "there is no such page", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(file) // the browser may be gone
}
