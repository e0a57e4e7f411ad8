package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// network is a setting's range of addresses: 10.1.0.0/16, or one address.
type network struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *network) UnmarshalText(text []byte) error {
	s := string(text)
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		n.Prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil || p.Addr().Is4In6() {
		return fmt.Errorf("%q is no address and no network: want 127.0.0.1 or 10.1.0.0/16", s)
	}
	n.Prefix = p.Masked()
	return nil
}

// holds says whether one of the networks has the address.
func holds(networks []network, addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(n network) bool { return n.Contains(addr) })
}

func prefixes(networks []network) []netip.Prefix {
	out := make([]netip.Prefix, len(networks))
	for i, n := range networks {
		out[i] = n.Prefix
	}
	return out
}

// behind puts the asker's own address into RemoteAddr when the request comes from a trusted proxy, so that every limit, every
// log and every socket's ticket below means the person and not the proxy (V4.1.3, RS7). Nobody else's X-Forwarded-For is read.
func behind(trusted []network, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if from, ok := forwarded(trusted, r.RemoteAddr, r.Header.Values("X-Forwarded-For")); ok {
			r = r.Clone(r.Context())
			r.RemoteAddr = net.JoinHostPort(from.String(), "0")
		}
		next.ServeHTTP(w, r)
	})
}

// forwarded is the last address in the list that no trusted proxy of ours has: what stands before it, the asker may have written. False
// when the request came from no trusted proxy or no proxy says for whom it came.
func forwarded(trusted []network, remote string, headers []string) (netip.Addr, bool) {
	port, err := netip.ParseAddrPort(remote)
	if err != nil || !holds(trusted, port.Addr()) {
		return netip.Addr{}, false
	}
	said := strings.Split(strings.Join(headers, ","), ",")
	var from netip.Addr
	for _, hop := range slices.Backward(said) {
		addr, err := hopAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		if from = addr; !holds(trusted, addr) {
			break
		}
	}
	return from, from.IsValid()
}

// hopAddr reads an address with or without a port: some proxies write it.
func hopAddr(hop string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(strings.Trim(hop, "[]"))
	if err != nil {
		port, err := netip.ParseAddrPort(hop)
		if err != nil {
			return netip.Addr{}, fmt.Errorf("read a forwarded address: %w", err)
		}
		addr = port.Addr()
	}
	return addr.Unmap().WithZone(""), nil
}
