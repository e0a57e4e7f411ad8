package local

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// ListenerUser is the user (uid) whose process listens at an address "127.0.0.1:8080" of this machine, or at all of its addresses, by
// the kernel's tables under root, which everybody may read.
func ListenerUser(root fs.FS, address string) (int, bool) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return 0, false
	}
	s, found := listener(root, "tcp", at)
	return s.uid, found
}

// listener is who has an address, of "tcp" or "udp".
func listener(root fs.FS, table string, at netip.AddrPort) (socket, bool) {
	for _, name := range []string{table, table + "6"} {
		for _, s := range sockets(root, name) {
			if s.at.Port() == at.Port() && (s.at.Addr() == at.Addr().Unmap() || s.at.Addr().IsUnspecified()) {
				return s, true
			}
		}
	}
	return socket{}, false
}

// socket is a line of one of the kernel's tables.
type socket struct {
	at    netip.AddrPort
	uid   int
	inode string
}

// sockets are those of a table that listen, or, of UDP, that hear everybody.
func sockets(root fs.FS, table string) []socket {
	text, err := fs.ReadFile(root, "proc/net/"+table)
	if err != nil {
		return nil // no IPv6
	}
	var all []socket
	for line := range bytes.Lines(text) {
		var s socket
		if s.read(string(line)) {
			all = append(all, s)
		}
	}
	return all
}

func (s *socket) read(line string) bool {
	const listening, unconnected = "0A", "07"
	fields := strings.Fields(line)
	if len(fields) < 10 || fields[3] != listening && fields[3] != unconnected {
		return false
	}
	host, port, _ := strings.Cut(fields[1], ":")
	raw, err := hex.DecodeString(host)
	if err != nil || len(raw) != net.IPv4len && len(raw) != net.IPv6len {
		return false
	}
	for word := range slices.Chunk(raw, 4) { // each is a number of this machine's byte order
		binary.BigEndian.PutUint32(word, binary.NativeEndian.Uint32(word))
	}
	addr, _ := netip.AddrFromSlice(raw)
	var number uint16
	if _, err := fmt.Sscanf(port+" "+fields[7], "%X %d", &number, &s.uid); err != nil {
		return false
	}
	s.at, s.inode = netip.AddrPortFrom(addr.Unmap(), number), fields[9]
	return true
}
