package scan

import "testing"

func TestKindOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		message string
		want    Kind
		wantErr bool
	}{
		{name: "data-sync", message: `{"messageType":"data-sync","data":{}}`, want: KindDataSync},
		{name: "pong", message: `{"messageType":"pong","data":null}`, want: KindPong},
		{name: "type last", message: ` { "data" : {"messageType":"pong"} , "messageType" : "data-sync" } `, want: KindDataSync},
		{name: "unknown", message: `{"messageType":"ping","data":null}`},
		{name: "other case", message: `{"messageType":"Pong","data":null}`},
		{name: "null", message: `{"messageType":null}`},
		{name: "number", message: `{"messageType":1}`},
		{name: "none", message: `{"data":{"messageType":"pong"}}`},
		{name: "empty object", message: `{}`},
		{name: "what follows is not read", message: `{"messageType":"pong","data":`, want: KindPong},

		{name: "nothing", wantErr: true},
		{name: "space", message: " \n", wantErr: true},
		{name: "text", message: `pong`, wantErr: true},
		{name: "array", message: `[]`, wantErr: true},
		{name: "null message", message: `null`, wantErr: true},
		{name: "cut in the type", message: `{"messageType":"po`, wantErr: true},
		{name: "cut before the type", message: `{"data":null,`, wantErr: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := KindOf([]byte(test.message))
			if got != test.want || (err != nil) != test.wantErr {
				t.Errorf("got %d, %v; want %d", got, err, test.want)
			}
		})
	}
}
