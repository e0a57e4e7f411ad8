package demo

import "context"

// Keep starts a program as the server of a demo, and keeps it.
func Keep(ctx context.Context, o Options, panel string) (*Demo, error) {
	o.ServerARI = "http://127.0.0.1:1"
	d := &Demo{Options: o, Panel: panel}
	return d, d.run(ctx, "hotline.log", "secrets/number-keys")
}

// Pause is pause, and MediaPorts mediaPorts.
var (
	Pause      = pause
	MediaPorts = mediaPorts
)
