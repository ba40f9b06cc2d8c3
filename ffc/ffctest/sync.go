package ffctest

import "encoding/json"

// pong answers a ping.
const pong = `{"messageType":"pong","data":null}`

// request is a message of a client that gets an answer.
type request struct {
	ping  bool
	since int64 // of a data-sync: 0 asks for everything
}

// parseRequest reads a message. The platform matches names exactly and is
// silent about everything that it does not understand.
func parseRequest(frame []byte) (request, bool) {
	message := decodeObject(frame)
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
	switch {
	case r.ping:
		return []byte(pong)
	case r.since == 0:
		return s.classic.message("full", s.store.all(visible))
	default:
		return s.classic.message("patch", s.store.all(func(e entity) bool {
			return visible(e) && e.version > r.since
		}))
	}
}
