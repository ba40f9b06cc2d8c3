package ffctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Item is a flag or a segment: what [Flag] and [Segment] return.
type Item interface {
	// entity writes the item at version, unless the item sets its version.
	entity(d protocol, version int64) entity
}

func (b *FlagBuilder) entity(d protocol, version int64) entity {
	if b.version != 0 {
		version = b.version
	}
	format := d.format()
	if len(b.flag.Prerequisites) > 0 && !format.Prerequisites() {
		b.misuse("has a prerequisite, which %s does not have", format.Platform())
	}
	return entity{kind: flags, id: d.flagID(b.flag.Key), version: version, json: format.Flag(&b.flag, version)}
}

func (b *SegmentBuilder) entity(d protocol, version int64) entity {
	if b.version != 0 {
		version = b.version
	}
	return entity{kind: segments, id: b.segment.ID, version: version, json: d.format().Segment(&b.segment, version)}
}

// Snapshot returns flags and segments of the environment of [EnvSecret] in
// bootstrap form, newest first. Their versions are 1, 2, 3 and so on, in the order
// given, except those that a builder sets. Snapshot panics if an item is given
// twice. It writes data of the [Classic] platform.
func Snapshot(items ...Item) []byte { return Classic.Snapshot(items...) }

// Snapshot is like the function [Snapshot], for platform p. It also panics if an
// item needs something that the platform does not have.
func (p Platform) Snapshot(items ...Item) []byte {
	d := p.protocol()
	var s store
	for i, item := range items {
		e := item.entity(d, int64(i+1))
		if _, twice := s.entities[e.kind][e.id]; twice {
			panic(fmt.Sprintf("ffctest: Snapshot was given %q twice", e.id))
		}
		s.put(e)
	}
	return s.snapshot(d)
}

// snapshot returns everything in s in bootstrap form.
func (s *store) snapshot(d protocol) []byte {
	return message(d.wire(), "full", s.all(everything))
}

// reader reads the item at raw[i] and returns the index after it. It sets the JSON only
// if the server keeps other JSON. Otherwise the JSON is a part of raw.
type reader func(k kind, raw []byte, i int) (e entity, end int, err error)

// loadData reads bootstrap data that has arrays with these names.
func loadData(data []byte, names []string, read reader) ([]entity, error) {
	data = jsontext.TrimBOM(data)
	if !json.Valid(data) {
		return nil, errors.New("not a JSON object")
	}
	body, err := dataObject(data)
	if err != nil {
		return nil, err
	}
	items := 0 // counted before memory is made for them
	for _, name := range names {
		items += jsontext.Count(body[name])
	}
	if most := model.MaxItems(len(data)); items > most {
		return nil, fmt.Errorf("%d items in %d bytes: clients accept at most %d", items, len(data), most)
	}
	out := make([]entity, 0, items)
	for k, name := range names {
		if out, err = loadKind(out, kind(k), body[name], read); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return out, nil
}

// dataObject returns the members of the data object in bootstrap data, which is
// valid JSON, without copying their values.
func dataObject(data []byte) (map[string][]byte, error) {
	// A large value is scanned once, to its end: data with its members, at the same time.
	start := jsontext.SkipSpace(data, 0)
	if data[start] != '{' {
		return nil, errors.New("not a JSON object")
	}
	body := make(map[string][]byte)
	var inner map[string][]byte
	_, _ = jsontext.EachMemberAt(data, start, func(name []byte, i int) (end int, err error) {
		text := jsontext.Text(name)
		if text == "data" {
			inner, end = membersAt(data, i)
		} else {
			end = jsontext.Skip(data, i)
		}
		body[text] = data[i:end]
		return end, nil
	})
	if raw, ok := body["messageType"]; ok {
		if string(raw) != `"data-sync"` {
			return nil, fmt.Errorf("messageType is %s, not \"data-sync\"", raw)
		}
		if body = inner; body == nil {
			return nil, errors.New("data is not an object")
		}
	} else if body["featureFlags"] == nil && body["segments"] == nil {
		return nil, errors.New("neither a data-sync message nor its data")
	}
	switch eventType := string(body["eventType"]); eventType {
	case "", `"full"`, `"patch"`:
	default:
		return nil, fmt.Errorf("eventType is %s, not \"full\" or \"patch\"", eventType)
	}
	return body, nil
}

// loadKind appends the items of one kind.
func loadKind(out []entity, k kind, raw []byte, read reader) ([]entity, error) {
	if jsontext.IsNull(raw) {
		return out, nil
	}
	if raw[0] != '[' {
		return nil, errors.New("not a JSON array")
	}
	seen := make(map[string]bool)
	n := -1
	_, err := jsontext.EachElementAt(raw, 0, func(i int) (int, error) {
		n++
		e, end, err := read(k, raw, i)
		if err != nil {
			return 0, fmt.Errorf("item %d: %w", n, err)
		}
		if seen[e.id] {
			return 0, fmt.Errorf("item %d: a second %q", n, e.id)
		}
		seen[e.id] = true
		e.kind = k
		if e.json == nil {
			e.json = raw[i:end]
		}
		out = append(out, e)
		return end, nil
	})
	return out, err
}

// loadMembers reads members of the item at raw[i] and returns the index after it.
func loadMembers(raw []byte, i int, into func(name string) any) (end int, err error) {
	if raw[i] != '{' {
		return jsontext.Skip(raw, i), nil
	}
	return jsontext.EachMember(raw, i, func(name, value []byte) error {
		text := jsontext.Text(name)
		if field := into(text); field != nil {
			if err := loadValue(value, field); err != nil {
				return fmt.Errorf("%s: %w", text, err)
			}
		}
		return nil
	})
}

// loadValue is json.Unmarshal, faster for the usual values.
func loadValue(raw []byte, into any) error {
	switch into := into.(type) {
	case *string:
		if isPlain(raw) {
			*into = string(raw[1 : len(raw)-1])
			return nil
		}
	case *any:
		if isPlain(raw) {
			*into = string(raw[1 : len(raw)-1])
			return nil
		}
	case *int64:
		if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil {
			*into = n
			return nil
		}
	case *bool:
		if text := string(raw); text == "true" || text == "false" {
			*into = text == "true"
			return nil
		}
	}
	return json.Unmarshal(raw, into)
}

// isPlain reports whether raw is a JSON string without escapes.
func isPlain(raw []byte) bool {
	return len(raw) > 1 && raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw)
}

// membersAt returns the members of the valid JSON object at raw[i], without copying
// their values, and the index after it; nil if the value is not an object.
func membersAt(raw []byte, i int) (members map[string][]byte, end int) {
	if raw[i] != '{' {
		return nil, jsontext.Skip(raw, i)
	}
	members = make(map[string][]byte)
	end, _ = jsontext.EachMember(raw, i, func(name, value []byte) error {
		members[jsontext.Text(name)] = value
		return nil
	})
	return members, end
}

// decodeObject returns the members of a JSON object, or nil.
func decodeObject(raw []byte) map[string]json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return nil
	}
	return members
}

// mustMarshal is for values that always marshal.
func mustMarshal(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("ffctest: " + err.Error())
	}
	return out
}
