package local

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// statusError is an error with the HTTP status of the response.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }

// edit changes a flag in the file and serves it. It reads the file, but keeps no more
// of it in memory than the flag.
func (p *Platform) edit(key string, c flagfile.Change) (flagView, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	view := p.shown.Load().view
	if _, ok := view.doc.Index(key); !ok {
		return flagView{}, &statusError{http.StatusNotFound, fmt.Errorf("there is no flag %s", flagfile.Quote(key))}
	}
	if err := c.Check(p.variationIDs(view.codec, key)); err != nil {
		return flagView{}, &statusError{http.StatusBadRequest, err}
	}
	if err := p.change(key, c); err != nil {
		return flagView{}, err
	}
	return p.newRenderer().flag(key), nil
}

// change changes a flag in the file and serves it.
func (p *Platform) change(key string, c flagfile.Change) error {
	old, err := p.file.open()
	if err != nil {
		return writeFailed(err)
	}
	defer old.Close()
	_, version := p.server.FlagJSON(key)
	edit, err := p.file.doc.Edit(old, key, c, max(time.Now().UnixMilli(), version+1))
	if err != nil {
		return p.editFailed(http.StatusBadRequest, err)
	}
	if edit.Text == nil {
		return nil
	}
	doc, part, err := p.file.doc.Edited(old, edit)
	if err != nil {
		return p.editFailed(http.StatusInternalServerError, fmt.Errorf("the change would make the file invalid: %w", err))
	}
	if err := p.file.write(old, edit); err != nil {
		return writeFailed(err)
	}
	if err := p.accept(doc, part); err != nil {
		return &statusError{http.StatusInternalServerError, err}
	}
	return nil
}

// editFailed returns the error of an edit, or the reason: a file that has changed has
// another text where the flag was.
func (p *Platform) editFailed(status int, err error) error {
	if !p.file.sameText() {
		return writeFailed(fmt.Errorf("%s %w", p.file.path, errChanged))
	}
	return &statusError{status, err}
}

// writeFailed returns the error of a change that was not written.
func writeFailed(err error) error {
	if errors.Is(err, errChanged) {
		return &statusError{http.StatusConflict, fmt.Errorf("%w: the change was not made; check the new content, and try again", err)}
	}
	return &statusError{http.StatusInternalServerError, fmt.Errorf("cannot write the change: %w", err)}
}
