package main

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/nats-io/nkeys"
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

// connecting returns what a client of NATS sends to connect, as JSON, for each
// connection. The server rejects all of them.
func connecting(t *testing.T) (address string, connects <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	received := make(chan string, 1000)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("INFO {\"server_id\":\"test\",\"proto\":1,\"headers\":true,\"max_payload\":1048576,\"nonce\":\"nonce\"}\r\n"))
			line, _ := bufio.NewReader(conn).ReadString('\n')
			received <- line
			_, _ = conn.Write([]byte("-ERR 'Authorization Violation'\r\n"))
			_ = conn.Close()
		}
	}()
	return listener.Addr().String(), received
}

// The credentials of NATS are those of the settings at the time of a connection.
func TestCredentialsOfNATS(t *testing.T) {
	key, err := nkeys.CreateUser()
	if err != nil {
		t.Fatal(err)
	}
	seed, err := key.Seed()
	if err != nil {
		t.Fatal(err)
	}
	creds := "-----BEGIN NATS USER JWT-----\neyJ0.a.b\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n" + string(seed) + "\n------END USER NKEY SEED------\n"
	tests := map[string]struct {
		set  []string
		want []string
	}{
		"none":     {nil, []string{`"name":"ffc-relay"`}},
		"password": {[]string{"USER=publisher", "PASSWORD=s3cret"}, []string{`"user":"publisher"`, `"pass":"s3cret"`}},
		"creds":    {[]string{"CREDENTIALS=" + creds}, []string{`"jwt":"eyJ0.a.b"`, `"sig":"`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			address, connects := connecting(t)
			w := newWorld(t)
			w.app.environ = append(w.app.environ[:2:2], "FFC_RELAY_ENGINES_MAIN_URL=nats://"+address)
			for _, setting := range test.set {
				w.app.environ = append(w.app.environ, "FFC_RELAY_ENGINES_MAIN_"+setting)
			}
			out := w.run("doctor", "main")
			if all := out.stdout + out.stderr; !strings.Contains(all, "check them") || strings.Contains(all, "s3cret") || strings.Contains(all, string(seed)) {
				t.Errorf("%+v, want to check the credentials, and no secret", out)
			}
			got := <-connects
			for _, want := range test.want {
				if !strings.Contains(got, want) {
					t.Errorf("the client sent %s, want %s", got, want)
				}
			}
		})
	}
}
