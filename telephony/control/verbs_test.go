package control_test

import (
	"context"

	"hotline/telephony"
	"hotline/telephony/control"
)

// exchange is the real client; every act is one of its controller's life.
type exchange struct {
	control.Switch
	power *power
}

func (x *exchange) Answer(ctx context.Context, leg telephony.LegID) error {
	return x.power.do("answer", leg, func() error { return x.Switch.Answer(ctx, leg) })
}

func (x *exchange) Hangup(ctx context.Context, leg telephony.LegID, reason string) error {
	return x.power.do("hangup", leg, func() error { return x.Switch.Hangup(ctx, leg, reason) })
}

func (x *exchange) Return(ctx context.Context, leg telephony.LegID) error {
	return x.power.do("return", leg, func() error { return x.Switch.Return(ctx, leg) })
}

func (x *exchange) Ring(ctx context.Context, r telephony.RingRequest) error {
	return x.power.do("ring", r, func() error { return x.Switch.Ring(ctx, r) })
}

func (x *exchange) EnsureBridge(ctx context.Context, id telephony.BridgeID, kind telephony.BridgeKind) error {
	return x.power.do("ensure", id, func() error { return x.Switch.EnsureBridge(ctx, id, kind) })
}

func (x *exchange) DeleteBridge(ctx context.Context, id telephony.BridgeID) error {
	return x.power.do("delete", id, func() error { return x.Switch.DeleteBridge(ctx, id) })
}

func (x *exchange) Hold(ctx context.Context, bridge telephony.BridgeID, leg telephony.LegID) error {
	return x.power.do("hold", leg, func() error { return x.Switch.Hold(ctx, bridge, leg) })
}

func (x *exchange) Receive(ctx context.Context, bridge telephony.BridgeID, leg telephony.LegID, up bool) error {
	return x.power.do("receive", leg, func() error { return x.Switch.Receive(ctx, bridge, leg, up) })
}

func (x *exchange) Join(ctx context.Context, bridge telephony.BridgeID, legs ...telephony.LegID) error {
	return x.power.do("join", bridge, func() error { return x.Switch.Join(ctx, bridge, legs...) })
}

func (x *exchange) Mute(ctx context.Context, leg telephony.LegID, on bool) error {
	return x.power.do("mute", leg, func() error { return x.Switch.Mute(ctx, leg, on) })
}

func (x *exchange) Play(ctx context.Context, leg telephony.LegID, playback string, media ...string) error {
	return x.power.do("play", leg, func() error { return x.Switch.Play(ctx, leg, playback, media...) })
}

func (x *exchange) StopPlay(ctx context.Context, playback string) error {
	return x.power.do("stop_play", playback, func() error { return x.Switch.StopPlay(ctx, playback) })
}

func (x *exchange) Watch(ctx context.Context, source string) error {
	return x.power.do("watch", source, func() error { return x.Switch.Watch(ctx, source) })
}
