package ari

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/CyCoreSystems/ari/v5"

	"hotline/telephony"
)

// PutEndpoint creates or changes a seat's telephone account in Asterisk's memory (telephony.md 3.3): a browser registers
// with the digest, a sip phone is found at its fixed contact. Changing one keeps its registration.
func (c *Client) PutEndpoint(ctx context.Context, e telephony.Endpoint) error {
	if e.Name == "" || (e.HA1 == "") == (e.Contact == "") {
		return fmt.Errorf("endpoint %q: needs a name, and either a digest or a contact", e.Name)
	}
	objects := []object{{"aor", c.aor(e)}, {"endpoint", c.endpoint(e)}}
	if e.HA1 != "" {
		objects = append([]object{{"auth", c.auth(e)}}, objects...) // what is referred to comes first
	}
	for _, o := range objects {
		if err := c.push(ctx, o, e.Name); err != nil {
			return about("endpoint", e.Name, err)
		}
	}
	c.mu.Lock()
	c.watched[e.Name] = struct{}{}
	c.mu.Unlock()
	// After each push: a deletion in between has ended the subscription for good, without an event.
	return c.Watch(ctx, endpointSource(e.Name))
}

// DropEndpoint removes the account, endpoint first; without aor and auth a later push would revive the old registration.
// All three are tried, so that one failure leaves as little as possible.
func (c *Client) DropEndpoint(ctx context.Context, name string) error {
	c.mu.Lock()
	delete(c.watched, name)
	c.mu.Unlock()
	var failed []error
	for _, kind := range []string{"endpoint", "aor", "auth"} {
		err := without(c.do(ctx, request{
			op: opDropEndpoint, method: http.MethodDelete, path: dynamic(kind, name), again: true,
		}, nil), (*Error).Gone)
		failed = append(failed, about(kind, name, err))
	}
	return errors.Join(failed...)
}

// Registered tells which telephones the exchange sees now, and which it knows and does not see. Events tell the changes; this is
// for after events were missed.
func (c *Client) Registered(ctx context.Context) (map[string]bool, error) {
	var all []ari.EndpointData
	if err := c.list(ctx, opEndpoints, &all, "endpoints", "PJSIP"); err != nil {
		return nil, fmt.Errorf("list telephones: %w", err)
	}
	seen := make(map[string]bool, len(all))
	for _, e := range all {
		seen[e.Resource] = e.State == online
	}
	return seen, nil
}

type object struct {
	kind   string
	fields []ari.ConfigTuple
}

func (c *Client) push(ctx context.Context, o object, name string) error {
	return c.do(ctx, request{
		op: opPutEndpoint, method: http.MethodPut, path: dynamic(o.kind, name),
		body: ari.ConfigTupleList{Fields: o.fields}, again: true,
	}, nil)
}

func (c *Client) auth(e telephony.Endpoint) []ari.ConfigTuple {
	return []ari.ConfigTuple{
		{Attribute: "auth_type", Value: "digest"},
		{Attribute: "username", Value: e.Name},
		{Attribute: "realm", Value: c.cfg.Seats.Realm},
		{Attribute: "password_digest", Value: "MD5:" + e.HA1}, // the only algorithm that browsers' SIP libraries know
	}
}

func (c *Client) aor(e telephony.Endpoint) []ari.ConfigTuple {
	if e.Contact != "" {
		return []ari.ConfigTuple{
			{Attribute: "contact", Value: e.Contact},
			{Attribute: "qualify_frequency", Value: "0"}, // a fixed contact counts as there; the first call finds out
		}
	}
	every := c.cfg.Seats.Qualify.Seconds()
	return []ari.ConfigTuple{
		{Attribute: "max_contacts", Value: "1"},
		{Attribute: "remove_existing", Value: "yes"},
		{Attribute: "qualify_frequency", Value: strconv.Itoa(max(1, int(every)))},
		{Attribute: "qualify_timeout", Value: "2.0"},
		{Attribute: "maximum_expiration", Value: "300"},
	}
}

func (c *Client) endpoint(e telephony.Endpoint) []ari.ConfigTuple {
	fields := []ari.ConfigTuple{
		{Attribute: "aors", Value: e.Name},
		{Attribute: "context", Value: c.cfg.Seats.Context},
		{Attribute: "allow", Value: "!all,alaw,ulaw"},
		{Attribute: "direct_media", Value: "no"},
		{Attribute: "allow_transfer", Value: "no"},
		{Attribute: "allow_subscribe", Value: "no"},
		{Attribute: "dtmf_mode", Value: "rfc4733"},
		{Attribute: "device_state_busy_at", Value: "1"},
		{Attribute: "rtp_timeout", Value: "0"},
		{Attribute: "timers", Value: "yes"},
	}
	if e.Contact != "" {
		return append(fields, ari.ConfigTuple{Attribute: "transport", Value: c.cfg.Seats.SIPTransport})
	}
	return append(fields,
		ari.ConfigTuple{Attribute: "auth", Value: e.Name},
		ari.ConfigTuple{Attribute: "transport", Value: c.cfg.Seats.BrowserTransport},
		ari.ConfigTuple{Attribute: "webrtc", Value: "yes"},
	)
}

func dynamic(kind, name string) []string {
	return []string{"asterisk", "config", "dynamic", "res_pjsip", kind, name}
}
