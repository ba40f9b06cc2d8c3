package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// maxBody is how large a request of the page may be.
const maxBody = 1 << 20

// routes returns the page and its API.
func (p *Platform) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { servePage(w, "index.html") })
	mux.HandleFunc("GET /page/{name...}", func(w http.ResponseWriter, r *http.Request) { servePage(w, r.PathValue("name")) })
	mux.HandleFunc("GET /local/state", p.serveState)
	mux.HandleFunc("GET /local/live", p.live.serve)
	mux.HandleFunc("POST /local/flags/{key}", p.serveEdit)
	mux.HandleFunc("POST /local/evaluate", p.serveEvaluate)
	return mux
}

// serveState writes the state part by part, as it may have tens of MB.
func (p *Platform) serveState(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, nil)
	for part := range p.state() {
		if _, err := w.Write(part); err != nil {
			return // the browser is gone
		}
	}
}

func (p *Platform) serveEdit(w http.ResponseWriter, r *http.Request) {
	var c flagfile.Change
	if err := readJSON(w, r, &c); err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	flag, err := p.edit(r.PathValue("key"), c)
	if err != nil {
		status := http.StatusInternalServerError
		var known *statusError
		if errors.As(err, &known) {
			status = known.status
		}
		writeError(w, status, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, flagfile.Marshal(flag))
}

// serveEvaluate responds with the explanation of a flag for a user, or with a list
// of the explanations of all flags.
func (p *Platform) serveEvaluate(w http.ResponseWriter, r *http.Request) {
	var question struct {
		Flag string `json:"flag"`
		All  bool   `json:"all"`
		User struct {
			Key        string                     `json:"key"`
			Name       string                     `json:"name"`
			Email      string                     `json:"email"`
			Country    string                     `json:"country"`
			Attributes map[string]json.RawMessage `json:"attributes"`
		} `json:"user"`
	}
	if err := readJSON(w, r, &question); err != nil {
		writeError(w, http.StatusBadRequest, err.Error())
		return
	}
	u := &question.User
	attributes := []ffc.Attr{ffc.Name(u.Name), ffc.Email(u.Email), ffc.Country(u.Country)}
	for name, raw := range u.Attributes {
		value, err := flagfile.AttributeText(raw)
		if err != nil {
			writeError(w, http.StatusBadRequest, "the attribute "+flagfile.Quote(name)+" "+err.Error())
			return
		}
		attributes = append(attributes, ffc.String(name, value))
	}
	user := ffc.NewUser(u.Key, attributes...)
	if question.All {
		p.serveExplainAll(w, user)
		return
	}
	out, err := p.explain(question.Flag, user)
	if err != nil {
		writeError(w, http.StatusInternalServerError, err.Error())
		return
	}
	writeJSON(w, http.StatusOK, out)
}

// serveExplainAll writes the list part by part, as it may have tens of MB.
func (p *Platform) serveExplainAll(w http.ResponseWriter, user ffc.User) {
	begun := false
	err := p.explainAll(user, func(part []byte) error {
		if !begun {
			begun = true
			writeJSON(w, http.StatusOK, []byte("["))
		}
		_, err := w.Write(part)
		return err
	})
	switch {
	case begun && err != nil:
		panic(http.ErrAbortHandler) // half a list must not look like a whole one
	case err != nil:
		writeError(w, http.StatusInternalServerError, err.Error())
	case !begun:
		writeJSON(w, http.StatusOK, []byte("[]"))
	default:
		_, _ = w.Write([]byte("]"))
	}
}

// readJSON reads the body of a request, which must be one JSON value.
func readJSON(w http.ResponseWriter, r *http.Request, into any) error {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return fmt.Errorf("invalid request: %w", err)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the browser may be gone
}

func writeError(w http.ResponseWriter, status int, text string) {
	writeJSON(w, status, flagfile.Marshal(struct {
		Error string `json:"error"`
	}{text}))
}
