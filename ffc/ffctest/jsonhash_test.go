package ffctest

import "testing"

func TestMeaning(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{`{"a":1,"b":[true,null,"x"]}`, ` { "b" : [ true, null, "x" ] , "a" : 1 } `, `{"\u0062":[true,null,"\u0078"],"a":1}`},
		{`{}`, `{ }`},
		{`""`, ` "" `},
		{`"é\n"`, `"\u00e9\u000A"`},
	} {
		for _, other := range same[1:] {
			if meaningOf([]byte(same[0])) != meaningOf([]byte(other)) {
				t.Errorf("%s and %s differ", same[0], other)
			}
		}
	}
	seen := make(map[uint64]string)
	for _, text := range []string{
		`{}`, `[]`, `""`, `0`, `null`, `"null"`, `true`, `"true"`, `1`, `"1"`, `1.0`, `[1]`, `[[1]]`, `[1,2]`, `[2,1]`, `[[1],2]`, `{"a":1}`, `{"b":1}`, `{"a":2}`,
		`{"a":"1"}`, `{"a":1,"b":2}`, `{"a":2,"b":1}`, `{"a":{"b":1}}`, `{"a":{},"b":1}`, `{"a":1,"a":1}`, `["a",1]`,
	} {
		sum := meaningOf([]byte(text))
		if other, known := seen[sum]; known {
			t.Errorf("%s and %s are the same", text, other)
		}
		seen[sum] = text
	}
}
