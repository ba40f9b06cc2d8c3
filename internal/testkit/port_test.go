package testkit_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

func TestPort(t *testing.T) {
	p, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for range 3 {
		if _, err := net.Dial("tcp", p.Address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("a port without a listener accepted a connection: %v", err)
		}
		listener, err := p.Listen()
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", p.Address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Close(), listener.Close()
	}
}
