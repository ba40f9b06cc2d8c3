package ffc

import (
	"reflect"
	"time"
)

// ForgetDefault takes SetDefault back.
func ForgetDefault() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	shared.cfg, shared.client = nil, nil
}

// ClocksCompared is when the clocks that events are timed by were compared last,
// after the client began.
func (c *Client) ClocksCompared() time.Duration {
	stamps := reflect.ValueOf(c.events).Elem().FieldByName("queue").Elem().FieldByName("stamps").Elem()
	return time.Duration(stamps.FieldByName("compared").FieldByName("v").Int())
}
