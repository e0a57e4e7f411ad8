package aritest

import (
	"encoding/json"
	"net/http"
)

// endpoint is a pushed account.
type endpoint struct {
	online  bool
	watched bool
}

// Register puts a telephone behind a pushed endpoint; without one nothing happens, as a REGISTER is refused.
func (a *Asterisk) Register(name string) { a.setOnline(name, true) }

// Unregister takes it away: the browser is closed.
func (a *Asterisk) Unregister(name string) { a.setOnline(name, false) }

// Endpoint shows an account: the fields of its endpoint, aor and auth as they were pushed, under "endpoint/transport" and
// the like; false when no endpoint of that name is there.
func (a *Asterisk) Endpoint(name string) (map[string]string, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := map[string]string{}
	for _, kind := range []string{"endpoint", "aor", "auth"} {
		for attribute, v := range a.objects[kind+"/"+name] {
			all[kind+"/"+attribute] = v
		}
	}
	return all, a.endpoints[name] != nil
}

func (a *Asterisk) setOnline(name string, online bool) {
	a.do(func() {
		ep := a.endpoints[name]
		if ep == nil || ep.online == online {
			return
		}
		ep.online = online
		if !ep.watched {
			return
		}
		peer, contact := "Unreachable", "Removed"
		if online {
			peer, contact = "Reachable", "NonQualified"
		}
		at := ep.shown(name)
		a.emitLocked("PeerStatusChange", map[string]any{"endpoint": at, "peer": map[string]string{"peer_status": peer}})
		a.emitLocked("ContactStatusChange", map[string]any{
			"endpoint": at, "contact_info": map[string]string{"aor": name, "contact_status": contact, "uri": "sip:" + name + "@browser"},
		})
		a.emitLocked("EndpointStateChange", map[string]any{"endpoint": at})
	})
}

func (e *endpoint) shown(name string) map[string]any {
	state := "offline"
	if e.online {
		state = "online"
	}
	return map[string]any{"technology": "PJSIP", "resource": name, "state": state, "channel_ids": []string{}}
}

func (a *Asterisk) listEndpoints(*http.Request, []byte) answer {
	all := []map[string]any{}
	for name, ep := range a.endpoints {
		all = append(all, ep.shown(name))
	}
	return answer{http.StatusOK, all}
}

func (a *Asterisk) push(r *http.Request, body []byte) answer {
	var o struct {
		Fields []struct{ Attribute, Value string }
	}
	if json.Unmarshal(body, &o) != nil {
		return refuse(http.StatusBadRequest, "Invalid JSON")
	}
	kind, name := r.PathValue("kind"), r.PathValue("name")
	fields := map[string]string{}
	for _, f := range o.Fields {
		fields[f.Attribute] = f.Value
	}
	a.objects[kind+"/"+name] = fields
	if kind == "endpoint" {
		if a.endpoints[name] == nil {
			a.endpoints[name] = &endpoint{}
		}
		if a.objects["aor/"+name]["contact"] != "" {
			a.endpoints[name].online = true
		}
	}
	return answer{http.StatusOK, o.Fields}
}

// drop: deleting an endpoint raises no event and ends its subscription for good.
func (a *Asterisk) drop(r *http.Request, _ []byte) answer {
	kind, name := r.PathValue("kind"), r.PathValue("name")
	if a.objects[kind+"/"+name] == nil {
		return refuse(http.StatusNotFound, "Object with id '"+name+"' not found")
	}
	delete(a.objects, kind+"/"+name)
	if kind == "endpoint" {
		delete(a.endpoints, name)
	}
	return answer{http.StatusNoContent, nil}
}
