package relay

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// servePoll responds to a fetch.
func (h *Handler) servePoll(w http.ResponseWriter, r *http.Request, wire *platformserver.Wire) {
	if !h.allow(w, r, routePoll, http.MethodGet, http.MethodHead) {
		return
	}
	environment, ok := h.environmentOf(wire.Secret(r), wire)
	if !ok {
		h.respond(w, routePoll, http.StatusUnauthorized, "")
		return
	}
	since := int64(0)
	if wire.PollSince && r.URL.RawQuery != "" {
		if text := r.URL.Query().Get("timestamp"); text != "" {
			var err error
			if since, err = strconv.ParseInt(text, 10, 64); err != nil {
				h.reject(w, routePoll, wire, "timestamp is not an integer")
				return
			}
		}
	}
	room := h.roomOf(environment)
	var e *edition
	if room != nil {
		e = room.now.Load()
	}
	if e == nil || e.wire != wire {
		h.respond(w, routePoll, http.StatusServiceUnavailable, httpclient.RelayHasNoData)
		return
	}
	if header := r.Header["If-None-Match"]; len(header) > 0 && !matches(header, e.etag) && !matches(header, e.before) {
		room.look(r.Context(), lookTime) // the client's data may be newer
		e = room.now.Load()
	}
	if since > e.top && !matches(r.Header["If-None-Match"], e.etag) {
		if !room.catchUp(r.Context(), since) {
			h.respond(w, routePoll, http.StatusServiceUnavailable, httpclient.RelayIsBehind)
			return
		}
		e = room.now.Load()
	}
	room.report(r.Header)
	h.agents.of(r).polls.Add(1)
	header := w.Header()
	if len(r.Header["X-User-Agent"]) == 0 {
		header["Etag"] = e.etag
	} // else FeatBit's SDK for Node, whose conditional requests lack the key
	header["Cache-Control"] = noCache
	header["Vary"] = vary
	if at, age, ok := room.asOf(); ok {
		seconds, asOf := ageHeaders(at, age)
		header["Age"] = []string{seconds}
		header["Ffc-As-Of"] = []string{asOf}
	}
	if matches(r.Header["If-None-Match"], e.etag) {
		h.count(routePoll, http.StatusNotModified)
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.count(routePoll, http.StatusOK)
	var body []byte
	switch {
	case since <= 0 || !e.proves(since):
		zip := acceptsGzip(r.Header)
		if body = e.polled(zip); zip {
			header["Content-Encoding"] = gzipEncoding
		}
	default:
		var count int
		if body, count = e.since(since); count == 0 {
			return // no body is nothing newer
		}
	}
	header["Content-Type"] = jsonType
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client may be gone
	}
}

// Values of headers. They are shared and must not be changed.
var (
	noCache      = []string{"no-cache"}
	vary         = []string{"Accept-Encoding, Authorization, envSecret"}
	gzipEncoding = []string{"gzip"}
	jsonType     = []string{"application/json; charset=utf-8"}
)

// reject responds with 400 as the platform does.
func (h *Handler) reject(w http.ResponseWriter, r route, wire *platformserver.Wire, reason string) {
	h.count(r, http.StatusBadRequest)
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(http.StatusBadRequest)
	_, _ = w.Write(wire.Rejection(reason))
}

// matches reports whether one of the entity tags of a header is in a list.
func matches(header, tags []string) bool {
	for _, value := range header {
		for tag := range strings.SplitSeq(value, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if slices.ContainsFunc(tags, func(known string) bool { return known[2:] == tag }) {
				return true
			}
		}
	}
	return false
}

// acceptsGzip reports whether the client takes gzip. What it says of gzip counts before
// what it says of all encodings.
func acceptsGzip(h http.Header) bool {
	all := false
	for _, value := range h["Accept-Encoding"] {
		for part := range strings.SplitSeq(value, ",") {
			name, quality, _ := strings.Cut(strings.TrimSpace(part), ";")
			q, has := strings.CutPrefix(strings.TrimSpace(quality), "q=")
			v, err := strconv.ParseFloat(q, 64)
			accepts := !has || err == nil && v > 0
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip":
				return accepts
			case "*":
				all = accepts
			}
		}
	}
	return all
}
