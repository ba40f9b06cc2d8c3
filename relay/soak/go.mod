module github.com/feature-flags-co/ffc-server-go-sdk/relay/soak

go 1.26.0

replace (
	github.com/feature-flags-co/ffc-server-go-sdk => ../../
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats => ../../transport/fleet/fleetnats
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats/enginetest => ../../transport/fleet/fleetnats/enginetest
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis => ../../transport/fleet/fleetredis
)

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/feature-flags-co/ffc-server-go-sdk v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats/enginetest v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis v0.0.0
	github.com/nats-io/nats.go v1.55.0
	github.com/redis/rueidis v1.0.79
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.9.0-default-no-op // indirect
	github.com/aws/aws-sdk-go-v2 v1.48.0 // indirect
	github.com/aws/smithy-go v1.28.9 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/johannesboyne/gofakes3 v1.2.0 // indirect
	github.com/klauspost/compress v1.20.4 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.3 // indirect
	github.com/nats-io/nats-server/v2 v2.15.3 // indirect
	github.com/nats-io/nkeys v0.4.17 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/ryszard/goskiplist v0.0.0-20150312221310-2dfbae5fcf46 // indirect
	go.shabbyrobe.org/gocovmerge v0.0.0-20230507111327-fa4f82cfbf4d // indirect
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/time v0.16.0 // indirect
	golang.org/x/tools v0.42.0 // indirect
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws v0.0.0 // indirect
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest v0.0.0
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	golang.org/x/sys v0.50.0 // indirect
)

replace github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws => ../../transport/fleet/fleetaws

replace github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest => ../../transport/fleet/fleetaws/enginetest
