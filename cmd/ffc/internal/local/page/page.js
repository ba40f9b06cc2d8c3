new EventSource("/local/live").addEventListener("state", (message) => {
	const flags = JSON.parse(message.data).flags.map((flag) => {
		const item = document.createElement("li");
		item.textContent = `${flag.key}: ${flag.on ? "on" : "off"}`;
		return item;
	});
	document.getElementById("flags").replaceChildren(...flags);
});
