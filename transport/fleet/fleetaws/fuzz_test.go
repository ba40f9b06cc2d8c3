package fleetaws

import (
	"strings"
	"testing"
	"unicode"
)

// Whatever a service responds, values are its values, and errors show none of it but
// a code.
func FuzzResponses(f *testing.F) {
	f.Add([]byte(`{"Item":{"name":{"S":"ffc/env/head"},"value":{"B":"aGVhZA=="},"version":{"S":"1"}}}`))
	f.Add([]byte(`{"__type":"com.amazonaws.dynamodb.v20120810#ThrottlingException","message":"x"}`))
	f.Add([]byte(`<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>x</Message></Error>`))
	f.Add([]byte("<Code>hunter2 \n</Code>"))
	f.Fuzz(func(t *testing.T, text []byte) {
		value, version, err := parseItem(text)
		if err == nil && (version == "" || len(value) > len(text)) || err != nil && (value != nil || version != "") {
			t.Errorf("the item has the value %q and the version %q, error %v", value, version, err)
		}
		for name, failure := range map[string]func([]byte) (string, string){"S3": s3Failure, "DynamoDB": jsonFailure} {
			code, region := failure(text)
			message := (&serviceError{service: name, status: 400, code: plain(code), region: plain(region)}).Error()
			if len(message) > 150 || strings.ContainsFunc(message, unicode.IsControl) {
				t.Errorf("the error is %q", message)
			}
		}
	})
}
