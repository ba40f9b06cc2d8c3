package local

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// largeText is the size in bytes from which the text of a file is collected at once
// when a change replaces it.
const largeText = 16 << 20

// statusError is an error with the HTTP status of the response.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

// edit changes a flag in the file and serves it.
func (p *Platform) edit(key string, c flagfile.Change) (flagView, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	view := p.shown.Load().view
	i, ok := view.index[key]
	if !ok {
		return flagView{}, &statusError{http.StatusNotFound, fmt.Errorf("there is no flag %s", flagfile.Quote(key))}
	}
	if err := c.Check(view.flags[i].variationIDs()); err != nil {
		return flagView{}, &statusError{http.StatusBadRequest, err}
	}
	version := max(time.Now().UnixMilli(), view.flags[i].Version+1)
	text, err := p.file.doc.Edit(key, c, version)
	if err != nil {
		return flagView{}, &statusError{http.StatusBadRequest, err}
	}
	if bytes.Equal(text, p.file.text) {
		return view.flags[i], nil
	}
	doc, _, err := flagfile.ParseChanged(p.file.doc, text, p.platform.String())
	if err != nil {
		return flagView{}, &statusError{http.StatusInternalServerError, fmt.Errorf("the change would make the file invalid: %w", err)}
	}
	if err := p.file.write(text); err != nil {
		if errors.Is(err, errChanged) {
			return flagView{}, &statusError{http.StatusConflict, fmt.Errorf("%w: the change was not made; check the new content, and try again", err)}
		}
		return flagView{}, &statusError{http.StatusInternalServerError, fmt.Errorf("cannot write the change: %w", err)}
	}
	if err := p.accept(text, doc, []string{key}); err != nil {
		return flagView{}, &statusError{http.StatusInternalServerError, err}
	}
	if len(text) > largeText {
		runtime.GC() // the old text is garbage: two of them would exceed the memory that the next toggle needs
	}
	view = p.shown.Load().view
	return view.flags[view.index[key]], nil
}
