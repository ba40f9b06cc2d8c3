package local

import (
	"bytes"
	"encoding/json"
	"iter"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// stateView is the state that the page shows. state writes it.
type stateView struct {
	stateHead
	Flags    []flagView    `json:"flags"`
	Segments []segmentView `json:"segments"`
	stateTail
}

type stateHead struct {
	Platform  string `json:"platform"`
	EnvSecret string `json:"envSecret"`
	URL       string `json:"url"`
	File      string `json:"file"`
	Problem   string `json:"problem"`
}

type stateTail struct {
	Clients []clientView `json:"clients"`
	Events  totals       `json:"events"`
}

type clientView struct {
	ID        int64  `json:"id"`
	Kind      string `json:"kind"`
	Address   string `json:"address"`
	UserAgent string `json:"userAgent"`
	Since     int64  `json:"since"`
	Seen      int64  `json:"seen"`
}

// statePart is the size in bytes from which a part of a state is yielded.
const statePart = 256 << 10

// state yields the JSON of a stateView in parts, in one line. Each part is valid until
// the next. A flag is described when its turn comes, from the data that clients get: of
// a change in between, a part of the flags may be as before, and another state follows.
func (p *Platform) state() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		r := p.newRenderer()
		head := stateHead{
			Platform:  p.platform.String(),
			EnvSecret: p.server.EnvSecret,
			URL:       p.url,
			File:      p.cfg.File,
			Problem:   r.shown.problem,
		}
		tail := stateTail{Clients: p.clients(), Events: r.totals}
		var out bytes.Buffer
		out.Write(bytes.TrimSuffix(flagfile.Marshal(head), []byte("}")))
		doc := r.shown.view.doc
		ok := appendList(&out, "flags", doc.Len(), func(i int) any { return r.flag(doc.Key(i)) }, yield) &&
			appendList(&out, "segments", len(doc.SegmentIDs()), func(i int) any { return r.segment(doc.SegmentIDs()[i]) }, yield)
		if ok {
			out.WriteByte(',')
			out.Write(flagfile.Marshal(tail)[1:])
			yield(out.Bytes())
		}
	}
}

// appendList appends a list of n items as a member of an object. It yields and empties
// out while the list is long, and reports what yield returns.
func appendList(out *bytes.Buffer, name string, n int, item func(i int) any, yield func([]byte) bool) bool {
	out.WriteString(`,"` + name + `":[`)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(item(i)); err != nil {
			panic("local: " + err.Error())
		}
		out.Truncate(out.Len() - 1) // the end of the line
		if out.Len() >= statePart {
			if !yield(out.Bytes()) {
				return false
			}
			out.Reset()
		}
	}
	out.WriteByte(']')
	return true
}

func (p *Platform) clients() []clientView {
	out := []clientView{}
	for _, peer := range p.server.Peers() {
		kind := "polling"
		if peer.Endpoint == ffctest.Streaming {
			kind = "streaming"
		}
		out = append(out, clientView{
			ID: peer.ID, Kind: kind, Address: peer.Address, UserAgent: peer.UserAgent,
			Since: peer.Since.UnixMilli(), Seen: peer.Seen.UnixMilli(),
		})
	}
	return out
}

// renderer describes flags and segments for the page, as the server has them.
type renderer struct {
	server *ffctest.Server
	shown  *shown
	counts map[string]map[string]int64
	totals totals
	// variations are those of flags that others have as prerequisites.
	variations map[string][]variationView
}

func (p *Platform) newRenderer() *renderer {
	r := &renderer{server: p.server, shown: p.shown.Load(), variations: make(map[string][]variationView)}
	r.counts, r.totals = p.live.counts()
	return r
}

// flag describes a flag. A flag that is gone by now has only its key.
func (r *renderer) flag(key string) flagView {
	out := r.own(key)
	for i := range out.Prerequisites {
		p := &out.Prerequisites[i]
		for _, v := range r.variationsOf(p.Flag) {
			if v.ID == p.Variation {
				p.Value = v.Value
			}
		}
	}
	if counts := r.counts[key]; counts != nil {
		out.Counts = counts
	}
	if i, ok := r.shown.view.index(key); ok {
		out.Warnings = append(out.Warnings, r.shown.view.warnings[i]...)
	}
	return out
}

// own describes a flag without what depends on other flags.
func (r *renderer) own(key string) flagView {
	raw, version := r.server.FlagJSON(key)
	if raw == nil {
		return emptyFlagView(key)
	}
	return viewFlag(r.shown.view.codec, key, version, raw)
}

// keptVariations is how many flags' variations a renderer remembers.
const keptVariations = 1000

// variationsOf returns the variations of a flag that may not exist.
func (r *renderer) variationsOf(key string) []variationView {
	if _, ok := r.shown.view.index(key); !ok {
		return nil
	}
	variations, known := r.variations[key]
	if !known {
		if len(r.variations) == keptVariations {
			clear(r.variations)
		}
		variations = r.own(key).Variations
		r.variations[key] = variations
	}
	return variations
}

func (r *renderer) segment(id string) segmentView {
	raw, _ := r.server.SegmentJSON(id)
	out := viewSegment(r.shown.view.codec, id, raw)
	out.Warnings = append(out.Warnings, r.shown.view.segmentWarnings[id]...)
	return out
}
