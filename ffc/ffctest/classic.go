package ffctest

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// classic is the classic platform, for one environment.
type classic struct{ env environment }

// classicNames are what a data object calls its arrays.
func classicNames() [kinds]string {
	return [kinds]string{flags: "featureFlags", segments: "segments", userTags: "userTags"}
}

func (c *classic) flagID(key string) string { return c.env.flagID(key) }

// archive keeps all of e, marks it, and switches a flag off.
func (c *classic) archive(e entity, version int64) entity {
	return c.rewrite(e, version, true)
}

func (c *classic) stamp(e entity, version int64) entity {
	return c.rewrite(e, version, e.archived)
}

func (*classic) rewrite(e entity, version int64, archived bool) entity {
	out := jsontext.Set(e.json, "timestamp", strconv.AppendInt(nil, version, 10))
	if archived {
		out = jsontext.Set(out, "isArchived", []byte("true"))
	}
	if basics := memberOf(e.json, "ff"); e.kind == flags && len(basics) > 0 && basics[0] == '{' {
		if archived {
			basics = jsontext.Set(basics, "status", []byte(`"Disabled"`))
		}
		out = jsontext.Set(out, "ff", jsontext.Set(basics, "lastUpdatedTime", mustMarshal(timeText(version))))
	}
	return entity{kind: e.kind, id: e.id, version: version, archived: archived, json: out}
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

func (c *classic) message(eventType string, entities [kinds][]entity) []byte {
	names := classicNames()
	return newMessage(eventType, names[:], entities)
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

// polled writes the answer to a request for all flags. It speaks of nothing
// else.
func (c *classic) polled(entities [kinds][]entity) []byte {
	out := make([]byte, 0, 128+sizeOf(entities))
	out = append(out, `{"success":true,"message":"api call success","data":{`...)
	out = appendMember(out, classicNames()[flags], entities[flags])
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

type classicClause struct {
	Property  string  `json:"property"`
	Operation *string `json:"operation"`
	Value     string  `json:"value"`
}

func classicClauses(clauses []model.Clause) []classicClause {
	out := make([]classicClause, len(clauses))
	for i, c := range clauses {
		out[i] = classicClause{Property: c.Property, Value: c.Value}
		if c.Operator != "" {
			out[i].Operation = &clauses[i].Operator
		}
	}
	return out
}

func timeText(unixMilli int64) string {
	return time.UnixMilli(unixMilli).UTC().Format("2006-01-02T15:04:05.0000000Z")
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
