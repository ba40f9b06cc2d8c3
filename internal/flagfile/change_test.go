package flagfile

import (
	"reflect"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// eachForm runs a test with a file of each form with a few flags.
func eachForm(t *testing.T, test func(t *testing.T, text string)) {
	t.Helper()
	const simple = "\ufeff{\n \"flags\": {\n  \"a\": {\"on\": true},\n  \"b\": {\"variations\": [\"x\", \"y\"], \"serve\": \"x\"},\n  \"\\u0063\": {}\n },\n \"segments\": {\"s\": {\"included\": [\"é\"]}}\n}\n"
	t.Run("simple", func(t *testing.T) { test(t, simple) })
	for _, platform := range []string{classic.Name, featbit.Name} {
		data, err := Snapshot("", []byte(simple), platform)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(platform, func(t *testing.T) { test(t, string(data)) })
	}
}

// A change reads one flag, and the document of the new text is that of parsing it.
func TestEditedIsParsed(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, text string) {
		doc, name, err := Parse([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 9 {
			file, key := &countingReader{Reader: strings.NewReader(text)}, []string{"a", "b", "c"}[i%3]
			edit, err := doc.Edit(file, key, Change{On: new(i%2 == 1)}, 1_700_000_000_000+int64(i)*10_000_000_000_000)
			if err != nil {
				t.Fatal(err)
			}
			if edit.Text == nil { // on, where nothing is said
				continue
			}
			next, _, err := doc.Edited(file, edit)
			if err != nil {
				t.Fatal(err)
			}
			if n := edit.End - edit.Start; file.n != n {
				t.Errorf("%d bytes were read for a flag of %d", file.n, n)
			}
			text = text[:edit.Start] + string(edit.Text) + text[edit.End:]
			want, _, err := ParseChanged(doc, []byte(text), name)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(next.flags, want.flags) || !reflect.DeepEqual(next.index, want.index) {
				t.Fatalf("%s: got %+v, want %+v", text, next.flags, want.flags)
			}
			doc = next
		}
	})
}

// countingReader counts the bytes that are read.
type countingReader struct {
	*strings.Reader
	n int
}

func (r *countingReader) ReadAt(p []byte, at int64) (int, error) {
	n, err := r.Reader.ReadAt(p, at)
	r.n += n
	return n, err
}

// A file that has changed has another text where the flag was: that is an error, and
// no change.
func TestEditOfAnotherText(t *testing.T) {
	t.Parallel()
	eachForm(t, func(t *testing.T, text string) {
		doc, _, err := Parse([]byte(text), "")
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range []string{"", text[:len(text)/2], strings.ReplaceAll(text, "{", "1"), strings.ReplaceAll(text, "}", "]")} {
			if edit, err := doc.Edit(strings.NewReader(other), "b", Change{On: new(false)}, 1); err == nil {
				t.Errorf("%q: flag b became %q", other, edit.Text)
			}
		}
	})
}
