//go:build lambda.norpc

package main

import (
	"fmt"
	"os"
)

func demo() {
	fmt.Fprintln(os.Stderr, "AWS_LAMBDA_RUNTIME_API is not set: this program runs on AWS Lambda")
	os.Exit(1)
}
