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

// loadData reads bootstrap data that has arrays with these names. Read reads one
// item, and sets the JSON only if the server keeps other JSON. Otherwise the JSON is a
// part of data.
func loadData(data []byte, names []string, read func(k kind, item []byte) (entity, error)) ([]entity, error) {
	data = jsontext.TrimBOM(data)
	if !json.Valid(data) {
		return nil, errors.New("not a JSON object")
	}
	body, err := dataObject(data)
	if err != nil {
		return nil, err
	}
	items := 0
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
	body := membersOf(data)
	if body == nil {
		return nil, errors.New("not a JSON object")
	}
	if raw, ok := body["messageType"]; ok {
		if string(raw) != `"data-sync"` {
			return nil, fmt.Errorf("messageType is %s, not \"data-sync\"", raw)
		}
		if body = membersOf(body["data"]); body == nil {
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
func loadKind(out []entity, k kind, raw []byte, read func(kind, []byte) (entity, error)) ([]entity, error) {
	if raw == nil {
		return out, nil
	}
	if raw[0] != '[' && string(raw) != "null" {
		return nil, errors.New("not a JSON array")
	}
	seen := make(map[string]bool)
	i := -1
	for item := range jsontext.Elements(raw) {
		i++
		e, err := read(k, item)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		if seen[e.id] {
			return nil, fmt.Errorf("item %d: a second %q", i, e.id)
		}
		seen[e.id] = true
		e.kind = k
		if e.json == nil {
			e.json = item
		}
		out = append(out, e)
	}
	return out, nil
}

// loadMembers reads members of an item.
func loadMembers(item []byte, into func(name string) any) error {
	for name, raw := range jsontext.Members(item) {
		if value := into(string(name)); value != nil {
			if err := loadValue(raw, value); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
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

// membersOf returns the members of a valid JSON object, without copying their
// values; nil if raw is another value.
func membersOf(raw []byte) map[string][]byte {
	if i := bytes.IndexByte(raw, '{'); i < 0 || len(bytes.TrimSpace(raw[:i])) > 0 {
		return nil
	}
	members := make(map[string][]byte)
	for name, value := range jsontext.Members(raw) {
		members[string(name)] = value
	}
	return members
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
