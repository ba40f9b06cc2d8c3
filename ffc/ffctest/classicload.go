package ffctest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// load also finds the environment in the ids of the flags.
func (c *classic) load(data []byte) ([]entity, error) {
	names, found := classicNames(), false
	return loadData(data, names[:], func(k kind, item json.RawMessage) (entity, error) {
		e := entity{kind: k}
		var err error
		e.json, err = loadMembers(item, map[string]any{"id": &e.id, "timestamp": &e.version, "isArchived": &e.archived})
		switch {
		case err != nil:
			return entity{}, err
		case e.id == "":
			return entity{}, errors.New("no id")
		case k != flags:
			return e, nil
		}
		env, _, ok := parseFlagID(e.id)
		if !ok {
			return entity{}, fmt.Errorf("id %q is not FF__account__project__environment__key", e.id)
		}
		if found && env != c.env {
			return entity{}, fmt.Errorf("%q is of another environment than the flags before it", e.id)
		}
		c.env, found = env, true
		e.json = withBothSpellings(e.json)
		return e, nil
	})
}

// withBothSpellings returns a flag whose prerequisites have their option under
// both names that SDKs read: valueOptionsVariationValue and, which the platform
// sends and the original Python SDK insists on, ValueOptionsVariationValue. What
// is not as expected stays as it is.
func withBothSpellings(flag []byte) []byte {
	const rest = "alueOptionsVariationValue"
	if !bytes.Contains(flag, []byte(rest)) {
		return flag
	}
	members := decodeObject(flag)
	var list []json.RawMessage
	if json.Unmarshal(members["ffp"], &list) != nil {
		return flag
	}
	changed := false
	for i, item := range list {
		option := decodeObject(item)
		lower, upper := option["v"+rest], option["V"+rest]
		if option == nil || (lower == nil) == (upper == nil) {
			continue
		}
		name, value := "v", upper
		if upper == nil {
			name, value = "V", lower
		}
		end := bytes.LastIndexByte(item, '}')
		list[i] = slices.Concat(item[:end], []byte(`,"`+name+rest+`":`), value, []byte("}"))
		changed = true
	}
	if !changed {
		return flag
	}
	return bytes.Replace(flag, members["ffp"], mustMarshal(list), 1)
}
