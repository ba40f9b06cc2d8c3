package lambdatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// extensions counts the extensions of the environment, which the function registers
// itself. The runtime's lock guards it.
type extensions struct{ registered, waiting int }

// idle reports whether all extensions wait for an event.
func (e extensions) idle() bool { return e.waiting >= e.registered }

func (rt *Runtime) serveRegister(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // the events wanted: see serveEvent
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.exts.registered++
	w.Header().Set("Lambda-Extension-Identifier", fmt.Sprintf("00000000-0000-4000-9000-%012d", rt.exts.registered))
	_ = json.NewEncoder(w).Encode(map[string]string{"functionName": functionName, "functionVersion": "$LATEST", "handler": "bootstrap"})
}

// serveEvent blocks until the runtime is closed, because there are no other events:
// the extension of aws-lambda-go registers for none.
func (rt *Runtime) serveEvent(w http.ResponseWriter, r *http.Request) {
	rt.extensionWaits(1)
	defer rt.extensionWaits(-1)
	select {
	case <-r.Context().Done():
	case <-rt.closing:
		_ = json.NewEncoder(w).Encode(map[string]any{"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": time.Now().UnixMilli()})
	}
}

func (rt *Runtime) extensionWaits(more int) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.exts.waiting += more
	rt.update()
}
