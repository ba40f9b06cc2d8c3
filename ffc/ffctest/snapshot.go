package ffctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// Item is a flag or a segment: what [Flag] and [Segment] return.
type Item interface {
	// entity writes the item at version, or at the item's own if it has one.
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

// Snapshot returns flags and segments of the environment of [EnvSecret] as
// bootstrap JSON, newest first. Their versions are 1, 2, 3 and so on, in the
// order given, but for those that were set. It panics when one is given twice.
// FeatBit.Snapshot writes what [FeatBit] has.
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
	return d.message("full", s.all(everything))
}

// newMessage writes a data-sync of eventType "full" or "patch". Names are
// those of its arrays, in the order of kinds.
func newMessage(eventType string, names []string, entities [kinds][]entity) []byte {
	out := make([]byte, 0, 128+sizeOf(entities))
	out = append(out, `{"messageType":"data-sync","data":{"eventType":"`...)
	out = append(out, eventType...)
	out = append(out, '"')
	for kind, name := range names {
		out = append(out, ',')
		out = appendMember(out, name, entities[kind])
	}
	return append(out, "}}"...)
}

// sizeOf returns how many bytes the entities take in an answer.
func sizeOf(entities [kinds][]entity) (size int) {
	for _, list := range entities {
		for _, e := range list {
			size += len(e.json) + 1
		}
	}
	return size
}

// appendMember appends "name":[...].
func appendMember(out []byte, name string, list []entity) []byte {
	out = append(out, '"')
	out = append(out, name...)
	out = append(out, `":[`...)
	for i, e := range list {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, e.json...)
	}
	return append(out, ']')
}

// loadData reads bootstrap data that has arrays with these names. Read reads one
// item of them.
func loadData(data []byte, names []string, read func(k kind, item json.RawMessage) (entity, error)) ([]entity, error) {
	data = jsontext.TrimBOM(data)
	if !json.Valid(data) {
		return nil, fmt.Errorf("not a JSON object")
	}
	top := membersOf(data)
	if top == nil {
		return nil, fmt.Errorf("not a JSON object")
	}
	body := top
	if raw, ok := top["messageType"]; ok {
		if string(raw) != `"data-sync"` {
			return nil, fmt.Errorf("messageType is %s, not \"data-sync\"", raw)
		}
		if body = membersOf(top["data"]); body == nil {
			return nil, fmt.Errorf("data is not an object")
		}
	} else if body["featureFlags"] == nil && body["segments"] == nil {
		return nil, fmt.Errorf("neither a data-sync message nor its data")
	}
	switch eventType := string(body["eventType"]); eventType {
	case "", `"full"`, `"patch"`:
	default:
		return nil, fmt.Errorf("eventType is %s, not \"full\" or \"patch\"", eventType)
	}

	var out []entity
	for k, name := range names {
		list, err := loadKind(kind(k), body[name], read)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, list...)
	}
	return out, nil
}

func loadKind(k kind, raw json.RawMessage, read func(kind, json.RawMessage) (entity, error)) ([]entity, error) {
	if raw == nil {
		return nil, nil
	}
	if raw[0] != '[' && string(raw) != "null" {
		return nil, fmt.Errorf("not a JSON array")
	}
	seen := make(map[string]bool)
	var out []entity
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
		out = append(out, e)
	}
	return out, nil
}

// loadMembers reads members of an item and returns the item.
func loadMembers(item json.RawMessage, into map[string]any) ([]byte, error) {
	for name, raw := range jsontext.Members(item) {
		if value, ok := into[string(name)]; ok {
			if readPlain(raw, value) {
				continue
			}
			if err := json.Unmarshal(raw, value); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	compact := jsontext.Compact(make([]byte, 0, len(item)), item)
	if cap(compact)-len(compact) > len(compact)/8 {
		compact = bytes.Clone(compact) // it is kept, room and all
	}
	return compact, nil
}

// quotedTime returns the time of a version as JSON.
func quotedTime(version int64) []byte { return []byte(`"` + flagjson.TimeText(version) + `"`) }

// readPlain reads a value that needs no decoder, which most do not, and reports
// whether it has.
func readPlain(raw []byte, into any) bool {
	switch into := into.(type) {
	case *string:
		if raw[0] != '"' || bytes.IndexByte(raw, '\\') >= 0 || !utf8.Valid(raw) {
			return false
		}
		*into = string(raw[1 : len(raw)-1])
		return true
	case *int64:
		n, err := strconv.ParseInt(string(raw), 10, 64)
		if err != nil {
			return false
		}
		*into = n
		return true
	case *bool:
		*into = string(raw) == "true"
		return *into || string(raw) == "false"
	}
	return false
}

// membersOf returns the members of a JSON object, which is valid, without copying
// their values; nil if it is none.
func membersOf(raw []byte) map[string]json.RawMessage {
	if i := bytes.IndexByte(raw, '{'); i < 0 || len(bytes.TrimSpace(raw[:i])) > 0 {
		return nil
	}
	members := make(map[string]json.RawMessage)
	for name, value := range jsontext.Members(raw) {
		members[string(name)] = value
	}
	return members
}

// memberOf returns a member of an object; nil if there is none.
func memberOf(object []byte, name string) []byte {
	for n, value := range jsontext.Members(object) {
		if string(n) == name {
			return value
		}
	}
	return nil
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
