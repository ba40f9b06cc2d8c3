package browsertest

import (
	"strings"
	"testing"
)

// TestBrokenFile: the page says where the file is broken, goes on with what was
// there, refuses to write over it, and recovers.
func TestBrokenFile(t *testing.T) {
	p := serve(t, shop)
	c := p.client()
	b := open(t, p.url, "#/flag/payments", desktop)
	b.expect("409 (Conflict)")

	p.save(strings.Replace(shop, `"variations": ["one-page"`, `"variations" ["one-page"`, 1))
	b.untilText("#problem", "flags.json", "line 5, column 20", "Clients keep the flags from before.")

	b.click(".head .switch")
	b.untilText(".notice", "payments was not changed", "Nothing was written")
	if got := b.text(".head-on"); got != "On" {
		t.Errorf("the switch says %q after a refused change, want On", got)
	}
	b.press("r")
	b.click(".presets button:nth-child(2)")
	b.click(save)
	b.untilText(".rollout .bad", "The rollout was not saved", "Nothing was written")

	p.save(strings.Replace(shop, `"Payments by card"`, `"Payments by any card"`, 1))
	b.until(`document.getElementById("problem").hidden`)
	b.untilText(".head-name", "Payments by any card")
	b.click(".notice .button") // try again
	c.until("payments", "u1", "false")
	b.until(`document.querySelector(".notice") === null`)
	b.click(save)
	b.untilText(".step-last .step-outcome", "false")
}

// TestFlagsComeAndGo follows a file from no flags to some, and to others.
func TestFlagsComeAndGo(t *testing.T) {
	p := serve(t, `{"flags": {}}`)
	b := open(t, p.url, "", desktop)
	b.untilText("#list-empty", "No flags yet", "flags.json")
	p.save(shop)
	b.untilText("#found", "4 flags")
	b.untilText(".head-key", "checkout")
	p.save(`{"flags": {"checkout": {}, "new": {}}}`)
	b.untilText("#found", "2 flags")
	b.click(`[href="#/flag/new"]`)
	b.untilText(".head-key", "new")
	p.save(`{"flags": {"checkout": {}}}`)
	b.untilText(".flag .empty", "No such flag")
	p.save(`{"flags": {"checkout": {}, "new": {}}}`)
	b.untilText(".head-on", "On")
	b.until(`document.querySelector('.row.is-selected [href="#/flag/new"]')`)
}

// TestConnectionLost: the page says that the platform is gone, and connects by
// itself when it is back.
func TestConnectionLost(t *testing.T) {
	p := serve(t, shop)
	b := open(t, p.url, "#/flag/payments", desktop)
	b.expect("net::ERR_")
	p.stop()
	b.untilText("#lost", "The connection to ffc serve is lost", "Retry now")
	b.untilText("#link", "Offline")
	b.click(".head .switch")
	if got := b.text(".head-on"); got != "On" {
		t.Errorf("the switch says %q without a platform, want On", got)
	}
	p.save(strings.Replace(shop, `"Payments by card"`, `"Payments by any card"`, 1))
	p.start()
	b.untilText("#link", "Live")
	b.until(`document.getElementById("lost").hidden`)
	b.untilText(".head-name", "Payments by any card")
}
