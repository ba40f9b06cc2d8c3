module shop.example

go 1.26.0

replace github.com/feature-flags-co/ffc-server-go-sdk => ../../../..

require (
	github.com/feature-flags-co/ffc-server-go-sdk v0.0.0
	github.com/open-feature/go-sdk v1.20.0
)

require (
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
	go.uber.org/mock v0.6.0 // indirect
)
