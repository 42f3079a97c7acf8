module gatewayctl.test/pause

go 1.24.0
