package safelog_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/safelog"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"checkout", "checkout"},
		{"line\nline\x00\x1b[31m", "line�line��[31m"},
		{"\xff", "�"},
		{strings.Repeat("é", 100), strings.Repeat("é", 100)},
		{strings.Repeat("a", 90) + strings.Repeat("b", 90), strings.Repeat("a", 66) + "…" + strings.Repeat("b", 33)},
		{strings.Repeat("a", 16<<20), strings.Repeat("a", 66) + "…" + strings.Repeat("a", 33)},
		{strings.Repeat("日", 1000), strings.Repeat("日", 66) + "…" + strings.Repeat("日", 33)},
		{strings.Repeat("\xff", 1000), strings.Repeat("�", 66) + "…" + strings.Repeat("�", 33)},
		{strings.Repeat("\xf0", 101), strings.Repeat("�", 66) + "…" + strings.Repeat("�", 33)},
		{strings.Repeat("日", 1000) + "\xe6", strings.Repeat("日", 66) + "…" + strings.Repeat("日", 32) + "�"},
	} {
		if got := safelog.Quote(test.text); got != test.want {
			t.Errorf("%.40q: got %q, want %q", test.text, got, test.want)
		}
	}
}

func TestData(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("k", 1000)
	for _, test := range []struct{ text, want string }{
		{`flag "checkout": no variations`, `flag "checkout": no variations`},
		{`flag "` + long + `": no variations`, `flag "` + long[:66] + "…" + long[:33] + `": no variations`},
		{`flag "a\"` + long + `": operator "` + long + `"`, `flag "a\"` + long[:63] + "…" + long[:33] + `": operator "` + long[:66] + "…" + long[:33] + `"`},
		{`flag "` + long, `flag "` + long[:66] + "…" + long[:33]},
		{`flag "` + long + `\`, `flag "` + long[:66] + "…" + long[:32] + `\`},
	} {
		if got := safelog.Data(test.text); got != test.want {
			t.Errorf("%.40q:\n got %s\nwant %s", test.text, got, test.want)
		}
	}
	if got := safelog.Data(strings.Repeat("\xff", 1<<10)); utf8.RuneCountInString(got) != 400 {
		t.Errorf("of invalid UTF-8: %d characters", utf8.RuneCountInString(got))
	}
	if got := safelog.Data(strings.Repeat(`"a" `, 1<<20)); utf8.RuneCountInString(got) != 400 {
		t.Errorf("%d characters", utf8.RuneCountInString(got))
	}
}

const secret = "ZDI5ZmRhYTMtYmIxYi00ZWE2LTgzODU"

// TestError: nothing of what the other end said is left in an error, and what
// this machine says stays.
func TestError(t *testing.T) {
	t.Parallel()
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	dns := &net.DNSError{Name: strings.Repeat("very.long.", 12) + "example.com", Err: "no such host", IsNotFound: true}
	for _, test := range []struct {
		err  error
		want string
		is   error // errors.Is still finds it
	}{
		{io.ErrUnexpectedEOF, "unexpected EOF", io.ErrUnexpectedEOF},
		{refused, "dial tcp: connection refused", refused},
		{dns, dns.Error(), dns},
		{fmt.Errorf("lookup: %w", dns), "lookup: " + dns.Error(), dns},
		{&url.Error{Op: "Get", URL: "https://h/p", Err: refused}, `Get "https://h/p": dial tcp: connection refused`, refused},
		{fmt.Errorf("malformed HTTP response %q", `{"users":["ann"]}`), `malformed HTTP response "…"`, nil},
		{&url.Error{Op: "Get", URL: "https://h/p", Err: fmt.Errorf("bad %q: %w", "ann", io.EOF)}, `Get "https://h/p": bad "…": EOF`, io.EOF},
		{fmt.Errorf("HTTP/1.x transport connection broken: %w", textproto.ProtocolError("malformed MIME header line: ann")), "the response is not HTTP", nil},
		{fmt.Errorf("after %s: %w", strings.Repeat("x", 200), context.Canceled), "after " + strings.Repeat("x", 60) + "…" + strings.Repeat("x", 15) + ": context canceled", context.Canceled},
		{errors.New("Location: http://[GET / envSecret: " + secret), "the cause is not shown because its text contains a secret", nil},
		{errors.New("half of it: " + secret[10:20]), "the cause is not shown because its text contains a secret", nil},
		{fmt.Errorf("quoted %q", secret), "the cause is not shown because its text contains a secret", nil},
		{errors.New("/streaming?type=server&token=abc"), "the cause is not shown because its text contains a secret", nil},
		{&url.Error{Op: "Get", URL: "https://h/" + secret, Err: io.EOF}, "EOF", io.EOF},
	} {
		got := safelog.Error(test.err, secret)
		if got.Error() != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		if test.is != nil && !errors.Is(got, test.is) {
			t.Errorf("%s: %v is lost", got, test.is)
		}
		for e := got; e != nil; e = errors.Unwrap(e) { // as some loggers do
			if strings.Contains(e.Error(), secret[10:20]) || strings.Contains(e.Error(), "ann") {
				t.Errorf("a cause tells: %s", e)
			}
		}
	}
	if safelog.Error(nil, secret) != nil || safelog.WithoutSecrets(nil, secret) != nil {
		t.Error("an error out of nothing")
	}
	if err := safelog.WithoutSecrets(errors.New(strings.Repeat("x", 500)+secret), secret); strings.Contains(err.Error(), "xxx") {
		t.Errorf("got %v", err)
	}
	if own := errors.New(strings.Repeat("x", 500)); safelog.WithoutSecrets(own, secret) != own {
		t.Error("an error without a secret is not kept")
	}
}
