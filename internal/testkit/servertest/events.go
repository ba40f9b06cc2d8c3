package servertest

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// Parts of a body of events of featureflag.co, and of FeatBit.
const (
	classicUser   = `"user":{"keyId":"u1","userName":"Ann","email":"","country":"FR","customizedProperties":[{"name":"age","value":"18"}]}`
	classicRecord = `{"featureFlagKeyName":"f","sendToExperiment":true,"timestamp":1662595200123,"variation":{"localId":1,"variationValue":"true","reason":"rule match"}}`
	classicMetric = `{"route":"index/metric","type":"CustomEvent","eventName":"click","numericValue":2.5,"appType":"goserverside"}`
	classicItem   = "{" + classicUser + `,"userVariations":[` + classicRecord + `],"metrics":[` + classicMetric + "]}"

	featBitUser   = `"user":{"keyId":"u1","name":"Ann","customizedProperties":[{"name":"age","value":"18"}]}`
	featBitRecord = `{"featureFlagKey":"checkout","variation":{"id":"1","value":"red"},"timestamp":1662595200123,"sendToExperiment":true}`
	featBitMetric = `{"appType":"go-server-side","route":"index/metric","type":"CustomEvent","eventName":"click","numericValue":2.5,"timestamp":1662595200456}`
)

// header is the header of events with a secret.
func (s *suite) header(secret string) http.Header {
	return http.Header{s.secretHeader: {secret}, "Content-Type": {"application/json"}}
}

// body is a body of events and the status of its response.
type body struct {
	name, text string
	want       int
}

// testEventBodies: a body with one mistake is rejected as a whole.
func testEventBodies(t *testing.T, s *suite) {
	for _, tt := range s.bodies(t) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := s.open(t)
			a, err := Try(testkit.Within(t), http.MethodPost, srv.URL+s.eventsPath, tt.text, s.header(srv.Secret))
			if err != nil || a.Status != tt.want {
				t.Fatalf("got %d %s, %v, want %d", a.Status, a.Body, err, tt.want)
			}
			if want := s.responds || tt.want != 200; want != (a.Header.Get("Content-Type") == "application/json; charset=utf-8") {
				t.Errorf("got content type %q", a.Header.Get("Content-Type"))
			}
			events := srv.Events()
			if tt.want == 200 {
				if hasEvents := strings.Contains(tt.text, "timestamp") || strings.Contains(tt.text, "click"); hasEvents != (events > 0) {
					t.Errorf("%d events were accepted", events)
				}
				return
			}
			if events > 0 {
				t.Errorf("%d events of a rejected body were accepted", events)
			}
			var rejection map[string]any
			if err := json.Unmarshal([]byte(a.Body), &rejection); err != nil {
				t.Fatal(err)
			}
			if text, _ := rejection[s.reason].(string); text == "" {
				t.Errorf("got %s, want a reason", a.Body)
			}
			delete(rejection, s.reason)
			if !reflect.DeepEqual(rejection, s.rejection) {
				t.Errorf("got %s", a.Body)
			}
		})
	}
}

func classicBodies(t *testing.T) []body {
	one := func(old, replacement string) string {
		text := "[" + classicItem + "]"
		changed := strings.Replace(text, old, replacement, 1)
		if changed == text {
			t.Fatalf("no %s in %s", old, text)
		}
		return changed
	}
	return []body{
		{"one item", one("u1", "u9"), 200},
		{"empty array", `[]`, 200},
		{"white space", " [ ] \n", 200},
		{"unknown members", one(`"user":{`, `"more":[{}],"user":{"x":null,`), 200},
		{"null text", one(`"reason":"rule match"`, `"reason":null`), 200},
		{"missing numbers", one(`"timestamp":1662595200123,`, ``), 200},
		{"names in another case", one(`"keyId"`, `"KeyId"`), 200},
		{"negative id", one(`"localId":1`, `"localId":-1`), 200},

		{"no body", ``, 400},
		{"null", `null`, 400},
		{"object", classicItem, 400},
		{"text", `"[]"`, 400},
		{"cut short", one("]}]", "]}"), 400},
		{"two documents", `[][]`, 400},
		{"trailing comma", one("]}]", "]},]"), 400},
		{"comment", one("]}]", "]}/**/]"), 400},
		{"not UTF-8", one("Ann", "\xff"), 400},
		{"item is a number", `[1]`, 400},
		{"user is text", one(classicUser, `"user":"u1"`), 400},
		{"key is a number", one(`"u1"`, `1`), 400},
		{"attribute is a number", one(`"18"`, `18`), 400},
		{"attributes are an object", one(`[{"name":"age","value":"18"}]`, `{"age":"18"}`), 400},
		{"value is a bool", one(`"variationValue":"true"`, `"variationValue":true`), 400},
		{"value is a number", one(`"variationValue":"true"`, `"variationValue":1`), 400},
		{"value is an object", one(`"variationValue":"true"`, `"variationValue":{}`), 400},
		{"timestamp is text", one(`1662595200123`, `"1662595200123"`), 400},
		{"timestamp has a point", one(`1662595200123`, `1662595200123.0`), 400},
		{"timestamp has an exponent", one(`1662595200123`, `1e12`), 400},
		{"timestamp is null", one(`1662595200123`, `null`), 400},
		{"timestamp is too large", one(`1662595200123`, `9223372036854775808`), 400},
		{"id is text", one(`"localId":1`, `"localId":"1"`), 400},
		{"id has a point", one(`"localId":1`, `"localId":1.0`), 400},
		{"id is null", one(`"localId":1`, `"localId":null`), 400},
		{"id is too large", one(`"localId":1`, `"localId":2147483648`), 400},
		{"experiment is null", one(`"sendToExperiment":true`, `"sendToExperiment":null`), 400},
		{"experiment is text", one(`"sendToExperiment":true`, `"sendToExperiment":"true"`), 400},
		{"experiment is a number", one(`"sendToExperiment":true`, `"sendToExperiment":1`), 400},
		{"metric is text", one(`2.5`, `"2.5"`), 400},
		{"metric is null", one(`2.5`, `null`), 400},
		{"metric is NaN", one(`2.5`, `NaN`), 400},
		{"metric is quoted NaN", one(`2.5`, `"NaN"`), 400},
		{"metric is infinite", one(`2.5`, `Infinity`), 400},
		{"metric starts with a point", one(`2.5`, `.5`), 400},
		{"name of a metric is a number", one(`"click"`, `1`), 400},
		{"metrics are an object", one(`[`+classicMetric+`]`, classicMetric), 400},
	}
}

func featBitBodies(*testing.T) []body {
	varied, metrics := `,"variations":[`+featBitRecord+`]`, `,"metrics":[`+featBitMetric+`]`
	with := func(rest string) string { return `[{` + featBitUser + rest + `}]` }
	return []body{
		{"all", with(varied + metrics), 200},
		{"several in a list", with(`,"variations":[` + featBitRecord + `,` + featBitRecord + `],"metrics":[` + featBitMetric + `]`), 200},
		{"empty", "[]", 200},
		{"null variations", with(`,"variations":null`), 400},
		{"null metrics", with(varied + `,"metrics":null`), 400},
		{"null in variations", with(`,"variations":[null]`), 400},
		{"null properties", `[{"user":{"keyId":"u","customizedProperties":null}` + varied + `}]`, 400},
		{"null item", `[null]`, 400},
		{"null", `null`, 400},
		{"object", with(varied)[1 : len(with(varied))-1], 400},
		{"timestamp is text", with(strings.Replace(varied, "1662595200123", `"1"`, 1)), 400},
		{"value is a number", with(strings.Replace(varied, `"red"`, "1", 1)), 400},
	}
}

// eventHeader is a request with events, and its status.
type eventHeader struct {
	name, query string
	header      http.Header
	want        int
}

// testEventHeaders: secrets and content types of events.
func testEventHeaders(t *testing.T, s *suite) {
	srv := s.open(t)
	good, name := srv.Secret, s.secretHeader
	tests := append([]eventHeader{
		{"secret in the header", "", s.header(good), 200},
		{"charset", "", http.Header{name: {good}, "Content-Type": {"application/json; charset=UTF-8"}}, 200},
		{"no secret", "", http.Header{"Content-Type": {"application/json"}}, 401},
		{"no secret comes before content type", "", nil, 401},
		{"not Base64", "", s.header("secret"), 401},
		{"secret of the other platform", "", s.header(s.foreign), 401},
		{"no content type", "", http.Header{name: {good}}, 415},
		{"text", "", http.Header{name: {good}, "Content-Type": {"text/plain"}}, 415},
		{"other charset", "", http.Header{name: {good}, "Content-Type": {"application/json; charset=latin1"}}, 415},
		{"broken content type", "", http.Header{name: {good}, "Content-Type": {"application/json; charset"}}, 415},
	}, s.headers(s, good)...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := Try(testkit.Within(t), http.MethodPost, srv.URL+s.eventsPath+tt.query, "[]", tt.header)
			if err != nil || a.Status != tt.want {
				t.Fatalf("got %d %q, %v, want %d", a.Status, a.Body, err, tt.want)
			}
			if a.Status != 200 && a.Body != "" {
				t.Errorf("got body %q, want none", a.Body)
			}
		})
	}
}

func classicHeaders(s *suite, secret string) []eventHeader {
	return []eventHeader{
		{"secret in the query wins", "?envSecret=" + strings.ReplaceAll(secret, "=", "%3D"), s.header("bad"), 200},
		{"bad secret in the query wins", "?envSecret=bad", s.header(secret), 401},
		{"blank query", "?envSecret=+", s.header(secret), 200},
		{"secret in a cookie", "", http.Header{"Cookie": {"envSecret=" + secret}, "Content-Type": {"application/json"}}, 200},
		{"secret without padding", "", s.header(strings.TrimRight(secret, "=")), 401},
		{"account 0", "", s.header("eF9fMF9fMjJfXzMzX19k"), 401},       // x__0__22__33__d
		{"account is text", "", s.header("eF9fYV9fMjJfXzMzX19k"), 401}, // x__a__22__33__d
		{"three parts", "", s.header("eF9fMTFfXzIy"), 401},             // x__11__22
	}
}
