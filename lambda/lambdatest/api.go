package lambdatest

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
)

// The headers of the Runtime API.
const (
	headerRequestID = "Lambda-Runtime-Aws-Request-Id"
	headerDeadline  = "Lambda-Runtime-Deadline-Ms"
	headerTraceID   = "Lambda-Runtime-Trace-Id"
	headerARN       = "Lambda-Runtime-Invoked-Function-Arn"
	// Trailers of a response whose stream failed.
	trailerErrorType = "Lambda-Runtime-Function-Error-Type"
	trailerErrorBody = "Lambda-Runtime-Function-Error-Body"
)

// loop is a request for an invocation.
type loop struct{ call chan *Call }

func (rt *Runtime) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", rt.serveNext)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", rt.serveResponse)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", rt.serveError)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", rt.serveInitError)
	mux.HandleFunc("POST /2020-01-01/extension/register", rt.serveRegister)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", rt.serveEvent)
	return mux
}

// serveNext ends an invocation that has a response or error, and returns the next
// one as soon as there is one.
func (rt *Runtime) serveNext(w http.ResponseWriter, r *http.Request) {
	l := &loop{call: make(chan *Call, 1)}
	rt.mu.Lock()
	rt.complete()
	rt.idle = append(rt.idle, l)
	rt.update()
	rt.mu.Unlock()
	select {
	case c := <-l.call:
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set(headerRequestID, c.inv.RequestID)
		h.Set(headerDeadline, strconv.FormatInt(c.inv.Deadline.UnixMilli(), 10))
		h.Set(headerTraceID, "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0")
		h.Set(headerARN, "arn:aws:lambda:eu-west-1:123456789012:function:"+functionName)
		_, _ = w.Write(c.payload)
	case <-rt.closing:
		http.Error(w, "lambdatest: the runtime is closed", http.StatusGone)
	case <-r.Context().Done(): // the function has exited
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.idle = slices.DeleteFunc(rt.idle, func(other *loop) bool { return other == l })
	}
}

// complete ends the oldest invocation that has a response or error. If there are
// several, the request does not say which one has ended. The lock is held.
func (rt *Runtime) complete() {
	i := slices.IndexFunc(rt.active, func(c *Call) bool { return c.posted })
	if i < 0 {
		rt.note("next", "")
		return
	}
	c := rt.active[i]
	rt.active = slices.Delete(rt.active, i, i+1)
	rt.note("next", c.inv.RequestID)
	switch {
	case c.over():
	case c.late:
		c.endLate()
	default:
		c.end(Completed)
	}
}

func (rt *Runtime) serveResponse(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // if the function exits meanwhile, the part that arrived
	var broken error
	if kind := r.Trailer.Get(trailerErrorType); kind != "" {
		payload, _ := base64.StdEncoding.DecodeString(r.Trailer.Get(trailerErrorBody))
		broken = functionError(payload)
	}
	rt.answer(w, r, "response", func(inv *Invocation) {
		inv.Response, inv.ContentType, inv.Err = body, r.Header.Get("Content-Type"), broken
	})
}

func (rt *Runtime) serveError(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	rt.mu.Lock()
	if rt.loops > 0 {
		output.intercept() // if the handler has panicked, log.Fatal is next
	}
	rt.mu.Unlock()
	rt.answer(w, r, "error", func(inv *Invocation) {
		inv.ContentType, inv.Err = r.Header.Get("Content-Type"), functionError(body)
	})
}

func functionError(payload []byte) *FunctionError {
	e := &FunctionError{Payload: payload}
	if err := json.Unmarshal(payload, e); err != nil {
		e.Message = string(payload)
	}
	return e
}

// answer records what a function posted for an invocation: its response or error.
// It accepts only one for each invocation, also after the deadline.
func (rt *Runtime) answer(w http.ResponseWriter, r *http.Request, name string, set func(*Invocation)) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	i := slices.IndexFunc(rt.active, func(c *Call) bool { return c.inv.RequestID == r.PathValue("id") && !c.posted })
	if i < 0 && !rt.closed {
		http.Error(w, `{"errorType":"InvalidRequestID","errorMessage":"no such invocation, or it already has a response"}`, http.StatusBadRequest)
		return
	}
	if i >= 0 {
		rt.active[i].answer(name, set)
	}
	rt.update()
	w.WriteHeader(http.StatusAccepted)
}

// serveInitError receives the error of a function that failed to start. The function
// then exits.
func (rt *Runtime) serveInitError(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	rt.mu.Lock()
	defer rt.mu.Unlock()
	rt.note("init error", "")
	w.WriteHeader(http.StatusAccepted)
}
