package ffctest

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// loadData reads bootstrap data that has arrays with these names. Read reads one
// item of them.
func loadData(data []byte, names []string, read func(k kind, item json.RawMessage) (entity, error)) ([]entity, error) {
	top := decodeObject(data)
	if top == nil {
		return nil, fmt.Errorf("not a JSON object")
	}
	body := top
	if raw, ok := top["messageType"]; ok {
		if string(raw) != `"data-sync"` {
			return nil, fmt.Errorf("messageType is %s, not \"data-sync\"", raw)
		}
		if body = decodeObject(top["data"]); body == nil {
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
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(items))
	out := make([]entity, 0, len(items))
	for i, item := range items {
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
	members := decodeObject(item)
	for name, value := range into {
		if raw, ok := members[name]; ok {
			if err := json.Unmarshal(raw, value); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, item); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}
