package jsontext_test

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

func TestIsNumber(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"0": true, "-0": true, "12": true, "-1.50": true, "1e9": true, "1E-9": true, "1e999": true,
		"": false, "-": false, "007": false, "+5": false, ".5": false, "5.": false, "1_000": false, "0x10": false, "NaN": false, " 1": false, "1 ": false, "1\n": false, "1 2": false, "true": false,
	} {
		if got := jsontext.IsNumber(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestIsComposite(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"{}": true, " [1] ": true, `{"a":{}}`: true,
		"": false, "{": false, "1": false, `"{}"`: false, "{} {}": false, "null": false,
	} {
		if got := jsontext.IsComposite(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}
