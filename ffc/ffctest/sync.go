package ffctest

import "encoding/json"

// request is a message of a client that gets an answer.
type request struct {
	ping  bool
	since int64 // of a data-sync: 0 asks for everything
}

// parseRequest reads a message, which is an object.
func parseRequest(message map[string]json.RawMessage) (request, bool) {
	switch string(message["messageType"]) {
	case `"ping"`:
		return request{ping: true}, true
	case `"data-sync"`:
		data := decodeObject(message["data"])
		if data == nil {
			return request{}, false
		}
		var since integer
		if raw, ok := data["timestamp"]; ok {
			if err := json.Unmarshal(raw, &since); err != nil || since < 0 {
				return request{}, false
			}
		}
		return request{since: int64(since)}, true
	}
	return request{}, false
}

// answer writes the answer to r. The lock is held.
func (s *Server) answer(r request) []byte {
	if r.ping {
		return []byte(s.protocol.pong())
	}
	since := s.store.since(r.since)
	if since == 0 {
		return s.protocol.message("full", s.store.all(s.protocol.visible))
	}
	return s.protocol.message("patch", s.store.all(func(e entity) bool {
		return s.protocol.visible(e) && e.version > since
	}))
}
