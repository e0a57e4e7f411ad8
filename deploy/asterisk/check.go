package asterisk

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"

	"hotline/deploy/local"
)

// Finding is one line of a check: what was looked at, what was found, and the mend if it is wrong.
type Finding struct {
	Name   string
	OK     bool
	Detail string
	Mend   string
}

// CheckConfig says what to look at; empty fields are not looked at.
type CheckConfig struct {
	Cache                        string // where a private root would be
	ARIURL, ARIUser, ARIPassword string
	Sounds                       Sounds
}

// Check looks at the installation, the running exchange's modules, the prompts and the network, and changes nothing.
func Check(ctx context.Context, cfg CheckConfig) []Finding {
	var out []Finding
	if cfg.Cache != "" {
		out = append(out, checkInstalled(ctx, cfg.Cache))
	}
	if cfg.ARIURL != "" {
		out = append(out, checkRunning(ctx, cfg)...)
	}
	if cfg.Sounds.Dir != "" {
		out = append(out, checkSounds(cfg.Sounds))
	}
	return append(out, checkMedia())
}

func checkInstalled(ctx context.Context, cache string) Finding {
	f := Finding{Name: "asterisk"}
	inst, err := Find(ctx, cache)
	if err != nil {
		f.Detail, f.Mend = err.Error(), "run make demo once as root, or install asterisk "+MinVersion+" or newer"
		return f
	}
	f.OK, f.Detail = true, inst.Version
	if inst.Root != "" {
		f.Detail += " in " + inst.Root
	}
	return f
}

func checkRunning(ctx context.Context, cfg CheckConfig) []Finding {
	f := Finding{Name: "asterisk modules"}
	missing, err := missingModules(ctx, cfg.ARIURL, cfg.ARIUser, cfg.ARIPassword, modules(false))
	switch {
	case err != nil:
		f.Name, f.Detail, f.Mend = "asterisk ari", err.Error(), "start Asterisk, and compare ari_url, ari_user and the password file with its ari.conf"
	case len(missing) > 0:
		f.Detail, f.Mend = "missing: "+strings.Join(missing, " "), "load them in modules.conf, and look into Asterisk's messages.log"
	default:
		f.OK, f.Detail = true, "all loaded"
	}
	return []Finding{f, checkVersion(ctx, cfg)}
}

// checkVersion asks the exchange that runs, which need not be the one that is installed here.
func checkVersion(ctx context.Context, cfg CheckConfig) Finding {
	f := Finding{Name: "asterisk version"}
	var info struct {
		System struct {
			Version string `json:"version"`
		} `json:"system"`
	}
	err := ariGet(ctx, strings.TrimSuffix(cfg.ARIURL, "/")+"/ari/asterisk/info?only=system", cfg.ARIUser, cfg.ARIPassword, &info)
	switch f.Detail = info.System.Version; {
	case err != nil:
		f.Detail, f.Mend = err.Error(), "start Asterisk"
	case !newEnough(f.Detail):
		f.Mend = "bring it to " + MinVersion + " or newer: older ones have known holes in ARI"
	default:
		f.OK = true
	}
	return f
}

func missingModules(ctx context.Context, url, user, password string, want []string) ([]string, error) {
	var there []struct {
		Name   string `json:"name"`
		Status string `json:"status"`
	}
	if err := ariGet(ctx, strings.TrimSuffix(url, "/")+"/ari/asterisk/modules", user, password, &there); err != nil {
		return nil, err
	}
	running := map[string]bool{}
	for _, m := range there {
		running[strings.TrimSuffix(m.Name, ".so")] = m.Status == "Running"
	}
	return slices.DeleteFunc(slices.Clone(want), func(name string) bool { return running[name] }), nil
}

func checkSounds(s Sounds) Finding {
	f := Finding{Name: "prompts"}
	missing, err := s.Missing()
	switch {
	case err != nil:
		f.Detail = err.Error()
	case len(missing) > 0:
		f.Detail, f.Mend = "missing: "+strings.Join(missing, " "), "delete "+s.Dir+" and start again; they are made anew"
	default:
		f.OK, f.Detail = true, "all there"
	}
	return f
}

func checkMedia() Finding {
	f := Finding{Name: "media address"}
	addr, err := MediaAddress()
	if err != nil {
		f.Detail, f.Mend = err.Error(), mediaMend
		return f
	}
	f.OK, f.Detail = true, addr.String()
	return f
}

const (
	loneAddress = "10.99.0.1/32"
	mediaMend   = "as root: ip addr add " + loneAddress + " dev lo"
)

// MediaAddress is an address at which browsers and Asterisk can meet: any but 127.0.0.0/8, which Asterisk never offers to ICE
// (telephony.md 3.5).
func MediaAddress() (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("list network addresses: %w", err)
	}
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
			return p.Addr(), nil
		}
	}
	return netip.Addr{}, fmt.Errorf("this machine has no address but loopback, and browsers' audio needs one; %s", mediaMend)
}

// EnsureMediaAddress gives a machine that has only loopback one private address on lo, when we are root; else it says how.
func EnsureMediaAddress(ctx context.Context, progress local.Progress) (netip.Addr, error) {
	addr, err := MediaAddress()
	if err == nil || os.Geteuid() != 0 {
		return addr, err
	}
	if err := local.EnsurePackages(ctx, progress, "iproute2"); err != nil {
		return netip.Addr{}, err
	}
	progress.Say("adding " + loneAddress + " to lo, for browsers' audio")
	if out, err := exec.CommandContext(ctx, "ip", "addr", "add", loneAddress, "dev", "lo").CombinedOutput(); err != nil {
		return netip.Addr{}, fmt.Errorf("add %s: %w: %s", loneAddress, err, out)
	}
	return MediaAddress()
}
