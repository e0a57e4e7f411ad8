package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/CyCoreSystems/ari/v5"

	"hotline/telephony"
)

// ResumeHeader in the INVITE tells the seat's page that this is the conversation it had before: it answers by itself.
const ResumeHeader = "X-Hotline-Resume"

// Answer picks a citizen's call up. It is not repeated, not even after a lost reply: on a channel that is up it would
// stop the music (telephony.md 2.4).
func (c *Client) Answer(ctx context.Context, leg telephony.LegID) error {
	return c.answer(ctx, guarded, leg)
}

func (c *Client) answer(ctx context.Context, g guard, leg telephony.LegID) error {
	err := c.do(ctx, request{op: opAnswer, method: http.MethodPost, path: []string{"channels", string(leg), "answer"}, guard: g}, nil)
	return about("leg", leg, err)
}

// Hangup ends a leg. It does not ask the fence, since hanging up a leg whose partner is gone is the one act that hold-only
// allows (R4); whether this is one, the controller decides. Once replaced, nothing is hung up any more.
func (c *Client) Hangup(ctx context.Context, leg telephony.LegID, reason string) error {
	r := request{op: opHangup, method: http.MethodDelete, path: []string{"channels", string(leg)}, again: true, guard: cleanup}
	if reason != "" {
		r.query = url.Values{"reason": {reason}}
	}
	err := without(c.do(ctx, r, nil), (*Error).Gone)
	return about("leg", leg, err)
}

// Return gives a citizen's leg back to the dialplan, where the net under the controller takes it (R1). It is a decision (R4): by
// now the leg may be another controller's call.
func (c *Client) Return(ctx context.Context, leg telephony.LegID) error {
	err := without(c.do(ctx, request{
		op: opReturn, method: http.MethodPost, path: []string{"channels", string(leg), "continue"},
		query: url.Values{"context": {"net"}, "extension": {"s"}, "priority": {"1"}}, again: true,
	}, nil), (*Error).Gone)
	return about("leg", leg, err)
}

// Mute keeps what a leg says from everybody, in whatever bridge it is; twice is once.
func (c *Client) Mute(ctx context.Context, leg telephony.LegID, on bool) error {
	method := http.MethodPost
	if !on {
		method = http.MethodDelete
	}
	err := c.do(ctx, request{
		op: opMute, method: method, path: []string{"channels", string(leg), "mute"}, query: url.Values{"direction": {"in"}}, again: true,
	}, nil)
	return about("leg", leg, err)
}

// Plays says by nil that an announcement runs, by telephony.ErrGone that it does not.
func (c *Client) Plays(ctx context.Context, playback string) error {
	err := c.do(ctx, request{op: opPlays, method: http.MethodGet, path: []string{"playbacks", playback}, again: true, guard: unguarded}, nil)
	return about("playback", playback, err)
}

// Ring calls a seat. The leg's id is ours, so after a lost reply the repetition finds it there (F18).
func (c *Client) Ring(ctx context.Context, r telephony.RingRequest) error {
	if r.Limit <= 0 {
		return fmt.Errorf("ring %s: the limit must be positive, Asterisk takes 0 as 30 s", r.Leg)
	}
	call := ari.OriginateRequest{
		Endpoint:   "PJSIP/" + r.Endpoint,
		App:        c.cfg.App,
		AppArgs:    "seat," + string(r.Leg),
		CallerID:   callerID(r.CallerID),
		Timeout:    int((r.Limit + time.Second - 1) / time.Second),
		Originator: string(r.Caller), // also puts its codecs first
	}
	if r.Caller == "" {
		call.Formats = "alaw,ulaw"
	}
	if r.Resume {
		call.Variables = map[string]string{"PJSIP_HEADER(add," + ResumeHeader + ")": "1"}
	}
	err := without(c.do(ctx, request{
		op: opRing, method: http.MethodPost, path: []string{"channels", string(r.Leg)}, body: call, again: true, about: r.Endpoint,
	}, nil), (*Error).exists)
	return about("endpoint", r.Endpoint, about("leg", r.Leg, err))
}

// Play starts an announcement. It may be done in hold-only: words move nobody (RT5). It is not repeated: Asterisk would queue the same playback twice. A bare name is a sound file.
func (c *Client) Play(ctx context.Context, leg telephony.LegID, playback string, media ...string) error {
	uris := make([]string, len(media))
	for i, m := range media {
		uris[i] = m
		if !strings.Contains(m, ":") {
			uris[i] = "sound:" + m
		}
	}
	err := c.do(ctx, request{
		op: opPlay, method: http.MethodPost, path: []string{"channels", string(leg), "play", playback},
		body: map[string]any{"media": uris}, guard: cleanup,
	}, nil)
	return about("playback", playback, about("leg", leg, err))
}

// StopPlay ends an announcement, which also frees the leg for Join and Hold.
func (c *Client) StopPlay(ctx context.Context, playback string) error {
	err := without(c.do(ctx, request{
		op: opStopPlay, method: http.MethodDelete, path: []string{"playbacks", playback}, again: true,
	}, nil), (*Error).Gone)
	return about("playback", playback, err)
}

// Watch subscribes to a source's events. Twice is harmless, and it is allowed in hold-only: it only listens.
func (c *Client) Watch(ctx context.Context, source string) error {
	err := c.do(ctx, request{
		op: opWatch, method: http.MethodPost, path: []string{"applications", c.cfg.App, "subscription"},
		query: url.Values{"eventSource": {source}}, again: true, guard: unguarded, about: strings.TrimPrefix(source, "channel:"),
	}, nil)
	return about("source", source, err)
}

// callerID is what the seat's telephone shows. Quotes and brackets would change its meaning.
func callerID(shown string) string {
	shown = strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`"<>\`, r) {
			return -1
		}
		return r
	}, shown)
	if shown == "" {
		return ""
	}
	return fmt.Sprintf("%q <%s>", shown, shown)
}

// about names what a verb was about.
func about[T ~string](what string, id T, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, id, err)
}

func gone(err error) bool { return errors.Is(err, telephony.ErrGone) }
