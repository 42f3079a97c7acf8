//go:build tools

// Package tools names the program that the tests run an Envoy Gateway by, so that go.sum pins all it is made of.
package tools

import _ "github.com/envoyproxy/gateway/cmd/envoy-gateway"
