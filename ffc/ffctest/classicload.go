package ffctest

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// load reads bootstrap data: a whole data-sync message or its data object. It
// finds the environment in the ids of the flags. Everything but ids, versions
// and archived marks is taken as it is, so that broken flags can be served.
func (c *classic) load(data []byte) ([]entity, error) {
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
	for k, name := range classicNames() {
		list, err := c.loadKind(kind(k), body[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out = append(out, list...)
	}
	return out, nil
}

func (c *classic) loadKind(k kind, raw json.RawMessage) ([]entity, error) {
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
		e, err := classicEntity(k, item)
		if err != nil {
			return nil, fmt.Errorf("item %d: %w", i, err)
		}
		if seen[e.id] {
			return nil, fmt.Errorf("item %d: a second %q", i, e.id)
		}
		seen[e.id] = true
		if k == flags {
			env, _, ok := parseFlagID(e.id)
			if !ok {
				return nil, fmt.Errorf("item %d: id %q is not FF__account__project__environment__key", i, e.id)
			}
			if i > 0 && env != c.env {
				return nil, fmt.Errorf("item %d: %q is of another environment than the flags before it", i, e.id)
			}
			c.env = env
		}
		out = append(out, e)
	}
	return out, nil
}

func classicEntity(k kind, item json.RawMessage) (entity, error) {
	members := decodeObject(item)
	e := entity{kind: k}
	for name, into := range map[string]any{"id": &e.id, "timestamp": &e.version, "isArchived": &e.archived} {
		if raw, ok := members[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return entity{}, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if e.id == "" {
		return entity{}, fmt.Errorf("no id")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, item); err != nil {
		return entity{}, err
	}
	e.json = compact.Bytes()
	return e, nil
}
