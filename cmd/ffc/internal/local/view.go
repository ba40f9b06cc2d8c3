package local

import (
	"encoding/json"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// view is the flags and segments as the page shows them. It does not change.
type view struct {
	flags    []flagView
	segments []segmentView
	index    map[string]int // of flags by key
}

type flagView struct {
	Key           string             `json:"key"`
	Name          string             `json:"name"`
	On            bool               `json:"on"`
	Version       int64              `json:"version"`
	Variations    []variationView    `json:"variations"`
	OffVariation  string             `json:"offVariation"`
	Targets       []targetView       `json:"targets"`
	Prerequisites []prerequisiteView `json:"prerequisites"`
	Rules         []ruleView         `json:"rules"`
	Shares        []flagfile.Share   `json:"shares"`
	Counts        map[string]int64   `json:"counts"`
	Warnings      []string           `json:"warnings"`

	own []string // warnings that do not depend on other flags
}

type variationView struct {
	ID    string `json:"id"`
	Value string `json:"value"`
}

type targetView struct {
	Variation string `json:"variation"`
	Users     texts  `json:"users"`
}

type prerequisiteView struct {
	Flag      string `json:"flag"`
	Variation string `json:"variation"`
	Value     string `json:"value"`
}

type ruleView struct {
	Words  string           `json:"words"`
	Shares []flagfile.Share `json:"shares"`
}

type segmentView struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Included texts    `json:"included"`
	Excluded texts    `json:"excluded"`
	Rules    []string `json:"rules"`
	Warnings []string `json:"warnings"`
}

// newView describes the data of a server, in the order of doc. served is all data
// or, if version is not 0, a part that has this version: then the rest comes from
// the view before. Unchanged flags also come from it. before may be nil.
func newView(doc flagfile.Document, g ffctest.Platform, served []byte, version int64, secret string, before *view) (*view, error) {
	d, err := newDescription(g, secret, before)
	if err != nil {
		return nil, err
	}
	if err := d.add(served, version); err != nil {
		return nil, err
	}
	return d.view(doc), nil
}

// description is a view on the way: what a server serves may come in parts.
type description struct {
	codec    *platform.Codec
	before   *view // nil: none
	flags    map[string]flagView
	segments map[string]segmentView
}

func newDescription(g ffctest.Platform, secret string, before *view) (*description, error) {
	codec, _, err := registry.CodecFor(g.String(), secret)
	if err != nil {
		return nil, err
	}
	return &description{
		codec:    codec,
		before:   before,
		flags:    make(map[string]flagView),
		segments: make(map[string]segmentView),
	}, nil
}

// add describes what is served, at a version or, if that is 0, at its own. Flags
// that the view before has at the same version stay as they are.
func (d *description) add(served []byte, version int64) error {
	update, _, err := d.codec.Update(served)
	if err != nil {
		return err
	}
	flags := make([]flagView, len(update.Flags))
	flagfile.InParallel(len(flags), func(i int) {
		item := &update.Flags[i]
		if version != 0 {
			item.Version = version
		}
		if known := d.before.flag(item.Key); known == nil || known.Version != item.Version {
			flags[i] = viewFlag(d.codec, item.Key, item.Version, item.Raw)
		}
	})
	for i := range flags {
		if flags[i].Key != "" {
			d.flags[flags[i].Key] = flags[i]
		}
	}
	for _, item := range update.Segments {
		d.segments[item.Key] = viewSegment(d.codec, item.Key, item.Raw)
	}
	return nil
}

// view returns the view of all flags and segments of doc.
func (d *description) view(doc flagfile.Document) *view {
	keys := doc.FlagKeys()
	v := &view{index: make(map[string]int, len(keys)), flags: make([]flagView, len(keys))}
	for i, key := range keys {
		v.index[key] = i
		flag, described := d.flags[key]
		switch known := d.before.flag(key); {
		case described:
			v.flags[i] = flag
		case known != nil:
			v.flags[i] = *known
			v.flags[i].Prerequisites = append([]prerequisiteView{}, known.Prerequisites...) // resolve changes them
			v.flags[i].Warnings = known.own
		default:
			v.flags[i] = emptyFlagView(key)
		}
	}
	for i, id := range doc.SegmentIDs() {
		segment, ok := d.segments[id]
		if !ok && d.before != nil && i < len(d.before.segments) {
			segment = d.before.segments[i]
		}
		v.segments = append(v.segments, segment)
	}
	v.resolve()
	v.warnCircles()
	return v
}

// flag returns a flag, or nil. v may be nil.
func (v *view) flag(key string) *flagView {
	if v == nil {
		return nil
	}
	if i, ok := v.index[key]; ok {
		return &v.flags[i]
	}
	return nil
}

// viewFlag describes a flag. A malformed flag has only its key, as for clients.
func viewFlag(d *platform.Codec, key string, version int64, raw []byte) flagView {
	out := emptyFlagView(key)
	out.Version = version
	f, err := d.DecodeFlag(raw)
	if err != nil {
		out.own = []string{err.Error()}
		out.Warnings = out.own
		return out
	}
	out.own = append(out.own, warnFlag(d.Semantics, f)...)
	out.Warnings = out.own
	if f.Name != "" {
		out.Name = f.Name
	}
	out.On = f.Enabled
	out.OffVariation = variationID(f, f.Off)
	out.Variations = variationsOf(f, raw)
	for _, t := range f.Targets {
		out.Targets = append(out.Targets, targetView{variationID(f, t.Variation), texts(t.Keys)})
	}
	for _, p := range f.Prerequisites {
		out.Prerequisites = append(out.Prerequisites, prerequisiteView{Flag: p.FlagKey, Variation: p.VariationID})
	}
	for _, r := range f.Rules {
		out.Rules = append(out.Rules, ruleView{inWords(r.Clauses), sharesOf(f, r.Rollout)})
	}
	out.Shares = sharesOf(f, f.Fallthrough)
	return out
}

func emptyFlagView(key string) flagView {
	return flagView{
		Key:           key,
		Name:          key,
		Variations:    []variationView{},
		Targets:       []targetView{},
		Prerequisites: []prerequisiteView{},
		Rules:         []ruleView{},
		Shares:        []flagfile.Share{},
		Warnings:      []string{},
		own:           []string{},
	}
}

// variationsOf returns all variations of the flag, in its own order. On classic
// the decoder returns only those that are used.
func variationsOf(f *model.Flag, raw []byte) []variationView {
	out := []variationView{}
	known := make(map[string]bool)
	for name, options := range jsontext.Members(raw) {
		if string(name) != "variationOptions" {
			continue
		}
		for option := range jsontext.Elements(options) {
			var v variationView
			for name, value := range jsontext.Members(option) {
				switch string(name) {
				case "localId":
					v.ID = textOf(value)
				case "variationValue":
					v.Value = textOf(value)
				}
			}
			out = append(out, v)
			known[v.ID] = true
		}
	}
	for _, v := range f.Variations {
		if !known[v.ID] {
			known[v.ID] = true
			out = append(out, variationView{v.ID, v.Value})
		}
	}
	return out
}

// textOf returns the text of a JSON string, or another value unchanged.
func textOf(value []byte) string {
	if len(value) < 2 || value[0] != '"' {
		return string(value)
	}
	return jsontext.Text(value[1 : len(value)-1])
}

func variationID(f *model.Flag, i int) string {
	if i < 0 || i >= len(f.Variations) {
		return ""
	}
	return f.Variations[i].ID
}

// sharesOf returns the percentage of each variation, in the order of the rollout.
func sharesOf(f *model.Flag, r model.Rollout) []flagfile.Share {
	out := []flagfile.Share{}
	at := make(map[string]int, min(len(r.Shares), len(f.Variations))) // of out, by variation
	for _, s := range r.Shares {
		percent := (s.To - s.From) * 100
		if !(percent >= 0 && percent <= 100) { // also rejects NaN, which JSON does not have
			percent = 0
		}
		id := variationID(f, s.Variation)
		if i, ok := at[id]; ok {
			out[i].Percent += percent
		} else {
			at[id] = len(out)
			out = append(out, flagfile.Share{Variation: id, Percent: percent})
		}
	}
	for i := range out {
		out[i].Percent = flagfile.Tidy(out[i].Percent)
	}
	return out
}

func viewSegment(d *platform.Codec, id string, raw []byte) segmentView {
	out := segmentView{ID: id, Name: id, Rules: []string{}, Warnings: []string{}}
	var named struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(raw, &named) == nil && named.Name != "" {
		out.Name = named.Name
	}
	s, err := d.DecodeSegment(raw)
	if err != nil {
		out.Warnings = append(out.Warnings, err.Error())
		return out
	}
	out.Warnings = append(out.Warnings, warnSegment(d.Semantics, s)...)
	out.Included, out.Excluded = texts(s.Included), texts(s.Excluded)
	for _, r := range s.Rules {
		out.Rules = append(out.Rules, inWords(r.Clauses))
	}
	return out
}

// resolve sets the values of the variations that prerequisites require.
func (v *view) resolve() {
	for i := range v.flags {
		for j := range v.flags[i].Prerequisites {
			p := &v.flags[i].Prerequisites[j]
			at, ok := v.index[p.Flag]
			if !ok {
				continue
			}
			for _, variation := range v.flags[at].Variations {
				if variation.ID == p.Variation {
					p.Value = variation.Value
				}
			}
		}
	}
}

func (f *flagView) variationIDs() []string {
	ids := make([]string, len(f.Variations))
	for i, v := range f.Variations {
		ids[i] = v.ID
	}
	return ids
}
