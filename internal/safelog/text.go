package safelog

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"strings"
	"syscall"
	"unicode"
)

const (
	// maxQuote is the maximum number of characters of a text from the network.
	maxQuote = 100
	// maxText is the maximum number of characters of a text that quotes such
	// texts.
	maxText = 400
	// window is the number of consecutive characters of a secret that count as
	// a disclosure.
	window = 8
)

// Quote returns text from the network for a log line or an error: at most 100
// characters. It replaces characters that cannot be printed.
func Quote(text string) string { return cut(text, maxQuote) }

// cut keeps the beginning and the end of a text, because either may matter.
func cut(text string, most int) string {
	var runes []rune
	for _, r := range text { // of a text of many megabytes only the ends are read
		if len(runes) > most {
			break
		}
		runes = append(runes, r)
	}
	if len(runes) > most {
		const ellipsis = "…"
		head := runes[:most*2/3]
		tail := []rune(text[max(0, len(text)-4*most):]) // at least most runes, as none has more than 4 bytes
		tail = tail[len(tail)-(most-len(head)-1):]
		return printable(head) + ellipsis + printable(tail)
	}
	return printable(runes)
}

func printable(runes []rune) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, string(runes))
}

// Data shortens a text about data from the network: each part in quotation
// marks to 100 characters, and the whole to 400.
func Data(text string) string {
	if len(text) <= maxQuote {
		return printable([]rune(text))
	}
	return cut(eachQuote(text, Quote), maxText)
}

// eachQuote replaces each part between quotation marks in a text.
func eachQuote(text string, by func(string) string) string {
	var b bytes.Buffer
	for {
		start := strings.IndexAny(text, "\"`")
		if start < 0 {
			b.WriteString(text)
			return b.String()
		}
		mark := text[start]
		b.WriteString(text[:start+1])
		text = text[start+1:]
		end := 0
		for end < len(text) && text[end] != mark {
			if text[end] == '\\' && mark == '"' {
				end++
			}
			end++
		}
		end = min(end, len(text))
		b.WriteString(by(text[:end]))
		text = text[end:]
		if text != "" {
			b.WriteByte(mark)
			text = text[1:]
		}
	}
}

var (
	errSecret  = errors.New("the cause is not shown because its text contains a secret")
	errNotHTTP = errors.New("the response is not HTTP")
)

// Error returns an error of a request without text from the network. It removes
// parts in quotation marks, which may be users' data, everything after the
// first 100 characters, and secrets. Errors of this machine, such as those of
// dialling and of TLS verification, may be longer. It returns err itself if
// there is nothing to remove.
func Error(err error, secrets ...string) error {
	if err == nil {
		return nil
	}
	// The first quote is the configured address, unless a redirect led
	// elsewhere.
	if outer, ok := err.(*url.Error); ok { //nolint:errorlint // only the outermost
		inner := Error(outer.Err, secrets...)
		switch {
		case reveals(outer.URL, secrets):
			return inner
		case inner == outer.Err && len(outer.URL) <= maxText:
			return err
		}
		return &url.Error{Op: outer.Op, URL: cut(outer.URL, maxText), Err: inner}
	}
	switch text := err.Error(); {
	case reveals(text, secrets):
		return errSecret
	case has[textproto.ProtocolError](err):
		return errNotHTTP
	case local(err):
		if short := cut(text, maxText); short != text {
			return &cleaned{short, err}
		}
		return err
	default:
		short := cut(eachQuote(text, func(string) string { return "…" }), maxQuote)
		if short == text {
			return err
		}
		return &cleaned{short, known(err)}
	}
}

// local reports whether the text of an error comes from this machine, except
// for names in certificates.
func local(err error) bool {
	return has[*net.OpError](err) || has[*net.DNSError](err) || has[*tls.CertificateVerificationError](err)
}

func has[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// known returns an error that err wraps and that has no text from the network.
func known(err error) error {
	for _, e := range []error{context.DeadlineExceeded, context.Canceled, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed} {
		if errors.Is(err, e) {
			return e
		}
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number
	}
	return nil
}

// cleaned is an error with another text.
type cleaned struct {
	text string
	err  error
}

// Error implements error.
func (e *cleaned) Error() string { return e.text }

// Unwrap returns the cause, without texts from the network.
func (e *cleaned) Unwrap() error { return e.err }

// WithoutSecrets returns err, or another error if its text holds a secret or a
// token.
func WithoutSecrets(err error, secrets ...string) error {
	if err != nil && reveals(err.Error(), secrets) {
		return errSecret
	}
	return err
}

// reveals reports whether a text holds a part of a secret, or a token.
func reveals(text string, secrets []string) bool {
	if strings.Contains(text, "token=") {
		return true
	}
	for _, secret := range secrets {
		for i := 0; i+window <= len(secret); i++ {
			if strings.Contains(text, secret[i:i+window]) {
				return true
			}
		}
		if secret != "" && len(secret) < window && strings.Contains(text, secret) {
			return true
		}
	}
	return false
}
