package main

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

func TestTry(t *testing.T) {
	onBoth(t, func(t *testing.T, g ffctest.Generation) {
		s := platform(t, g, shop()...)
		show := func(o outcome) { t.Logf("exit %d\n%s---\n%s", o.code, o.stdout, o.stderr) }
		show(at(t, s, "doctor"))
		show(at(t, s, "doctor", "-json"))
		s.Skew(-100e9)
		show(at(t, s, "doctor"))
		s.Skew(100e9)
		show(at(t, s, "doctor"))
		s.Skew(0)
		s.RejectUpgrade(403)
		show(at(t, s, "doctor"))
		s.RejectUpgrade(4003)
		show(at(t, s, "doctor"))
		s.RejectUpgrade(0)
		r := s.Stall(ffctest.Streaming)
		show(at(t, s, "doctor", "-timeout=500ms"))
		r()
		show(bare(t, "doctor", "-secret", s.EnvSecret, "-url", "http://"+silentPort(t), "-timeout=300ms"))
		show(bare(t, "doctor", "-secret", s.EnvSecret, "-url", "http://"+deadPort(t)))
		show(at(t, s, "snapshot"))
		show(at(t, s, "snapshot", "-o", t.TempDir()+"/x.json", "-json"))
		show(at(t, s, "eval", "-user", "u1", "checkout"))
		show(at(t, s, "eval", "-user", "u1", "-all"))
	})
}
