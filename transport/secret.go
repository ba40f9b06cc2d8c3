package transport

import (
	"fmt"
	"io"
)

// Secret is the environment secret. It prints as a placeholder, whatever the
// verb. Reveal returns the text. The zero Secret is empty. Secrets cannot be
// compared with ==.
type Secret struct{ text *string } // a pointer, as fmt calls no method for %p

// NewSecret returns a Secret with a text.
func NewSecret(text string) Secret { return Secret{&text} }

// Reveal returns the text of the secret. Do not log it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

const redacted = "[secret]"

// String implements fmt.Stringer. It returns a placeholder.
func (Secret) String() string { return redacted }

// Format implements fmt.Formatter. It writes a placeholder, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText implements encoding.TextMarshaler. It returns a placeholder.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
