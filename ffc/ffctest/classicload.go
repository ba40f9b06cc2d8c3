package ffctest

import (
	"encoding/json"
	"errors"
	"fmt"
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
		return e, nil
	})
}
