package fleetaws

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// verify checks a signature as a service does, from what the service receives.
func verify(r *http.Request, body []byte, secret, service string) error {
	sum := sha256.Sum256(body)
	if hash := hex.EncodeToString(sum[:]); r.Header.Get("X-Amz-Content-Sha256") != hash {
		return fmt.Errorf("X-Amz-Content-Sha256 is %s, want %s", r.Header.Get("X-Amz-Content-Sha256"), hash)
	}
	fields := strings.FieldsFunc(r.Header.Get("Authorization"), func(c rune) bool { return c == ' ' || c == ',' })
	if len(fields) != 4 || fields[0] != "AWS4-HMAC-SHA256" {
		return fmt.Errorf("the Authorization is %q", r.Header.Get("Authorization"))
	}
	_, scope, _ := strings.Cut(strings.TrimPrefix(fields[1], "Credential="), "/")
	signed := strings.TrimPrefix(fields[2], "SignedHeaders=")
	if service == "s3" && !strings.Contains(signed, "x-amz-content-sha256") || !strings.Contains(signed, "host") {
		return fmt.Errorf("signed are %s only", signed)
	}
	path, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		return err
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
	}
	query := r.URL.Query().Encode()
	text := strings.Join([]string{r.Method, strings.Join(segments, "/"), query, ""}, "\n")
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		text += name + ":" + strings.TrimSpace(value) + "\n"
	}
	text += "\n" + signed + "\n" + hex.EncodeToString(sum[:])
	of := sha256.Sum256([]byte(text))
	toSign := "AWS4-HMAC-SHA256\n" + r.Header.Get("X-Amz-Date") + "\n" + scope + "\n" + hex.EncodeToString(of[:])
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = keyed(key, part)
	}
	if want := "Signature=" + hex.EncodeToString(keyed(key, toSign)); fields[3] != want {
		return fmt.Errorf("the request has the %s, want %s", fields[3], want)
	}
	if !strings.HasSuffix(scope, "/"+service+"/aws4_request") {
		return fmt.Errorf("the scope is %s", scope)
	}
	return nil
}

// keyed returns the HMAC of a text.
func keyed(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// published are AWS's examples of signatures: "Signature calculations for the
// Authorization header" in the reference of S3's API.
var published = []struct {
	method, url string
	header      map[string]string
	body        string
	signature   string
}{
	{"GET", "/test.txt", map[string]string{"Range": "bytes=0-9"}, "", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
	{"GET", "/?lifecycle=", nil, "", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
	{"GET", "/?max-keys=2&prefix=J", nil, "", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
	{
		"PUT", "/test%24file.text", map[string]string{"Date": "Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Storage-Class": "REDUCED_REDUNDANCY"},
		"Welcome to Amazon S3.", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
	},
}

// Requests without a body have the published signatures. In the published request
// with a body Content-Length is not signed, as it is here; verify has all of them.
func TestPublishedSignatures(t *testing.T) {
	for _, example := range published {
		t.Run(example.method+" "+example.url, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				at(time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
				address, err := url.Parse("https://examplebucket.s3.amazonaws.com" + example.url)
				if err != nil {
					t.Fatal(err)
				}
				r := &request{method: example.method, url: *address, header: make(http.Header), body: []byte(example.body), limit: 1}
				for name, value := range example.header {
					r.header.Set(name, value)
				}
				if example.method == http.MethodPut {
					verifyPublished(t, r, example.signature)
					return
				}
				var sent string
				c := common{region: "us-east-1", credentials: keysOnly, client: &http.Client{Transport: testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
					sent = r.Header.Get("Authorization")
					return &http.Response{StatusCode: 200, Body: http.NoBody}, verify(r, nil, secret, "s3")
				})}}
				if _, err := c.service("S3", "s3", s3Failure).do(t.Context(), r); err != nil {
					t.Fatal(err)
				}
				if !strings.HasSuffix(sent, "Signature="+example.signature) {
					t.Errorf("sent %s, want the signature %s", sent, example.signature)
				}
			})
		})
	}
}

// verifyPublished checks that verify accepts a published request, and no other.
func verifyPublished(t *testing.T, r *request, signature string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, r.url.String(), bytes.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = r.header
	sum := sha256.Sum256(r.body)
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	req.Header.Set("X-Amz-Date", "20130524T000000Z")
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+keyID+"/20130524/us-east-1/s3/aws4_request,"+
		"SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature="+signature)
	if err := verify(req, r.body, secret, "s3"); err != nil {
		t.Error(err)
	}
	if verify(req, r.body, secret+"x", "s3") == nil {
		t.Error("verify accepts another secret")
	}
}

// keysOnly are credentials without a session token.
var keysOnly = aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
	credentials, err := fixed(ctx)
	credentials.SessionToken = ""
	return credentials, err
})

// Each request of both engines has a signature that a service accepts, whatever the
// names have: the scripts verify that.
func TestRequestsAreSigned(t *testing.T) {
	names := []string{"env/head", "a=2fb=3d=c3=a9/head", "FF__1__2__3/" + strings.Repeat("0f", 32) + ".12", "~ +%&?#é/x"}
	eachEngine(t, func(t *testing.T, name string) {
		responses := engines[name]
		for _, value := range names {
			b := responses.open(t, responses.value, responses.written, responses.written, responses.written, responses.written)
			_, _, getErr := b.Get(t.Context(), value)
			putErr := b.Put(t.Context(), value, []byte("value"))
			_, createErr := b.Swap(t.Context(), value, []byte("value"), "")
			_, swapErr := b.Swap(t.Context(), value, []byte("value"), `"tag"`)
			if err := errors.Join(getErr, putErr, createErr, swapErr, b.Delete(t.Context(), value)); err != nil {
				t.Error(err)
			}
			b.done()
			for _, r := range b.requests {
				if r.header.Get("X-Amz-Security-Token") != token || r.header.Get("User-Agent") == "" {
					t.Errorf("%s has the headers %v", r.method, r.header)
				}
			}
		}
	})
}
