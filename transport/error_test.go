package transport_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

func TestError(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  transport.Error
		want string
	}{
		{"with a cause", transport.Error{Kind: transport.KindNetwork, Err: io.ErrUnexpectedEOF}, "Network error: unexpected EOF"},
		{"without", transport.Error{Kind: transport.KindClosed}, "Unknown close code"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := tt.err.Error(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			wrapped := fmt.Errorf("wrapped: %w", &tt.err)
			var typed *transport.Error
			if !errors.As(wrapped, &typed) || typed.Kind != tt.err.Kind {
				t.Errorf("got %v, want kind %q", typed, tt.err.Kind)
			}
			if tt.err.Err != nil && !errors.Is(wrapped, tt.err.Err) {
				t.Errorf("the cause %v is not found", tt.err.Err)
			}
		})
	}
}
