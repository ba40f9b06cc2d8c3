module github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc-relay

go 1.26.0

replace github.com/feature-flags-co/ffc-server-go-sdk => ../../

replace github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws => ../../transport/fleet/fleetaws

replace github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats => ../../transport/fleet/fleetnats

replace github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis => ../../transport/fleet/fleetredis

require (
	github.com/aws/aws-sdk-go-v2/config v1.33.18
	github.com/feature-flags-co/ffc-server-go-sdk v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis v0.0.0
	github.com/hashicorp/hcl/v2 v2.25.0
	github.com/nats-io/nats.go v1.55.0
	github.com/nats-io/nkeys v0.4.16
	go.yaml.in/yaml/v3 v3.0.5
)

require (
	github.com/agext/levenshtein v1.2.1 // indirect
	github.com/apparentlymart/go-textseg/v15 v15.0.0 // indirect
	github.com/apparentlymart/go-textseg/v17 v17.0.1 // indirect
	github.com/aws/aws-sdk-go-v2 v1.48.0 // indirect
	github.com/aws/aws-sdk-go-v2/credentials v1.21.0 // indirect
	github.com/aws/aws-sdk-go-v2/feature/ec2/imds v1.20.9 // indirect
	github.com/aws/aws-sdk-go-v2/internal/configsources v1.5.12 // indirect
	github.com/aws/aws-sdk-go-v2/internal/endpoints/v2 v2.8.12 // indirect
	github.com/aws/aws-sdk-go-v2/internal/v4a v1.5.12 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/accept-encoding v1.13.25 // indirect
	github.com/aws/aws-sdk-go-v2/service/internal/presigned-url v1.14.12 // indirect
	github.com/aws/aws-sdk-go-v2/service/signin v1.13.1 // indirect
	github.com/aws/aws-sdk-go-v2/service/sso v1.39.5 // indirect
	github.com/aws/aws-sdk-go-v2/service/ssooidc v1.44.5 // indirect
	github.com/aws/aws-sdk-go-v2/service/sts v1.52.0 // indirect
	github.com/aws/smithy-go v1.28.9 // indirect
	github.com/coder/websocket v1.8.15 // indirect
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/klauspost/compress v1.20.0 // indirect
	github.com/mitchellh/go-wordwrap v1.0.1 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/redis/rueidis v1.0.79 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	github.com/zclconf/go-cty v1.19.0 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/mod v0.41.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	golang.org/x/tools v0.49.0 // indirect
)
