package local

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ClaimPort keeps a port from others who claim theirs, though nobody listens there yet, until release is called or this process ends.
// kind is "tcp4", "udp4", or any other space of numbers. The claim is a name that the system gives to one process at a time.
func ClaimPort(kind string, port int) (func(), error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("claim a port: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("@hotline-port-%s-%d", kind, port)}); err != nil {
		_ = syscall.Close(fd)
		return nil, fmt.Errorf("claim port %d: %w", port, err)
	}
	return func() { _ = syscall.Close(fd) }, nil
}

// PortHolder tells who has an address of this machine, of "tcp4" or "udp4"; "" when the kernel knows nobody.
func PortHolder(kind, address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	if s, found := listener(os.DirFS("/"), strings.TrimSuffix(kind, "4"), at); found {
		return s.holder(s.pid())
	}
	return ""
}

// OpenPort is an address at which somebody listens.
type OpenPort struct {
	Kind string // tcp, tcp6, udp, udp6
	At   netip.AddrPort
	PID  int    // of one process that does; 0: not to be seen by us
	Who  string // the same in words
}

// OfResolver : it is one of the two sockets that PJSIP opens in every Asterisk to ask DNS, which we never let it. It hears nothing but
// answers to questions, and no setting closes it.
func (o OpenPort) OfResolver() bool {
	const firstOfSystem = 32768 // the system has chosen the port, not a configuration
	return strings.HasPrefix(o.Kind, "udp") && o.At.Port() >= firstOfSystem && strings.Contains(o.Who, "asterisk -f")
}

// OpenPorts are all in this network namespace at which anybody beyond loopback is heard.
func OpenPorts() []OpenPort {
	var open []OpenPort
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		for _, s := range sockets(os.DirFS("/"), table) {
			if !s.at.Addr().IsLoopback() {
				pid := s.pid()
				open = append(open, OpenPort{Kind: table, At: s.at, PID: pid, Who: s.holder(pid)})
			}
		}
	}
	return open
}

func (s socket) pid() int {
	files, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is well formed
	for _, file := range files {
		if is, err := os.Readlink(file); err == nil && is == "socket:["+s.inode+"]" {
			pid, _ := strconv.Atoi(strings.Split(file, "/")[2]) // digits, by the pattern
			return pid
		}
	}
	return 0
}

func (s socket) holder(pid int) string {
	if pid == 0 {
		return "a process of user " + strconv.Itoa(s.uid) // whose files only that user and root may look at
	}
	return who(pid)
}
