package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The engines of AWS get their credentials and region as AWS's tools do.
func TestEnginesOfAWS(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "eu-west-1", "AWS_CONFIG_FILE": "/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "", "AWS_SESSION_TOKEN": "", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	for url, test := range map[string]struct {
		status           int
		body             string
		region, rejected string
	}{
		"s3://flags":       {http.StatusNotFound, `<Error><Code>NoSuchKey</Code></Error>`, "eu-central-1", "fail  main write"},
		"dynamodb://flags": {http.StatusOK, `{}`, "eu-west-1", ""},
	} {
		signed := make(chan string, 1000)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			signed <- r.Header.Get("Authorization")
			if r.Method == http.MethodPut {
				w.WriteHeader(http.StatusForbidden)
				return
			}
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
		}))
		w := newWorld(t)
		w.app.environ = append(w.app.environ[:2:2], "FFC_RELAY_ENGINES_MAIN_URL="+url, "FFC_RELAY_ENGINES_MAIN_ENDPOINT="+server.URL)
		if test.region != "eu-west-1" {
			w.app.environ = append(w.app.environ, "FFC_RELAY_ENGINES_MAIN_REGION="+test.region)
		}
		out := w.run("doctor", "main")
		server.Close()
		if !strings.Contains(out.stdout, "ok    main read") || !strings.Contains(out.stdout, test.rejected) {
			t.Errorf("%s: %+v", url, out)
		}
		if got := <-signed; !strings.Contains(got, "AKIDEXAMPLE/") || !strings.Contains(got, "/"+test.region+"/") {
			t.Errorf("%s: signed with %q", url, got)
		}
	}
	t.Setenv("AWS_REGION", "")
	_, _, err := openEngine(engineConfig{name: "main", url: "s3://flags"}, nil)
	if err == nil || !strings.Contains(err.Error(), "engines.main.region: missing region") {
		t.Errorf("error %v", err)
	}
	_, _, err = openEngine(engineConfig{name: "main", url: "s3://", region: "eu-west-1"}, nil)
	if err == nil || !strings.Contains(err.Error(), "engines.main.url: ") {
		t.Errorf("error %v", err)
	}
}
