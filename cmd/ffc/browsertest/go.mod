module github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/browsertest

go 1.26.0

replace github.com/feature-flags-co/ffc-server-go-sdk => ../../../

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/feature-flags-co/ffc-server-go-sdk v0.0.0
)

require (
	github.com/coder/websocket v1.8.15 // indirect
	github.com/dlclark/regexp2 v1.12.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	github.com/valyala/fastjson v1.6.10 // indirect
)
