package fleetdata

import "testing"

func TestName(t *testing.T) {
	t.Parallel()
	for environment, want := range map[string]string{
		"FF__1__2__3":                          "FF__1__2__3/head",
		"6f9619ff-8b86-d011-b42d-00cf4fc964ff": "6f9619ff-8b86-d011-b42d-00cf4fc964ff/head",
		"a.b":                                  "a.b/head",
		"..":                                   "=2e./head",
		"a/b=é":                                "a=2fb=3d=c3=a9/head",
	} {
		if got := Name(environment, HeadObject); got != want {
			t.Errorf("%q: %q, want %q", environment, got, want)
		}
	}
	sum := Sum(nil)
	if got := ChunkName("env", sum, 12); got != "env/"+sum+".12" || !IsBody(got) {
		t.Errorf("chunk %q, a body: %t", got, IsBody(got))
	}
	for _, object := range []string{HeadObject, OldObject, PinObject, DeadObject} {
		if IsBody(Name("env", object)) {
			t.Errorf("%s counts as a body", object)
		}
	}
}
