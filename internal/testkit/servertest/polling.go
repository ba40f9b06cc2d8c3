package servertest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// poll is a request of polling, and its response.
type poll struct {
	name, query, header, cookie string
	status                      int
	want                        string // the summary; "" is no body
}

// testPolling: secrets of polling, and its responses.
func testPolling(t *testing.T, s *suite) {
	srv := s.open(t, ffctest.Flag("a").Version(10), ffctest.Flag("b").Version(20))
	path := srv.URL + s.pollPath
	for _, tt := range s.polls(srv.Secret) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			header := make(http.Header)
			if tt.header != "" {
				header.Set(s.secretHeader, tt.header)
			}
			if tt.cookie != "" {
				header.Set("Cookie", "envSecret="+tt.cookie)
			}
			a, err := Try(testkit.Within(t), http.MethodGet, path+tt.query, "", header)
			if err != nil || a.Status != tt.status || pollSummary(a.Body) != tt.want {
				t.Errorf("got %d %s, %v, want %d %s", a.Status, a.Body, err, tt.status, tt.want)
			}
			if hasType := a.Header.Get("Content-Type") != ""; hasType != (tt.want != "") {
				t.Errorf("got content type %q", a.Header.Get("Content-Type"))
			}
		})
	}
	for _, other := range []string{path + "x", path + "/", srv.URL + s.otherPollPath} {
		a, err := Try(testkit.Within(t), http.MethodGet, other, "", http.Header{s.secretHeader: {srv.Secret}})
		if err != nil || a.Status == http.StatusOK {
			t.Errorf("%s: got %d, %v", other, a.Status, err)
		}
	}
	if a, err := Try(testkit.Within(t), http.MethodPost, path, "", nil); err != nil || a.Status != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d, %v, want 405", a.Status, err)
	}
}

func classicPolls(secret string) []poll {
	const all = "flags b a |"
	return []poll{
		{name: "header", header: secret, status: 200, want: all},
		{name: "query", query: "?envSecret=" + url.QueryEscape(secret), status: 200, want: all},
		{name: "cookie", cookie: secret, status: 200, want: all},
		{name: "query before header", query: "?envSecret=x", header: secret, status: 401},
		{name: "none", status: 401},
		{name: "not one", header: "secret", status: 401},
	}
}

func featBitPolls(secret string) []poll {
	return []poll{
		{name: "everything", header: secret, status: 200, want: "full b a |"},
		{name: "everything, asked for", query: "?timestamp=0", header: secret, status: 200, want: "full b a |"},
		{name: "nothing new", query: "?timestamp=20", header: secret, status: 200},
		{name: "no number", query: "?timestamp=new", header: secret, status: 400, want: `{"title":"timestamp is not an integer","status":400}`},
		{name: "none", status: 401},
		{name: "secret of featureflag.co", header: ffctest.EnvSecret, status: 401},
		{name: "short", header: secret[1:], status: 401},
		{name: "a scheme", header: "Bearer " + secret, status: 401},
	}
}

// pollSummary is the Summary of the response to a poll. featureflag.co sends no message,
// but an object with the same data.
func pollSummary(body string) string {
	var response struct {
		Success bool            `json:"success"`
		Data    json.RawMessage `json:"data"`
	}
	if json.Unmarshal([]byte(body), &response) != nil || !response.Success {
		return Summary([]byte(body))
	}
	data := bytes.Replace(response.Data, []byte("{"), []byte(`{"eventType":"flags",`), 1)
	return Summary([]byte(`{"messageType":"data-sync","data":` + string(data) + "}"))
}
