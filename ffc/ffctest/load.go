package ffctest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

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
