package asterisk

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
	"text/template"
)

//go:embed templates/*.conf
var templates embed.FS

// modules is all that is loaded; what is not here cannot be attacked (telephony.md 5.2).
func modules(bench bool) []string {
	list := []string{
		// base: files, clock, formats, codecs
		"res_sorcery_config", "res_sorcery_memory", "res_sorcery_astdb", "res_timing_timerfd", "res_crypto",
		"format_pcm", "format_wav", "codec_alaw", "codec_ulaw", "codec_a_mu", "codec_resample", "res_musiconhold",
		// SIP, RTP, browsers
		"res_http_websocket", "res_pjproject", "res_pjsip", "res_pjsip_session", "res_pjsip_pubsub", "res_pjsip_sdp_rtp",
		"res_pjsip_authenticator_digest", "res_pjsip_endpoint_identifier_user", "res_pjsip_endpoint_identifier_ip",
		"res_pjsip_registrar", "res_pjsip_caller_id", "res_pjsip_nat", "res_pjsip_rfc3326", "res_pjsip_dtmf_info",
		"res_pjsip_header_funcs", "res_pjsip_refer", "res_pjsip_transport_websocket", "res_rtp_asterisk", "res_srtp", "chan_pjsip",
		"res_security_log",
		// bridges
		"bridge_holding", "bridge_simple", "bridge_native_rtp", "bridge_softmix", "chan_bridge_media",
		// ARI
		"res_websocket_client", "res_stasis", "res_stasis_answer", "res_stasis_playback", "res_stasis_recording", "res_stasis_snoop", "res_stasis_device_state",
		"res_ari_model", "res_ari", "res_ari_applications", "res_ari_asterisk", "res_ari_bridges", "res_ari_channels",
		"res_ari_device_states", "res_ari_endpoints", "res_ari_events", "res_ari_playbacks", "res_ari_recordings",
		// dialplan
		"pbx_config", "app_stasis", "app_playback", "app_record", "func_callerid", "func_cdr", "func_channel", "func_logic", "func_strings",
		"res_cdrel_custom", "cdr_custom", "cel_custom", "app_celgenuserevent",
	}
	if bench {
		list = append(list, "app_dial", "app_queue", "app_milliwatt", "app_echo", "func_timeout", "func_global")
	}
	return list
}

// layout is where things are as Asterisk sees them, which is inside its root if it has one.
type layout struct {
	Home    string // its Dir
	Modules string // folder of module files
}

type view struct {
	Config
	layout
	EntityID    string
	ModuleNames []string
	SIPHost     string
	HTTPHost    string
	HTTPPort    uint16
	Unknown     []string // patterns of numbers that are no line of ours
	Fallback    int      // seconds
}

// render is all configuration files by name. It is a function of its arguments: golden tests hold the texts.
func render(c Config, l layout) (map[string]string, error) {
	sip, err := netip.ParseAddrPort(c.SIPAddr)
	if err != nil {
		return nil, fmt.Errorf("sip_addr: %w", err)
	}
	http, err := netip.ParseAddrPort(c.HTTPAddr)
	if err != nil {
		return nil, fmt.Errorf("http_addr: %w", err)
	}
	v := view{
		Config: c, layout: l, EntityID: c.entityID(), ModuleNames: modules(c.Bench), Fallback: int(c.FallbackAfter.Seconds()),
		SIPHost: sip.Addr().String(), HTTPHost: http.Addr().String(), HTTPPort: http.Port(),
	}
	for digits := 1; digits <= 20; digits++ { // bounded patterns: no dialled string reaches the dialplan with . or !
		v.Unknown = append(v.Unknown, "_"+strings.Repeat("X", digits))
	}
	parsed, err := template.ParseFS(templates, "templates/*.conf")
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	files := map[string]string{}
	// Asterisk complains about each of these that is not there; their defaults hold.
	for _, name := range []string{"acl", "ccss", "features", "pjproject", "queues", "stasis", "udptl", "websocket_client"} {
		files[name+".conf"] = "; the defaults hold\n"
	}
	for _, t := range parsed.Templates() {
		var text bytes.Buffer
		if err := t.Execute(&text, v); err != nil {
			return nil, fmt.Errorf("render %s: %w", t.Name(), err)
		}
		files[path.Base(t.Name())] = text.String()
	}
	for _, name := range slices.Sorted(maps.Keys(c.Extra)) {
		files[name] += "\n" + c.Extra[name]
	}
	return files, nil
}
