module github.com/feature-flags-co/ffc-server-go-sdk

go 1.26

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/coder/websocket v1.8.15 // the maintained home of nhooyr.io/websocket
	github.com/dlclark/regexp2 v1.12.0 // .NET's regular expressions, which are FeatBit's
	github.com/hashicorp/go-retryablehttp v0.7.8
	github.com/valyala/fastjson v1.6.10
)

require github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
