package flagfile

import (
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
)

// SDKs read the option of a prerequisite under two names, and the original Python
// SDK insists on one of them: a flag file has both, as the platform has.
func TestPrerequisiteHasBothSpellings(t *testing.T) {
	t.Parallel()
	doc, _, err := Parse([]byte(`{"flags":{"a":{},"b":{"prerequisites":{"a":"true"}}}}`), classic.Name)
	if err != nil {
		t.Fatal(err)
	}
	const option = `{"localId":1,"displayOrder":1,"variationValue":"true"}`
	for _, name := range []string{"valueOptionsVariationValue", "ValueOptionsVariationValue"} {
		if member := `"` + name + `":` + option; strings.Count(string(doc.Data()), member) != 1 {
			t.Errorf("no %s in %s", member, doc.Data())
		}
	}
}
