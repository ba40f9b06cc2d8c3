// How to connect a program: the address, the secret and a program in Go.
import { el, fill, icon, set, text } from "./dom.js";
import { goString } from "./format.js";
import { copy, copyButton } from "./notice.js";
import { listen, store } from "./store.js";
import { isBool, valueOf } from "./variation.js";

const panel = document.getElementById("connect-panel");
const button = document.getElementById("connect");
const url = document.getElementById("copy-url");
const secret = document.getElementById("copy-secret");
const program = el("code", null);

// snippet is a whole program. It evaluates the flag that is shown, or one that a
// new file could have.
function snippet(flag) {
	const { url, envSecret } = store.state;
	const key = goString(flag?.key ?? "checkout");
	const call =
		flag && isBool(flag)
			? `client.BoolVariation(ctx, ${key}, user, false)`
			: `client.Variation(ctx, ${key}, user, ${goString(flag ? valueOf(flag, flag.offVariation).slice(0, 60) : "fallback")})`;
	return `package main

import (
	"context"
	"fmt"
	"log"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

func main() {
	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: ${goString(envSecret)},
		BaseURL:   ${goString(url)},
		Transport: &stream.Transport{},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)

	user := ffc.NewUser("u1", ffc.Country("FR"))
	fmt.Println(${call})
}
`;
}

export function showSnippet(flag) {
	if (!store.state) return;
	text(program, snippet(flag));
}

function update() {
	for (const [node, value] of [
		[url, store.state.url],
		[secret, store.state.envSecret],
	]) {
		node.hidden = false;
		text(node.querySelector(".copy-value"), value);
		set(node, "title", `Copy ${value}`);
	}
	for (const [name, node] of Object.entries(values)) text(node, store.state[name]);
}

const values = { url: el("code", null), envSecret: el("code", null), file: el("code", null) };

function setOpen(open) {
	panel.hidden = !open;
	set(button, "aria-expanded", String(open));
}

// close closes the panel and reports whether it was open.
export function close() {
	if (panel.hidden) return false;
	const inside = panel.contains(document.activeElement);
	setOpen(false);
	if (inside) button.focus();
	return true;
}

export function build() {
	const row = (name, node, label) => el("div", null, el("dt", null, name), el("dd", null, node, label && copyButton(() => node.textContent, label)));
	fill(
		panel,
		el(
			"div",
			{ class: "connect-inner" },
			el(
				"div",
				{ class: "connect-words" },
				el("h2", null, "Connect a program"),
				el("dl", null, row("URL", values.url, "Copy URL"), row("Secret", values.envSecret, "Copy secret"), row("Flags", values.file)),
				el("p", { class: "muted" }, "Any SDK of the platform connects with these two. Flags come from the file: save it, or change them here, and clients follow at once."),
			),
			el(
				"div",
				{ class: "snippet" },
				el("div", { class: "snippet-head" }, el("span", null, "main.go"), copyButton(() => program.textContent, "Copy program")),
				el("pre", { tabindex: "0", "aria-label": "Program in Go" }, program),
			),
		),
	);
	button.addEventListener("click", () => setOpen(panel.hidden));
	for (const node of [url, secret]) {
		node.prepend(icon("copy"));
		node.addEventListener("click", () => copy(node.querySelector(".copy-value").textContent, node));
	}
	listen("state", update);
}
