module github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats

go 1.26.0

replace github.com/feature-flags-co/ffc-server-go-sdk => ../../../

require (
	github.com/feature-flags-co/ffc-server-go-sdk v0.0.0
	github.com/nats-io/nats.go v1.55.0
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/klauspost/compress v1.20.0 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
)
