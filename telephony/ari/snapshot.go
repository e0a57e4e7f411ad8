package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"hotline/telephony"
)

const entityAt = "@" // between the exchange's id and its start-up time

// wireChannel has what ari.ChannelData lacks: where the channel is.
type wireChannel struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	Caller   struct{ Number string }
	Dialplan struct {
		Exten   string `json:"exten"`
		AppName string `json:"app_name"`
		AppData string `json:"app_data"`
	}
	CreationTime string `json:"creationtime"`
}

// Snapshot asks what exists. It never asks for the list of applications: one that is stuck inside Asterisk would hang it
// (telephony.md 2.2).
func (c *Client) Snapshot(ctx context.Context) (telephony.Snapshot, error) {
	s, err := c.snapshot(ctx)
	if err != nil {
		return telephony.Snapshot{}, fmt.Errorf("take a snapshot of the exchange: %w", err)
	}
	c.adopt(s)
	return s, nil
}

func (c *Client) snapshot(ctx context.Context) (telephony.Snapshot, error) {
	var s telephony.Snapshot
	var err error
	if s.Entity, err = c.entity(ctx); err != nil {
		return s, err
	}
	_, began, _ := strings.Cut(s.Entity, entityAt)
	if at, err := time.Parse(ari.DateFormat, began); err == nil {
		s.Began = at.UTC()
	}
	var app ari.ApplicationData
	if err := c.list(ctx, opApplication, &app, "applications", c.cfg.App); err != nil {
		refusal, ok := errors.AsType[*Error](err)
		if !ok || refusal.Status != http.StatusNotFound {
			return s, err
		} // no such application: nobody is in it
	}
	var channels []wireChannel
	if err := c.do(ctx, request{
		op: opChannels, method: http.MethodGet, path: []string{"channels"}, again: true, guard: unguarded, slow: true, date: &s.Told,
	}, &channels); err != nil {
		return s, err
	}
	var bridges []ari.BridgeData
	if err := c.list(ctx, opBridges, &bridges, "bridges"); err != nil {
		return s, err
	}
	again, err := c.entity(ctx)
	if err != nil {
		return s, err
	}
	if again != s.Entity {
		return s, errors.New("the exchange was restarted meanwhile")
	}
	in := make(map[string]telephony.BridgeID)
	for _, b := range bridges {
		found := telephony.Bridge{ID: telephony.BridgeID(b.ID), Kind: telephony.BridgeKind(b.Type)}
		for _, id := range b.ChannelIDs {
			found.Channels = append(found.Channels, telephony.LegID(id))
			in[id] = found.ID
		}
		s.Bridges = append(s.Bridges, found)
	}
	for _, ch := range channels {
		s.Channels = append(s.Channels, c.channel(ch, in[ch.ID]))
	}
	return s, nil
}

func (c *Client) channel(w wireChannel, bridge telephony.BridgeID) telephony.Channel {
	args := strings.Split(w.Dialplan.AppData, ",")
	ch := telephony.Channel{
		ID:      telephony.LegID(w.ID),
		State:   w.State,
		Caller:  w.Caller.Number,
		Dialled: w.Dialplan.Exten,
		InApp:   w.Dialplan.AppName == "Stasis" && args[0] == c.cfg.App,
		Bridge:  bridge,
	}
	if ch.InApp && len(args) > 2 && args[1] == inbound {
		ch.Dialled = args[2]
	}
	if at, err := time.Parse(ari.DateFormat, w.CreationTime); err == nil {
		ch.CreatedAt = at.UTC()
	}
	return ch
}

// entity names this run of this Asterisk: all calls of another one are over.
func (c *Client) entity(ctx context.Context) (string, error) {
	var info struct {
		System struct {
			EntityID string `json:"entity_id"`
		} `json:"system"`
		Status struct {
			StartupTime string `json:"startup_time"`
		} `json:"status"`
	}
	if err := c.list(ctx, opInfo, &info, "asterisk", "info"); err != nil {
		return "", err
	}
	if info.System.EntityID == "" || info.Status.StartupTime == "" {
		return "", errors.New("the exchange does not tell its entity and start-up time")
	}
	return info.System.EntityID + entityAt + info.Status.StartupTime, nil
}

func (c *Client) list(ctx context.Context, op string, out any, path ...string) error {
	return c.do(ctx, request{op: op, method: http.MethodGet, path: path, again: true, guard: unguarded, slow: true}, out)
}
