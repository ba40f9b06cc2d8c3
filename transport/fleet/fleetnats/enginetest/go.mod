module github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats/enginetest

go 1.26.0

replace (
	github.com/feature-flags-co/ffc-server-go-sdk => ../../../../
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats => ../
)

require (
	github.com/feature-flags-co/ffc-server-go-sdk v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats v0.0.0
	github.com/nats-io/nats-server/v2 v2.15.3
	github.com/nats-io/nats.go v1.55.0
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.9.0-default-no-op // indirect
	github.com/coder/websocket v1.8.15 // indirect
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.3 // indirect
	github.com/nats-io/nkeys v0.4.17 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.50.0 // indirect
	golang.org/x/time v0.16.0 // indirect
)
