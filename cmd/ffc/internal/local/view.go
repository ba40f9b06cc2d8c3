package local

import (
	"encoding/json"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
)

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

// viewFlag describes a flag. A malformed flag has only its key, as for clients.
func viewFlag(d *platform.Codec, key string, version int64, raw []byte) flagView {
	out := emptyFlagView(key)
	out.Version = version
	f, err := d.DecodeFlag(raw)
	if err != nil {
		return out
	}
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
		Counts:        map[string]int64{},
		Warnings:      []string{},
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
		return out
	}
	out.Included, out.Excluded = texts(s.Included), texts(s.Excluded)
	for _, r := range s.Rules {
		out.Rules = append(out.Rules, inWords(r.Clauses))
	}
	return out
}
