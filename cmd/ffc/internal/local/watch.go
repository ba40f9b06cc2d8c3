package local

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

const (
	// lookInterval is the interval of checks of the file.
	lookInterval = 250 * time.Millisecond
	// settled is how old a change has to be for the time of the next one to
	// differ, on any file system.
	settled = 2 * time.Second
	// rereadInterval is how often the file is read although its metadata is the
	// same: its content may have been replaced in place, and its time set back.
	rereadInterval = 2 * time.Second
)

// watch checks the file until ctx ends.
func (p *Platform) watch(ctx context.Context) {
	tick := time.NewTicker(lookInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			p.look()
		case <-ctx.Done():
			return
		}
	}
}

// look serves the file's content if it is new.
func (p *Platform) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	var now stamp
	if info, err := os.Stat(p.file.path); err == nil {
		now = stamp{info, time.Now()}
		if p.file.seen.holds(info, now.at) {
			return
		}
		if p.file.doubt == "" && p.shown.Load().problem == "" && p.file.sameText() {
			p.file.saw(now)
			return
		}
	}
	text, err := readFile(p.file.path)
	switch {
	case err != nil:
		err = fmt.Errorf("cannot be read, so the previous flags are still served: %w", err)
	case sumOf(text) != p.file.sum:
		err = p.load(text)
	case p.shown.Load().problem != "":
		p.showProblem("")
	}
	if err != nil && !p.believe(flagfile.Explain(p.cfg.File, text, err)) {
		return
	}
	if err == nil {
		p.file.doubt = ""
	}
	p.file.saw(now)
}

// saw records a check, unless the file is so new that another change could have the
// same time.
func (f *file) saw(now stamp) {
	if now.info != nil && now.at.Sub(now.info.ModTime()) > settled {
		f.seen = now
	}
}

// load serves a new text of the file, or returns its error.
func (p *Platform) load(text []byte) error {
	doc, _, err := flagfile.ParseChanged(p.file.doc, text, p.platform.String())
	if err != nil {
		return err
	}
	p.limitLoading(doc)
	err = p.accept(doc, doc.Changed())
	p.limitLoaded()
	if err != nil {
		return err
	}
	p.file.sum = sumOf(text)
	p.cfg.Log(p.cfg.File + ": changed, and served")
	return nil
}

// accept serves doc. part has the flags that differ from those that are served; nil:
// all flags.
func (p *Platform) accept(doc *flagfile.Document, part *flagfile.Part) error {
	var err error
	if part == nil {
		part = doc.Whole()
		err = p.server.Replace(part.Data)
	} else if err = p.server.Merge(part.Data); err == nil {
		p.archiveOthers(doc)
	}
	if err != nil {
		return err
	}
	d, err := newDescription(doc, p.platform, p.server.EnvSecret, p.shown.Load().view)
	if err != nil {
		return err
	}
	d.add(part)
	doc.Served()
	p.file.doc = doc
	p.showView(d.done())
	return nil
}

// archiveOthers archives the flags that are served but not in doc.
func (p *Platform) archiveOthers(doc *flagfile.Document) {
	for i := range p.file.doc.Len() {
		key := p.file.doc.Key(i)
		if _, known := doc.Index(key); !known {
			p.server.Archive(key)
		}
	}
}

// believe reports whether two checks in a row had the same problem: a program may
// still be writing the file. The second time the problem is shown.
func (p *Platform) believe(problem string) bool {
	if p.file.doubt != problem {
		p.file.doubt = problem
		return false
	}
	if p.shown.Load().problem != problem {
		p.showProblem(problem)
	}
	return true
}

// showProblem shows a problem of the file, while the previous flags are served; ""
// means that the problem is solved.
func (p *Platform) showProblem(problem string) {
	next := *p.shown.Load()
	next.problem = problem
	p.shown.Store(&next)
	p.live.stateChanged()
	if problem == "" {
		problem = p.cfg.File + ": valid again, unchanged"
	}
	p.cfg.Log(problem)
}
