package ari

import (
	"context"
	"net/http"
	"strings"

	"hotline/telephony"
)

// EnsureBridge creates a bridge; the one that exists is left as it is.
func (c *Client) EnsureBridge(ctx context.Context, id telephony.BridgeID, kind telephony.BridgeKind) error {
	return c.ensureBridge(ctx, guarded, id, kind)
}

func (c *Client) ensureBridge(ctx context.Context, g guard, id telephony.BridgeID, kind telephony.BridgeKind) error {
	err := without(c.do(ctx, request{
		op: opEnsureBridge, method: http.MethodPost, path: []string{"bridges", string(id)},
		body: map[string]any{"type": kind}, again: true, guard: g,
	}, nil), (*Error).exists)
	return about("bridge", id, err)
}

// DeleteBridge removes a bridge; legs inside stay alive in the application.
func (c *Client) DeleteBridge(ctx context.Context, id telephony.BridgeID) error {
	err := without(c.do(ctx, request{
		op: opDeleteBridge, method: http.MethodDelete, path: []string{"bridges", string(id)}, again: true,
	}, nil), (*Error).Gone)
	return about("bridge", id, err)
}

// Hold lets a leg wait with music. The role is what brings the music, and it is lost when the leg comes straight from a
// holding bridge, this one included (telephony.md 2.4): so it is taken out first wherever it may be in one. A bridge
// that is not there, after a restart of the exchange, is made.
func (c *Client) Hold(ctx context.Context, bridge telephony.BridgeID, leg telephony.LegID) error {
	return c.hold(ctx, guarded, bridge, leg)
}

// Receive answers a citizen's leg and lets it wait with music without asking the fence: the one exception of hold-only, for an
// arrival that this controller has received and can not record yet (R4, F13).
func (c *Client) Receive(ctx context.Context, bridge telephony.BridgeID, leg telephony.LegID, up bool) error {
	if !up {
		if err := c.answer(ctx, cleanup, leg); err != nil {
			return err
		}
	}
	return c.hold(ctx, cleanup, bridge, leg)
}

func (c *Client) hold(ctx context.Context, g guard, bridge telephony.BridgeID, leg telephony.LegID) error {
	if from, ok := c.holding(leg); ok {
		if err := c.Leave(ctx, from, leg); err != nil && !gone(err) {
			return err
		}
	}
	c.remember(leg, bridge) // before the command: after a lost reply it may be inside
	into := map[string]any{"channel": leg, "role": "holding_participant", "inhibitConnectedLineUpdates": true}
	err := c.addTo(ctx, opHold, g, bridge, leg, into)
	if noBridge(err) {
		if err := c.ensureBridge(ctx, g, bridge, telephony.BridgeHolding); err != nil {
			return err
		}
		err = c.addTo(ctx, opHold, g, bridge, leg, into)
	}
	if gone(err) {
		c.forget(leg)
	}
	return about("leg", leg, err)
}

// Join puts legs into a mixing bridge, each as soon as its announcement has ended: stop those first. The verb's deadline
// bounds the wait. A bridge that is not there is made (RT12).
func (c *Client) Join(ctx context.Context, bridge telephony.BridgeID, legs ...telephony.LegID) error {
	if len(legs) == 0 {
		return nil
	}
	into := map[string]any{"channel": legs, "inhibitConnectedLineUpdates": true}
	err := c.addTo(ctx, opJoin, guarded, bridge, legs[0], into)
	if noBridge(err) {
		if err := c.EnsureBridge(ctx, bridge, telephony.BridgeMixing); err != nil {
			return err
		}
		err = c.addTo(ctx, opJoin, guarded, bridge, legs[0], into)
	}
	if err == nil {
		c.forget(legs...)
	}
	return about("legs", joined(legs), err)
}

// Leave takes a leg out of a bridge; it stays in the application, and hears nothing.
func (c *Client) Leave(ctx context.Context, bridge telephony.BridgeID, leg telephony.LegID) error {
	err := c.do(ctx, request{
		op: opLeave, method: http.MethodPost, path: []string{"bridges", string(bridge), "removeChannel"},
		body: map[string]any{"channel": leg},
	}, nil)
	if err == nil {
		c.forget(leg)
	}
	return about("bridge", bridge, about("leg", leg, err))
}

func (c *Client) addTo(ctx context.Context, op string, g guard, bridge telephony.BridgeID, leg telephony.LegID, body map[string]any) error {
	err := c.do(ctx, request{
		op: op, method: http.MethodPost, path: []string{"bridges", string(bridge), "addChannel"}, body: body, guard: g, about: string(leg),
	}, nil)
	return about("bridge", bridge, err)
}

// holding says in which holding bridge the leg is, or may be. It follows our own commands, not events: those of an
// earlier stay may come late.
func (c *Client) holding(leg telephony.LegID) (telephony.BridgeID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	bridge, ok := c.held[leg]
	return bridge, ok
}

func (c *Client) remember(leg telephony.LegID, bridge telephony.BridgeID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[leg] = bridge
}

func (c *Client) forget(legs ...telephony.LegID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, leg := range legs {
		delete(c.held, leg)
	}
}

// adopt takes over what a snapshot shows: legs put on hold by an earlier controller, and legs that are no more.
func (c *Client) adopt(s telephony.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	exists := make(map[telephony.LegID]struct{}, len(s.Channels))
	for _, ch := range s.Channels {
		exists[ch.ID] = struct{}{}
	}
	for leg := range c.held {
		if _, ok := exists[leg]; !ok {
			delete(c.held, leg)
		}
	}
	for _, b := range s.Bridges {
		if b.Kind != telephony.BridgeHolding {
			continue
		}
		for _, leg := range b.Channels {
			if _, known := c.held[leg]; !known {
				c.held[leg] = b.ID
			}
		}
	}
}

func joined(legs []telephony.LegID) string {
	var all strings.Builder
	for i, leg := range legs {
		if i > 0 {
			all.WriteByte(',')
		}
		all.WriteString(string(leg))
	}
	return all.String()
}
