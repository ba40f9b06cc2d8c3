module github.com/feature-flags-co/ffc-server-go-sdk/examples/fleetaws

go 1.26.0

replace (
	github.com/feature-flags-co/ffc-server-go-sdk => ../../
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws => ../../transport/fleet/fleetaws
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest => ../../transport/fleet/fleetaws/enginetest
)

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/aws/aws-sdk-go-v2 v1.48.0
	github.com/feature-flags-co/ffc-server-go-sdk v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws v0.0.0
	github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws/enginetest v0.0.0
)

require (
	github.com/aws/smithy-go v1.28.9 // indirect
	github.com/coder/websocket v1.8.15 // indirect
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/johannesboyne/gofakes3 v1.2.0 // indirect
	github.com/ryszard/goskiplist v0.0.0-20150312221310-2dfbae5fcf46 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	go.shabbyrobe.org/gocovmerge v0.0.0-20230507111327-fa4f82cfbf4d // indirect
	golang.org/x/tools v0.8.0 // indirect
)
